"""What the engine is told in place of what was asked, or why it is told nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


class Refused(Exception):
    """A call that isn't let through; the text is for the caller, and one line."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the engine is told in place of what was asked.

    Its body is ``content``, or the request's own through ``stream``, which may look at the pieces
    and raise ``Refused``; without either there is none. ``upgrade`` is a protocol to change to.
    What the engine answers with goes through ``answer``.
    """

    target: str
    content: bytes | None = None
    stream: Callable[[Iterator[bytes]], Iterator[bytes]] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    upgrade: str = ""
    answer: Callable[[Iterator[bytes]], Iterator[bytes]] | None = None


class Absent(Exception):
    """What a call is about isn't there: answered with 404 and this text, as the engine would. It is
    not asked again, for somebody else's may have the name by then."""

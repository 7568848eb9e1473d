"""What may happen to a call on its way to the engine, or on its way back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Dropped:
    """The engine does its work; nobody hears of it."""


@dataclass(frozen=True, slots=True)
class Late:
    """The engine does its work; its answer comes ``seconds`` later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The call is answered with an error; ``after`` the engine did its work, or without asking it."""

    status: int = 500
    message: str = "something broke"
    after: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """Of the answer's body, ``size_bytes`` arrive. Then the connection ends, or, ``clean``, the answer
    does, as if that was all. An attached stream ends on the engine's side as well."""

    size_bytes: int = 0
    clean: bool = False


@dataclass(frozen=True, slots=True)
class Stalled:
    """Of what the engine says in an attached stream, ``size_bytes`` arrive, then nothing."""

    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class CutUpload:
    """Of the request's body, ``size_bytes`` arrive; then both connections end."""

    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Away:
    """The call and all other connections end, and nobody listens for ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Struck:
    """The call reaches the engine; then, after ``seconds``, the ``blow`` falls, and ``heal`` mends
    in the background what it broke."""

    blow: Callable[[], None]
    heal: Callable[[], None]
    seconds: float = 0.0


Fault: TypeAlias = Dropped | Late | Failed | Cut | Stalled | CutUpload | Away | Struck


@dataclass(slots=True)
class Rule:
    """A fault of the calls ``nth`` to ``nth + times - 1`` (from 1) that match ``call``, a regular
    expression for what comes in front of the query, without the version: ``POST /commit``."""

    call: str
    fault: Fault
    nth: int = 1
    times: int = 1
    seen: int = 0
    hits: int = 0
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        self.pattern = re.compile(self.call)

    def strikes(self, call: str) -> bool:
        """Count a call, and say whether it is one of those that are to fail."""
        if not self.pattern.fullmatch(call):
            return False
        self.seen += 1
        struck = self.nth <= self.seen < self.nth + self.times
        self.hits += struck
        return struck

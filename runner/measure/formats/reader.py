"""What reads lines: each tool's reader is asked only about the lines that may be its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from runner.measure.formats.sighting import Sighting


class LineReader(Protocol):
    """Reads one tool's lines.

    It is asked about a line that begins with one of the characters of ``first`` or that has
    ``mark`` in it, and about every line while it is ``open``: in the middle of a table, say.
    """

    tool: str
    first: str
    mark: str

    @property
    def open(self) -> bool: ...

    def feed(self, text: str, previous: str) -> Iterable[Sighting]:
        """The metrics that ``text`` completes; ``previous`` is the line before it."""
        ...


class SingleLines:
    """Reads a tool's lines one by one, each of which stands for itself."""

    mark = ""
    open = False

    def __init__(self, tool: str, first: str, read: Callable[[str], Iterator[Sighting]]) -> None:
        self.tool = tool
        self.first = first
        self._read = read

    def feed(self, text: str, previous: str) -> Iterable[Sighting]:
        del previous
        return self._read(text)

"""Secrets taken out of a stream of bytes, wherever the stream was cut into pieces."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = b"***"


class Redactor:
    """Replaces each of ``hidden`` by ``MASK``. What could be the beginning of one is held back
    until it is known not to be; ``end`` gives it up.

    Only the very bytes are found: what was encoded, split by other bytes or turned around is not.
    """

    def __init__(self, hidden: Iterable[bytes]) -> None:
        self._hidden = sorted(filter(None, hidden), key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._hidden)))
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What may be shown now."""
        if not self._hidden:
            return data
        text, shown, at = self._held + data, b"", 0
        while True:
            found = self._pattern.search(text, at)
            last = found.start() if found else len(text) - 1
            hold = self._beginning(text, at, last)
            if hold is not None or found is None:
                cut = len(text) if hold is None else hold
                self._held = text[cut:]
                return shown + text[at:cut]
            shown += text[at:last] + MASK
            at = found.end()

    def end(self) -> bytes:
        """What was held back; nothing comes after it."""
        held, self._held = self._held, b""
        return self._pattern.sub(MASK, held) if self._hidden else held

    def _beginning(self, text: bytes, first: int, last: int) -> int | None:
        """Where from ``first`` to ``last`` an end of ``text`` starts with which a hidden one begins
        that may go on."""
        longest = len(self._hidden[0]) - 1
        for start in range(max(first, len(text) - longest), last + 1):
            left = len(text) - start
            if any(len(each) > left and text.endswith(each[:left]) for each in self._hidden):
                return start
        return None

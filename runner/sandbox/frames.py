"""Bytes between the planner and a container: the engine's stream frames, and a session's own.

Everything here is pure and incremental: bytes go in as they come, in pieces of any size.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_HEADER = 8
_MAX_DIGITS = 3  # of an exit code

# Waits for a word on stdin, runs the command with nothing on its own stdin (or it could read, or
# eat, the planner's words), then says the word back with the exit code. Both streams are one, so
# that what was printed and the frame that ends it can't change places. Its exit code says whether it
# ended for want of words: a command that kills it can't give it that code.
NO_MORE_WORDS = 75
LOOP = (
    "while IFS= read -r word; do "
    '"$@" </dev/null 2>&1; '
    'printf \'\\n%s %d\\n\' "$word" "$?"; '
    f"done; exit {NO_MORE_WORDS}"
)


class Demux:
    """Undo the engine's multiplexing: 8 bytes of header (stream, 0, 0, 0, size), then payload."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._left = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads in ``data``, of both streams, in the order in which they came."""
        pieces = []
        view = memoryview(data)
        while view:
            if self._left == 0:
                take = min(_HEADER - len(self._header), len(view))
                self._header += view[:take]
                view = view[take:]
                if len(self._header) == _HEADER:
                    self._left = int.from_bytes(self._header[4:], "big")
                    self._header.clear()
                continue
            take = min(self._left, len(view))
            pieces.append(bytes(view[:take]))
            view = view[take:]
            self._left -= take
        return pieces

    @property
    def is_midway(self) -> bool:
        """Whether a frame has begun that has not ended: here no stream ends by itself."""
        return bool(self._left or self._header)


@dataclass(slots=True)
class FrameReader:
    """Collects one repetition's output until its end frame ``\\n<word> <code>\\n``.

    At most ``cap_bytes`` are kept; ``complete`` turns false when more came. ``code`` is the
    command's exit code once the frame was seen.
    """

    word: bytes
    cap_bytes: int = 4 << 20
    output: bytearray = field(default_factory=bytearray)
    complete: bool = True
    code: int | None = None
    _tail: bytes = b""

    def feed(self, data: bytes) -> bool:
        """Take bytes; true once the frame is complete. What comes after the frame is dropped."""
        text = self._tail + data
        mark = b"\n" + self.word + b" "
        start = text.find(mark)
        while start >= 0:
            end = text.find(b"\n", start + len(mark))
            digits = text[start + len(mark) : end]
            if end >= 0 and digits.isdigit():
                self._keep(text[:start])
                self._tail = b""
                self.code = int(digits)
                return True
            if end < 0 and len(text) - start <= len(mark) + _MAX_DIGITS:
                self._keep(text[:start])
                self._tail = text[start:]
                return False
            start = text.find(mark, start + 1)
        hold = len(mark) - 1
        self._keep(text[:-hold])
        self._tail = text[-hold:]
        return False

    def collected(self) -> bytes:
        """The output so far; without a frame this includes what might have been its beginning."""
        room = self.cap_bytes - len(self.output)
        return bytes(self.output) + self._tail[:room]

    def _keep(self, data: bytes) -> None:
        room = self.cap_bytes - len(self.output)
        self.output += data[:room]
        if len(data) > room:
            self.complete = False

"""Where a tar stream ends, told without unpacking it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from runner.errors import EngineUnavailable

_BLOCK = 512
_SIZE, _TYPE = slice(124, 136), 156  # of a header (POSIX.1-1988 ustar)
_BINARY = 0x80  # the first bit of a size that is not octal (GNU)
_EXTENDED = b"x"  # a header for the next member, whose size it may tell (POSIX.1-2001 pax)
_PAX_SIZE = re.compile(rb"\d+ size=(\d+)\n")


def whole_tar(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass a tar stream on, and demand that it ends as one does: with two blocks of zeros where a
    header would be.

    An engine that fails in the middle may end its answer as if all was well, and a reader takes an
    archive that stops between two members for a whole one. Raises ``EngineUnavailable``.
    """
    walk = _Walk()
    for chunk in chunks:
        walk.feed(chunk)
        yield chunk
    if not walk.is_over:
        raise EngineUnavailable("an archive broke off before its end")


class _Walk:
    """Follows a stream from header to header."""

    def __init__(self) -> None:
        self.is_over = False
        self._skip = 0  # bytes of content that are still to come
        self._header = bytearray()
        self._zeros = 0  # blocks of them, in a row
        self._extended: bytearray | None = None
        self._next_size: int | None = None

    def feed(self, data: bytes) -> None:
        view = memoryview(data)
        while view and not self.is_over:
            if self._skip:
                content = view[: self._skip]
                if self._extended is not None:
                    self._extended += content
                self._skip -= len(content)
                view = view[len(content) :]
                continue
            piece = view[: _BLOCK - len(self._header)]
            self._header += piece
            view = view[len(piece) :]
            if len(self._header) == _BLOCK:
                self._take(bytes(self._header))
                self._header.clear()

    def _take(self, header: bytes) -> None:
        self._end_extended()
        if not any(header):
            self._zeros += 1
            self.is_over = self._zeros == 2
            return
        self._zeros = 0
        kind = header[_TYPE : _TYPE + 1]
        size = _size_of(header[_SIZE])
        if kind == _EXTENDED:
            self._extended = bytearray()
        elif self._next_size is not None:
            size, self._next_size = self._next_size, None
        self._skip = -(-size // _BLOCK) * _BLOCK

    def _end_extended(self) -> None:
        if self._extended is not None:
            found = _PAX_SIZE.search(self._extended)
            self._next_size = int(found[1]) if found else None
            self._extended = None


def _size_of(field: bytes) -> int:
    if field[0] & _BINARY:
        return int.from_bytes(field, "big") & ~(_BINARY << 8 * (len(field) - 1))
    try:
        return int(field.rstrip(b"\0 ").lstrip() or b"0", 8)
    except ValueError as error:
        raise EngineUnavailable(f"an archive is damaged: a size of {field!r}") from error

"""A journal's version, read without opening it: an SQLite that opens a database also tidies it up.

A journal that a newer oppie wrote, and that was killed, has changes in its write-ahead log. Whoever
opens it, even for reading, rewrites that log's index, and the last one to close it moves the log
into the database and removes it. So the version is read from the bytes, as
https://www.sqlite.org/fileformat2.html describes them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_MAGIC = b"SQLite format 3\0"
_VERSION_AT = 60  # in the header, which begins the first page
_HEADER_BYTES = 100
_WAL_MAGICS = (0x377F0682, 0x377F0683)
_WAL_HEADER = struct.Struct(">IIII8sII")  # magic, format, page size, checkpoint, salts, checksums
_FRAME_HEADER = struct.Struct(">II8sII")  # page number, pages after a commit, salts, checksums


def version_of(path: Path) -> int:
    """The ``user_version`` of a database, its write-ahead log included; 0 where there is none.

    Raises OSError.
    """
    try:
        with path.open("rb") as file:
            version = _version_in(file.read(_HEADER_BYTES))
    except FileNotFoundError:
        return 0
    try:
        with path.with_name(f"{path.name}-wal").open("rb") as log:
            return max([version, *_versions_in_log(log)])
    except FileNotFoundError:
        return version


def _version_in(page: bytes) -> int:
    if not page.startswith(_MAGIC) or len(page) < _HEADER_BYTES:
        return 0  # SQLite will say what is wrong with it
    return int.from_bytes(page[_VERSION_AT : _VERSION_AT + 4], "big", signed=True)


def _versions_in_log(log: IO[bytes]) -> Iterator[int]:
    """The version in each image of the first page that the log has, as far as it was written.

    Frames with other salts are from before the log was last emptied. A transaction that was never
    committed counts as well: to refuse a journal that a newer oppie was about to migrate is safe.
    """
    header = log.read(_WAL_HEADER.size)
    if len(header) < _WAL_HEADER.size:
        return
    magic, _, page_bytes, _, salts, *_ = _WAL_HEADER.unpack(header)
    while magic in _WAL_MAGICS and len(frame := log.read(_FRAME_HEADER.size)) == _FRAME_HEADER.size:
        number, _, frame_salts, *_ = _FRAME_HEADER.unpack(frame)
        if frame_salts != salts:
            return
        if number == 1:
            yield _version_in(log.read(page_bytes))
        else:
            log.seek(page_bytes, 1)

"""One file out of the tar stream that an engine answers with."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from typing import IO, cast

from runner.errors import EngineError

_CHUNK_BYTES = 1 << 18


class ForwardReader:
    """A file-like over chunks, for reading forwards once."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def one_file(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of the archive's first member; nothing if that is no regular file.

    Raises ``EngineError`` for a stream that is no tar archive, or ends too early.
    """
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", ForwardReader(chunks)), mode="r|") as archive:
            member = archive.next()
            data = archive.extractfile(member) if member is not None and member.isreg() else None
            while data is not None and (part := data.read(_CHUNK_BYTES)):
                yield part
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise EngineError(f"the engine's archive of a file is damaged: {error}") from error

"""A tar stream with other names, for an engine that unpacks it somewhere else."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from typing import IO, cast

from runner.sandbox.onefile import ForwardReader

_COPY_BYTES = 1 << 18


def below(archive: Iterable[bytes], folder: str) -> Iterator[bytes]:
    """The members of ``folder``, with names that are relative to it."""
    fileobj = cast("IO[bytes]", ForwardReader(archive))
    with tarfile.open(fileobj=fileobj, mode="r|", errors="surrogateescape") as tar:
        for member in tar:
            tar.members = []  # type: ignore[attr-defined]  # tarfile would keep them all
            name = member.name.removeprefix(folder).lstrip("/")
            if not name:
                continue
            data = tar.extractfile(member) if member.isreg() else None
            renamed = member.replace(name=name, deep=False)
            yield renamed.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
            while data is not None and (part := data.read(_COPY_BYTES)):
                yield part
            yield b"\0" * (-member.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)

"""A recorded source tree as a tar stream, to be put into a container as its workspace."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from typing import IO

from runner.evidence.git import Git
from runner.evidence.target import CHUNK_BYTES, GID, MTIME_S, UID, WORKSPACE

_WHERE = os.fsdecode(WORKSPACE)


def archive_of(
    git: Git,
    commit: str,
    wanted: Callable[[str], bool] = lambda _: True,
    modified_s: int = MTIME_S,
) -> Iterator[bytes]:
    """The tar stream of a commit's ``wanted`` files below ``workspace/``, owned by uid and gid 1000, as
    ``pack_target`` makes one of a folder; all were modified ``modified_s`` after the epoch. Raises
    EvidenceError."""
    # The tree, not the commit: a commit's archive begins with a header that belongs to no file.
    what = ("archive", "--format=tar", f"{commit}^{{tree}}")
    with git.talk("-c", "tar.umask=0022", *what) as process:
        assert process.stdout is not None
        yield _header(tarfile.TarInfo(_WHERE), tarfile.DIRTYPE, 0o755, modified_s)
        with tarfile.open(fileobj=process.stdout, mode="r|", encoding="utf-8") as archive:
            for member in archive:
                if not (member.isdir() or wanted(member.name)):
                    continue
                mode = member.mode
                member.name = f"{_WHERE}/{member.name}"
                yield _header(member, member.type, mode, modified_s)
                data = archive.extractfile(member) if member.isreg() else None
                if data is not None:
                    yield from _padded(data, member.size)
        yield b"\0" * (2 * tarfile.BLOCKSIZE)
        while process.stdout.read(CHUNK_BYTES):
            pass  # the padding at the end: git must not find the pipe closed


def _header(member: tarfile.TarInfo, kind: bytes, mode: int, modified_s: int) -> bytes:
    member.type, member.mode, member.mtime = kind, mode, modified_s
    member.uid, member.gid, member.uname, member.gname = UID, GID, "", ""
    return member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _padded(data: IO[bytes], size: int) -> Iterator[bytes]:
    while part := data.read(CHUNK_BYTES):
        yield part
    yield b"\0" * (-size % tarfile.BLOCKSIZE)

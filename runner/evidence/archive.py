"""Reads a workspace's tar stream, as the engine hands it out, without extracting anything.

The stream comes from a container and is hostile: names, link targets and sizes are data. Names
stay bytes from end to end, since a file name need not be text.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, cast

from runner.errors import EvidenceError
from runner.evidence.errors import TreeTooLarge

ENCODING = "utf-8"
ERRORS = "surrogateescape"
COPY_BYTES = 1 << 20
# What git takes for its own folder on any file system: .git, .GIT, git~1, ".git ", ".git::$DATA".
_GIT_NAME = re.compile(rb"(?i)(?:\.git|git~1)[ .]*(?:[:\\].*)?", re.DOTALL)
# Newer versions of git refuse a tree in which one of these is a symbolic link.
_GIT_FILE = re.compile(rb"(?i)(?:\.git(?:modules|ignore|attributes)|git[a-z0-9]+~\d).*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What one recorded workspace may hold at most, ignored files included."""

    entries: int = 500_000
    size_bytes: int = 4 << 30


class EntryKind(StrEnum):
    """What an entry is to evidence."""

    FILE = "file"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    GIT = "git"  # belongs to a repository inside the workspace; no evidence is kept of it
    FOLDER = "folder"
    ODD = "odd"  # named in ``Recorded.skipped``


@dataclass(frozen=True, slots=True)
class Entry:
    """One member. ``path`` and ``target`` (of a link) are bytes; ``why`` tells of an odd one.

    ``data`` are the ``size_bytes`` of a file (of one of git's, too), to be read before the next
    entry is asked for.
    """

    kind: EntryKind
    path: bytes
    executable: bool = False
    size_bytes: int = 0
    target: bytes = b""
    why: str = ""
    data: Iterable[bytes] = ()


class _Chunks:
    """A file-like over an iterable of chunks of any size, for reading forwards once."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        parts = []
        while size > 0:
            if not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    break
                self._rest = memoryview(chunk)
            part = self._rest[:size]
            self._rest = self._rest[len(part) :]
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def drain(self) -> None:
        """Read what follows the archive's end, so that the sender isn't cut off."""
        for _ in self._chunks:
            pass


class _StrictInfo(tarfile.TarInfo):
    """tarfile takes a damaged header in mid-stream for the archive's end; here it is an error."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> _StrictInfo:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":  # the block of zeros that ends an archive
                raise
            raise EvidenceError(f"the workspace's archive is damaged: {error}") from error


def read_entries(chunks: Iterable[bytes], limits: ArchiveLimits) -> Iterator[Entry]:
    """The members of a tar stream, the first component of their names stripped.

    Raises EvidenceError for a stream that isn't a whole tar archive, TreeTooLarge beyond
    ``limits``; what ``chunks`` itself raises goes through.
    """
    source = _Chunks(chunks)
    entries = size_bytes = 0
    try:
        with tarfile.open(
            fileobj=cast("IO[bytes]", source),
            mode="r|",
            tarinfo=_StrictInfo,
            encoding=ENCODING,
            errors=ERRORS,
        ) as tar:
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]  # tarfile would keep them all
                entries += 1
                size_bytes += member.size if member.isreg() else 0
                if entries > limits.entries or size_bytes > limits.size_bytes:
                    raise TreeTooLarge(
                        f"the workspace holds more than {limits.entries} entries "
                        f"or {limits.size_bytes} bytes"
                    )
                yield _entry(tar, member)
    except (tarfile.TarError, ValueError, OverflowError, IndexError) as error:
        raise EvidenceError(f"the workspace's archive is damaged: {error}") from error
    source.drain()


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    name = _bytes(member.name)
    path, why = _inside(name)
    kind = EntryKind.ODD if why else _kind(member, path)
    match kind:
        case EntryKind.FILE:
            executable = bool(member.mode & 0o100)
            return Entry(kind, path, executable, member.size, data=_content(tar, member))
        case EntryKind.SYMLINK:
            target = _bytes(member.linkname)
            if _GIT_FILE.fullmatch(path.rpartition(b"/")[2]):
                return Entry(EntryKind.ODD, path, why="a link in place of a file that git reads")
            return Entry(kind, path, target=target)
        case EntryKind.HARDLINK:
            target, why = _inside(_bytes(member.linkname))
            if why:
                return Entry(EntryKind.ODD, path, why="a hard link to a place outside")
            return Entry(kind, path, target=target)
        case EntryKind.ODD:
            return Entry(kind, path, why=why or "a device, FIFO or socket")
        case EntryKind.GIT:
            target = _bytes(member.linkname)
            data = _content(tar, member) if member.isreg() else ()
            return Entry(kind, path, size_bytes=member.size, target=target, data=data)
        case EntryKind.FOLDER:
            return Entry(kind, path)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    data = tar.extractfile(member)
    assert data is not None
    try:
        while part := data.read(COPY_BYTES):
            yield part
    except tarfile.TarError as error:
        raise EvidenceError(f"the workspace's archive is damaged: {error}") from error


def _kind(member: tarfile.TarInfo, path: bytes) -> EntryKind:
    if any(_GIT_NAME.fullmatch(part) for part in path.split(b"/")):
        return EntryKind.GIT
    if member.isreg():
        return EntryKind.FILE if path else EntryKind.ODD
    if member.issym():
        return EntryKind.SYMLINK if path else EntryKind.ODD
    if member.islnk():
        return EntryKind.HARDLINK
    return EntryKind.FOLDER if member.isdir() else EntryKind.ODD


def _inside(name: bytes) -> tuple[bytes, str]:
    """The name below the archive's first component, or the whole name and why it may not be."""
    if name.startswith(b"/"):
        return name, "an absolute name"
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        return name, "a name that leads outside"
    if b"\0" in name:
        return name, "a name with a zero byte"
    return b"/".join(parts[1:]), ""


def _bytes(name: str) -> bytes:
    return name.encode(ENCODING, ERRORS)

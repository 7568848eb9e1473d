"""Folder trees, for a sandbox that keeps its images and containers as folders."""

from __future__ import annotations

import errno
import io
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

_CHUNK = 1 << 18
_DYING_S = 5.0
_CONTAINER_UID = 1000


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder to a path that isn't there: links as links, with modes and times."""
    target.mkdir(mode=0o700)
    with os.scandir(source) as entries:
        for entry in entries:
            copy = target / entry.name
            if entry.is_symlink():
                copy.symlink_to(Path(entry.path).readlink())
            elif entry.is_dir():
                copy_tree(Path(entry.path), copy)
            elif entry.is_file():
                shutil.copyfile(entry.path, copy)
                _copy_facts(Path(entry.path), copy)
    _copy_facts(source, target)


def _copy_facts(source: Path, target: Path) -> None:
    facts = source.stat()
    target.chmod(facts.st_mode & 0o7777)
    os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def remove_tree(folder: Path) -> None:
    """Remove a folder with everything in it, closed folders too; absent is fine.

    Who was killed in it a moment ago may still be about to make one more file.
    """
    deadline = time.monotonic() + _DYING_S
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            continue
        except PermissionError:
            _open_up(folder)
            shutil.rmtree(folder)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or time.monotonic() > deadline:
                raise


def _open_up(folder: Path) -> None:
    """Let the owner into all folders."""
    folder.chmod(0o700)
    for parent, names, _ in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o700)


def tree_bytes(folder: Path) -> int:
    """The sum of the sizes of the files below ``folder``."""
    total = 0
    pending = [os.fspath(folder)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue  # a running command removed it meanwhile
    return total


def pack(folder: Path, name: str, leave_out: str = "") -> Iterator[bytes]:
    """The folder as a tar stream of ``name/...``, owned by the user that containers run as; but for
    what is called ``leave_out`` in the stream."""

    def owned(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if member.name == leave_out:
            return None
        return _given_to(member, _CONTAINER_UID, _CONTAINER_UID)

    with tempfile.TemporaryFile() as spool:
        with tarfile.open(fileobj=spool, mode="w") as archive:
            archive.add(folder, name, filter=owned)
        spool.seek(0)
        while chunk := spool.read(_CHUNK):
            yield chunk


def unpack(archive: Iterable[bytes], folder: Path) -> None:
    """Unpack a trusted tar stream over ``folder``; what is in an entry's way is replaced."""

    stream = io.BufferedReader(_Chunks(archive))
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        # Set rather than handed over: the first releases of Python 3.11 know no filters.
        tar.extraction_filter = lambda member, _: member
        tar.extractall(folder, members=_ours(tar, folder))


def _ours(tar: tarfile.TarFile, folder: Path) -> Iterator[tarfile.TarInfo]:
    for member in tar:
        path = folder / member.name
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir() and not member.isdir():
            remove_tree(path)
        yield _given_to(member, os.getuid(), os.getgid())


def _given_to(member: tarfile.TarInfo, uid: int, gid: int) -> tarfile.TarInfo:
    member.uid, member.gid, member.uname, member.gname = uid, gid, "", ""
    return member


class _Chunks(io.RawIOBase):
    """An iterable of byte strings as a file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            try:
                self._rest = memoryview(next(self._chunks))
            except StopIteration:
                return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

"""The user's folder as a tar stream, which becomes ``/workspace`` of the root's container."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from runner.errors import TaskError
from runner.evidence.git import Git

WORKSPACE = "workspace"
UID = GID = 1000
MTIME_S = 946684800  # 2000-01-01, so that the same files make the same stream
CHUNK_BYTES = 1 << 20
WHOLE_BYTES = 16 << 20  # files up to this size are read whole, and so can be read again
READS = 3

NEVER = frozenset({".git", ".oppie"})
_NEVER_OUTSIDE_GIT = NEVER | {".venv", "node_modules", "__pycache__"}


def pack_target(target: Path, excluded: Callable[[str], bool]) -> Iterator[bytes]:
    """A tar stream of ``target`` as the folder ``workspace``, owned by uid and gid 1000.

    In a git work tree: the tracked files as they are now, and the untracked ones that aren't
    ignored; elsewhere all files but those of ``.git``, ``.oppie``, ``.venv``, ``node_modules`` and
    ``__pycache__``. ``excluded`` is asked with each path, relative to ``target``. Links are kept
    as they are, since they can only lead to places of the container. Devices, FIFOs and sockets
    are left out. The same files give the same bytes.

    Raises TaskError for a file that can't be read, or that changes while it is being read.
    """
    top = target.absolute()
    paths = [path for path in listed(top) if not excluded(path)]
    yield from _batched(_members(top, sorted(paths)))


def pack_folder(folder: Path) -> Iterator[bytes]:
    """A tar stream of all that a folder holds but ``.git``, to be laid over a workspace.

    Raises TaskError as ``pack_target`` does.
    """
    yield from _batched(_members(folder.absolute(), sorted(files_in(folder))))


def files_in(folder: Path) -> tuple[str, ...]:
    """The paths of all files below a folder, relative to it, but for those of ``.git``. Raises
    TaskError where it can't be read."""
    return tuple(_walked(folder.absolute(), "", frozenset({".git"})))


def _batched(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Fewer, larger chunks: small files would make one each."""
    held: list[bytes] = []
    size_bytes = 0
    for part in parts:
        held.append(part)
        size_bytes += len(part)
        if size_bytes >= CHUNK_BYTES:
            yield b"".join(held)
            held, size_bytes = [], 0
    held.append(b"\0" * (2 * tarfile.BLOCKSIZE))
    yield b"".join(held)


def _members(top: Path, paths: list[str]) -> Iterator[bytes]:
    yield _header("", tarfile.DIRTYPE, 0o755)
    folders: set[str] = set()
    for path in paths:
        yield from _folders(path, folders)
        try:
            about = (top / path).lstat()
            if stat.S_ISLNK(about.st_mode):
                link = (top / path).readlink()
                yield _header(path, tarfile.SYMTYPE, 0o777, link=str(link))
            elif stat.S_ISREG(about.st_mode):
                yield from _file(top, path)
        except (FileNotFoundError, NotADirectoryError):
            continue  # git still tracks what was deleted here
        except OSError as error:
            raise TaskError(f"target: {path!r}: {error.strerror}") from error


def _folders(path: str, known: set[str]) -> Iterator[bytes]:
    parts = path.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        folder = "/".join(parts[:depth])
        if folder not in known:
            known.add(folder)
            yield _header(folder, tarfile.DIRTYPE, 0o755)


def _file(top: Path, path: str) -> Iterator[bytes]:
    fd = os.open(top / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(fd, "rb", buffering=0) as source:
        before = os.fstat(fd)
        mode = 0o755 if before.st_mode & stat.S_IXUSR else 0o644
        if before.st_size <= WHOLE_BYTES:
            data = _whole(path, fd)
            yield _header(path, tarfile.REGTYPE, mode, len(data))
            yield data
            yield b"\0" * (-len(data) % tarfile.BLOCKSIZE)
            return
        yield _header(path, tarfile.REGTYPE, mode, before.st_size)
        left = before.st_size
        while left and (part := source.read(min(left, CHUNK_BYTES))):
            left -= len(part)
            yield part
        if left or _changed(before, os.fstat(fd)):
            raise _moving(path)
        yield b"\0" * (-before.st_size % tarfile.BLOCKSIZE)


def _whole(path: str, fd: int) -> bytes:
    """The content at one moment, as far as the file's own clock can tell."""
    for _ in range(READS):
        before = os.fstat(fd)
        data = os.pread(fd, before.st_size + 1, 0)
        if len(data) == before.st_size and not _changed(before, os.fstat(fd)):
            return data
    raise _moving(path)


def _changed(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size)


def _moving(path: str) -> TaskError:
    return TaskError(
        f"target: {path!r} changed while it was being read; stop what writes to it, or exclude it"
    )


def _header(path: str, kind: bytes, mode: int, size: int = 0, link: str = "") -> bytes:
    info = tarfile.TarInfo(f"{WORKSPACE}/{path}" if path else WORKSPACE)
    info.type, info.mode, info.size, info.mtime = kind, mode, size, MTIME_S
    info.uid, info.gid, info.linkname = UID, GID, link
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def listed(top: Path) -> set[str]:
    """The paths that ``pack_target`` would look at, relative to an absolute folder. Raises TaskError."""
    git = Git("-C", str(top))
    found = git.attempt("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if found.returncode == 0 and found.stdout:
        return _tracked(top, os.fsdecode(found.stdout))
    # No repository, or one that ignores the whole target.
    return set(_walked(top, ""))


def _tracked(top: Path, listing: str) -> set[str]:
    paths: set[str] = set()
    for path in listing.split("\0"):
        if not path or NEVER.intersection(path.split("/")):
            continue
        full = top / path
        if full.is_dir() and not full.is_symlink():
            # A submodule or another nested repository, of which git gives only the folder.
            paths.update(f"{path.rstrip('/')}/{name}" for name in listed(full))
        else:
            paths.add(path)
    return paths


def _walked(
    top: Path, below: str, never: frozenset[str] = _NEVER_OUTSIDE_GIT
) -> Iterator[str]:
    try:
        with os.scandir(top / below) as entries:
            for entry in entries:
                path = f"{below}/{entry.name}" if below else entry.name
                if entry.name in never:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from _walked(top, path, never)
                else:
                    yield path
    except OSError as error:
        raise TaskError(f"{top / below}: can't be read: {error.strerror}") from error

"""Keeping things in the state folder: the one place where trouble with its disk gets its words.

A full, read-only or vanished disk is met by whoever happens to write next: the journal, a log, a
result, git. What they were told by the system becomes a ``StateError`` here, which says what could
not be done, where, why, and what to do. Nothing of it is ever an action's fault.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.errors import StateError

_RESUME = "then `oppie resume` goes on"
_ADVICE = {
    errno.ENOSPC: f"make room there, with `oppie gc` for example; {_RESUME}",
    errno.EDQUOT: f"make room within the quota, with `oppie gc` for example; {_RESUME}",
    errno.EFBIG: f"raise the limit on the size of files (`ulimit -f`); {_RESUME}",
    errno.EROFS: f"mount the disk for writing again; {_RESUME}",
    errno.EACCES: f"let this user write there; {_RESUME}",
    errno.EPERM: f"let this user write there; {_RESUME}",
    errno.EEXIST: "no folder is there, but something else; name another one (OPPIE_STATE)",
    errno.EMFILE: f"raise the limit on open files (`ulimit -n`); {_RESUME}",
    errno.ENFILE: f"this machine has too many files open; {_RESUME}",
}
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV, errno.ENOTCONN})
_GONE_ADVICE = f"bring the folder back to where it was; {_RESUME}"
_OTHER_ADVICE = f"look after the disk; {_RESUME}"
# A file that git misses may never have been there; these tell of the disk, whoever says them.
_TELLING = (*(each for each in _ADVICE if each != errno.EEXIST), errno.ESTALE, errno.ENOTCONN, errno.EIO)


@contextmanager
def keeping(doing: str, where: Path | str) -> Iterator[None]:
    """Only for what is written to, or read from, the state folder: ``OSError`` becomes
    ``StateError``. ``doing`` completes "can't ...", ``where`` is the file or the folder."""
    try:
        yield
    except OSError as error:
        raise state_error(doing, where, error.errno or 0, error.strerror or str(error)) from error


def state_error(doing: str, where: Path | str, number: int, why: str) -> StateError:
    """The error for what the system has told by ``number``, an ``errno``, and in words."""
    advice = _GONE_ADVICE if number in _GONE else _ADVICE.get(number, _OTHER_ADVICE)
    return StateError(f"can't {doing} {where}: {why}; {advice}")


def number_of(complaint: str) -> int:
    """The ``errno`` whose words are in what another program complained; 0 if none of those that
    tell of a disk."""
    said = complaint.lower()
    return next((each for each in _TELLING if os.strerror(each).lower() in said), 0)


def keep_whole(path: Path, data: bytes) -> None:
    """Write a file so that a reader finds all of it or the old one, even after a power cut.

    Once it has returned the new one is found, also then: the name is on disk as well. The folder has
    to be there: one that has gone away must not come back with nothing in it. Raises ``StateError``.
    """
    scratch = path.with_suffix(".tmp")
    with keeping("write", path):
        try:
            with scratch.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        except OSError:
            with suppress(OSError):  # it may take the last of the room
                scratch.unlink(missing_ok=True)
            raise
        _sync(path.parent)


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)

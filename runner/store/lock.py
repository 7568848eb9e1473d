"""One planner per state folder."""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import platform
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runner.errors import StateError, TaskError

RETRY_S = 0.3  # a reader that looks whether the lock is held takes it for a moment
_STEP_S = 0.02
_READ_BYTES = 4096
# What a file system says that has no locks, or lets nobody use them.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the lock, by what they wrote into it; "" is what they didn't say.

    These are words for a person, and nothing follows from them: a process id may be another's by
    now, and clocks jump. That the lock is held is told by the system alone.
    """

    run_id: str = ""
    pid: str = ""
    machine: str = ""
    since: str = ""

    def __str__(self) -> str:
        if not self.pid:
            return "another oppie"
        work = f"run {self.run_id}" if self.run_id else "a command that changes the journal"
        since = f", since {self.since}" if self.since else ""
        return f"{work} (pid {self.pid} on {self.machine}{since})"


class PlannerLock:
    """An exclusive lock on a file, which the system drops when its holder dies.

    The file tells who holds it: pid, machine, since when, and for which run.
    """

    def __init__(self, path: Path) -> None:
        """Raises TaskError naming the holder, if there is one, StateError where nothing can be
        locked, and OSError where the file can't be made."""
        deadline_s = time.monotonic() + RETRY_S
        while (fd := _try(path)) is None:
            if time.monotonic() >= deadline_s:
                raise TaskError(
                    f"state folder {path.parent} is in use by {_read(path)}; "
                    "wait for it to end, stop it, or name another state folder"
                )
            time.sleep(_STEP_S)
        self._fd = fd
        self._since = time.time()
        self.tell("")

    def tell(self, run_id: str) -> None:
        """Write down which run the lock is held for ("" for none)."""
        facts = {
            "pid": os.getpid(),
            "machine": platform.node(),
            "since": self._since,
            "run": run_id,
        }
        text = json.dumps(facts).encode()
        os.pwrite(self._fd, text, 0)
        os.ftruncate(self._fd, len(text))

    def release(self) -> None:
        """Give the lock up; the file stays, since removing it would let two planners in."""
        try:
            os.ftruncate(self._fd, 0)
        except OSError:  # who had it is of no interest any more
            pass
        finally:
            os.close(self._fd)


def holder(path: Path) -> Holder | None:
    """Who is at work, or ``None``. Never keeps anybody from starting for more than a moment."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _take(fd, fcntl.LOCK_SH) else _parsed(os.pread(fd, _READ_BYTES, 0))
    except OSError:  # where nothing can be locked, nothing is
        return None
    finally:
        os.close(fd)


def is_held(path: Path) -> bool:
    """Whether a planner is at work."""
    return holder(path) is not None


def _try(path: Path) -> int | None:
    """The locked file, or ``None`` while somebody else has it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if _take(fd, fcntl.LOCK_EX) and _is_still(path, fd):
            return fd
    except OSError as error:
        os.close(fd)
        if error.errno not in _NO_LOCKS:
            raise
        raise StateError(
            f"state folder {path.parent}: its file system can't lock files ({error.strerror}), so "
            "nothing would keep two planners apart; name a folder on another disk (OPPIE_STATE)"
        ) from error
    os.close(fd)
    return None


def _is_still(path: Path, fd: int) -> bool:
    """Whether the file is the one that others would open: a lock on one that was removed, or had
    been replaced when we opened it, keeps nobody out."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _take(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> Holder:
    try:
        with path.open("rb") as file:
            return _parsed(file.read(_READ_BYTES))
    except OSError:
        return Holder()


def _parsed(text: bytes) -> Holder:
    """What a lock file says; nothing of one that says something else."""
    try:
        facts = json.loads(text)
        return Holder(
            str(facts["run"]), str(int(facts["pid"])), str(facts["machine"]), _when(facts["since"])
        )
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
        return Holder()


def _when(since: float) -> str:
    """A time that is yet to come was told by a clock that has been set back since."""
    if not math.isfinite(since) or since > time.time():
        return ""
    return datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

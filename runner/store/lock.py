"""One planner per state folder."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

from runner.errors import TaskError

RETRY_S = 0.3  # a reader that looks whether the lock is held takes it for a moment
_STEP_S = 0.02


class PlannerLock:
    """An exclusive lock on a file, which the system drops when its holder dies.

    The file tells who holds it: pid, machine, since when, and for which run.
    """

    def __init__(self, path: Path) -> None:
        """Raises TaskError naming the holder, if there is one."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        deadline_s = time.monotonic() + RETRY_S
        while not _take(self._fd, fcntl.LOCK_EX):
            if time.monotonic() >= deadline_s:
                holder = _holder(self._fd)
                os.close(self._fd)
                raise TaskError(
                    f"state folder {path.parent} is in use by {holder}; "
                    "wait for it to end, stop it, or name another state folder"
                )
            time.sleep(_STEP_S)
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
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


def is_held(path: Path) -> bool:
    """Whether a planner is at work. Never keeps one from starting for more than a moment."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _take(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def _take(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(fd: int) -> str:
    try:
        facts = json.loads(os.pread(fd, 4096, 0))
        since = datetime.fromtimestamp(facts["since"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        work = f"run {facts['run']}" if facts["run"] else "a command that changes the journal"
        return f"{work} (pid {facts['pid']} on {facts['machine']}, since {since})"
    except (ValueError, KeyError, TypeError):
        return "another oppie"

"""One benchmark lane per machine: searches must not time each other."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from runner.errors import Cancelled

_POLL_S = 0.01


class Lane:
    """``count`` places to measure in, shared by all threads, searches and users of the machine.

    A place is a file lock, so the kernel gives it back when its holder dies.
    """

    def __init__(self, count: int = 1, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir())
        self._count = count

    @contextlib.contextmanager
    def hold(self, cancelled: Callable[[], bool] = lambda: False) -> Iterator[float]:
        """Wait for a place, hold it, and give the seconds waited. Raises ``Cancelled``."""
        started = time.monotonic()
        files = [self._open(number) for number in range(self._count)]
        try:
            while not any(_try_lock(file) for file in files):
                if cancelled():
                    raise Cancelled("the run was told to stop")
                time.sleep(_POLL_S)
            yield time.monotonic() - started
        finally:
            for file in files:
                os.close(file)

    def _open(self, number: int) -> int:
        """Open a place's file; everybody may, and a link planted at its name is not followed."""
        path = self._folder / f"oppie-lane-{number}.lock"
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644))
            return os.open(path, flags)


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""One benchmark lane per machine: searches must not time each other."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from runner.errors import Cancelled, StateError

# Not the temporary folder of whoever asks: on one machine these differ, and searches of two users,
# or of one user's two sessions, would time each other.
SHARED = Path("/tmp")
_POLL_S = 0.01


class Lane:
    """``count`` places to measure in, shared by all threads, searches and users of the machine.

    A place is a file lock in ``folder``, so the kernel gives it back when its holder dies.
    """

    def __init__(self, count: int = 1, folder: Path | None = None) -> None:
        self._folder = folder or SHARED
        self._count = count

    @contextlib.contextmanager
    def hold(self, cancelled: Callable[[], bool] = lambda: False) -> Iterator[float]:
        """Wait for a place, hold it, and give the seconds waited. Raises ``Cancelled``, and
        ``StateError`` where nobody can wait in that folder."""
        started = time.monotonic()
        paths = [self._folder / f"oppie-lane-{number}.lock" for number in range(self._count)]
        while (file := _first_free(paths)) is None:
            if cancelled():
                raise Cancelled("the run was told to stop")
            time.sleep(_POLL_S)
        try:
            yield time.monotonic() - started
        finally:
            os.close(file)


def _first_free(paths: Sequence[Path]) -> int | None:
    """The locked file of a place, or ``None`` while others have them all."""
    for path in paths:
        try:
            file = _open(path)
            if _try_lock(file, path):
                return file
        except OSError as error:
            raise StateError(
                f"the benchmark lane {path}: {error.strerror}; all planners of a machine have to be "
                "able to meet there, or name another folder to all of them (OPPIE_LANE_FOLDER)"
            ) from error
        os.close(file)
    return None


def _try_lock(file: int, path: Path) -> bool:
    """A file that was cleared away while we waited is locked in vain: who comes next makes
    another."""
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file), path.lstat())
    return False


def _open(path: Path) -> int:
    """Open a place's file; everybody may, and a link planted at its name is not followed."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, flags)
    with contextlib.suppress(FileExistsError):
        made = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
        os.fchmod(made, 0o644)  # whatever the umask: others have to open it, and nobody writes to it
        os.close(made)
    return os.open(path, flags)

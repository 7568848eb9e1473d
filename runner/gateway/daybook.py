"""Files of the ledger: JSON lines that are appended to, under a lock, and read back strictly."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from runner.errors import StateError
from runner.gateway.books import Opening, Settlement, entry_of
from runner.keeping import keeping

_DOING = "keep account of what models cost in"
_PIECE_BYTES = 1 << 16


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else is in here meanwhile, in any process. Raises ``StateError``."""
    number = _take(path)
    try:
        yield
    finally:
        os.close(number)


def own(path: Path) -> int:
    """A file that stays locked until it is closed, or its owner is no more. Raises ``StateError``."""
    return _take(path)


def is_owned(path: Path) -> bool:
    """Whether somebody holds the lock on their own file; if not, the file goes.

    Raises ``StateError``.
    """
    with keeping(_DOING, path):
        try:
            number = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(number)


def append(path: Path, entry: Opening | Settlement) -> int:
    """Write a line so that it outlasts a power cut; the file's size then. What follows the last
    end of a line is of a writer who was killed over it, and goes. Raises ``StateError``."""
    line = json.dumps(asdict(entry), separators=(",", ":")).encode("ascii") + b"\n"
    with keeping(_DOING, path):
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            end = _end_of_lines(number)
            os.ftruncate(number, end)
            done = 0
            while done < len(line):
                done += os.pwrite(number, line[done:], end + done)
            os.fsync(number)
        finally:
            os.close(number)
        if end == 0:
            _sync(path.parent)
    return end + len(line)


def entries(path: Path, begin: int, run: str = "") -> tuple[list[Opening | Settlement], int]:
    """What stands in a file from a byte on, and the byte after it; with ``run`` only what is of that
    run. A last line without an end is of a writer who was killed over it, or still writes.

    Raises ``StateError``, also for a line that nobody has written.
    """
    with keeping(_DOING, path):
        try:
            with path.open("rb") as file:
                file.seek(begin)
                data = file.read()
        except FileNotFoundError:
            data = b""
    whole = data[: data.rfind(b"\n") + 1]
    prefix = f'{{"id":"{run}.'.encode() if run else b""
    found = []
    for line in whole.splitlines():
        if line.startswith(prefix):
            try:
                found.append(entry_of(json.loads(line)))
            except ValueError as error:
                raise StateError(
                    f"{path}: what models cost is not as it was written ({error}): {line[:80]!r}; "
                    "bring the file back, or move it away to begin anew"
                ) from error
    return found, begin + len(whole)


def _take(path: Path) -> int:
    with keeping(_DOING, path):
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
        except BaseException:
            os.close(number)
            raise
        return number


def _end_of_lines(number: int) -> int:
    """Where the last line ends that has an end."""
    end = os.fstat(number).st_size
    while end:
        begin = max(0, end - _PIECE_BYTES)
        at = os.pread(number, end - begin, begin).rfind(b"\n")
        if at >= 0:
            return begin + at + 1
        end = begin
    return 0


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)

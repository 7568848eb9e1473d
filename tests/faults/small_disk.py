"""A daemon whose images lie on a small disk of their own, which can be filled and emptied."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.daemon import Daemon


@dataclass
class SmallDisk:
    """A daemon of a test's own; ``data`` is on a file system that holds nothing else."""

    daemon: Daemon

    @property
    def url(self) -> str:
        return self.daemon.url

    @property
    def data(self) -> Path:
        return self.daemon.folder / "data"

    @property
    def free_bytes(self) -> int:
        stat = os.statvfs(self.data)
        return stat.f_bavail * stat.f_frsize

    @property
    def _ballast(self) -> Path:
        return self.data / "ballast"

    @property
    def _names(self) -> Path:
        return self.data / "names"

    def leave(self, size_bytes: int) -> None:
        """Fill the disk with ballast until so much is free."""
        self.empty()
        chunk = bytes(64 << 10)
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while self.free_bytes > size_bytes:
                file.write(chunk)

    def leave_inodes(self, count: int) -> None:
        """Fill the disk with names until so many inodes are free."""
        self.empty()
        self._names.mkdir()
        for number in range(os.statvfs(self.data).f_favail - count):
            (self._names / f"{number}").touch()

    def empty(self) -> None:
        """Take the ballast away."""
        self._ballast.unlink(missing_ok=True)
        shutil.rmtree(self._names, ignore_errors=True)


@contextmanager
def daemon_on_a_small_disk(size_bytes: int) -> Iterator[SmallDisk]:
    """A running daemon, gone with all it made at the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="oppie-", dir="/var/tmp"))
    daemon = Daemon(folder)
    disk = folder / "disk"
    try:
        with disk.open("wb") as file:
            file.truncate(size_bytes)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", disk], check=True)
        (folder / "data").mkdir()
        subprocess.run(["mount", "-o", "loop", disk, folder / "data"], check=True)
        daemon.start()
        yield SmallDisk(daemon)
    finally:
        daemon.clear()

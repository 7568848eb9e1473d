"""The room that a file system has, in bytes and in inodes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on the file system that holds ``where``, and what there is in all.

    ``free`` is what a user without privileges may still take. ``total_inodes`` is 0 on a file
    system that makes inodes as it needs them.
    """

    where: str
    free_bytes: int
    total_bytes: int
    free_inodes: int = 0
    total_inodes: int = 0


def room_of(folder: Path) -> Room | None:
    """The room where ``folder`` is, or would be made; ``None`` if that can't be told."""
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        stat = os.statvfs(there)
    except OSError:
        return None
    size = stat.f_frsize
    return Room(
        str(folder), stat.f_bavail * size, stat.f_blocks * size, stat.f_favail, stat.f_files
    )

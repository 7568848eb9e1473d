"""The room that a file system has, in bytes and in inodes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOCAL = "http+docker://localhost"  # what the client calls a socket of this machine


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


def folder_here(base_url: str, info: Mapping[str, Any]) -> Path | None:
    """Where an engine keeps its images, if that is on this machine; by what it tells of itself.

    A socket may be forwarded from another machine, on which a folder of the same name is another
    one; and a planner in a container sees the engine's socket, but not its folder.
    """
    folder = Path(str(info.get("DockerRootDir") or ""))
    same_machine = base_url == _LOCAL and info.get("Name") == os.uname().nodename
    return folder if same_machine and folder.is_absolute() and folder.is_dir() else None

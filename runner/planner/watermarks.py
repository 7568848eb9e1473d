"""How much of a disk must stay free: pure rules over the room that there is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from runner.sandbox.room import Room

_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?) ?%")
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Mark:
    """What must be free: this share of a file system (0 to 1), in bytes and in inodes, but no more
    than these amounts."""

    share: float
    size_bytes: int | None = None
    inodes: int | None = None

    def bytes_of(self, room: Room) -> int:
        """The bytes that must be free there."""
        return _least(self.share * room.total_bytes, self.size_bytes)

    def inodes_of(self, room: Room) -> int:
        """The inodes that must be free there; 0 where they are made as needed."""
        return _least(self.share * room.total_inodes, self.inodes)


@dataclass(frozen=True, slots=True)
class DiskRules:
    """When snapshots are evicted, and when none may be made.

    Below ``low`` the least useful ones go, until ``high`` is reached; below ``hard`` no commit is
    begun. At most ``snapshot_bytes`` of one run are kept at a time; ``None`` is no limit.
    """

    low: Mark = Mark(0.05, 5 * _GIB, 100_000)
    high: Mark = Mark(0.10, 10 * _GIB, 200_000)
    hard: Mark = Mark(0.01, _GIB, 10_000)
    snapshot_bytes: int | None = None


def shortage(room: Room | None, mark: Mark) -> str:
    """What is missing to ``mark``, in words; "" if nothing is, or if it can't be told."""
    if room is None:
        return ""
    if room.free_bytes < (needed := mark.bytes_of(room)):
        return f"{_mib(room.free_bytes)} are free, and {_mib(needed)} must be"
    if room.free_inodes < (wanted := mark.inodes_of(room)):
        return f"{room.free_inodes:,} inodes are free, and {wanted:,} must be"
    return ""


def mark_of(text: str, size_of: Callable[[object], int], default: Mark) -> Mark:
    """``"10%"``, or a size as ``size_of`` reads it; inodes by the share, or as ``default`` has them.

    Raises ``ValueError`` with what is allowed.
    """
    match = _SHARE.fullmatch(text)
    if match and float(match[1]) <= 100.0:
        return Mark(float(match[1]) / 100.0)
    if match:
        raise ValueError("must be at most 100%")
    try:
        amount_bytes = size_of(text)
    except ValueError as error:
        allowed = str(error).removeprefix("must be ")
        raise ValueError(f'must be a share of the disk such as "5%", or {allowed}') from error
    return Mark(default.share, amount_bytes, default.inodes)


def _least(share: float, amount: int | None) -> int:
    return int(share) if amount is None else min(int(share), amount)


def _mib(amount_bytes: int) -> str:
    return f"{amount_bytes / (1 << 20):,.0f} MiB"

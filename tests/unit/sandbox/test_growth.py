"""What is too much, and when a disk is too full for anything."""

from __future__ import annotations

import pytest

from runner.errors import EngineOutOfSpace
from runner.model import Limits
from runner.sandbox.growth import demand_floor, most_files
from runner.sandbox.room import Room

GIB = 1 << 30


def test_a_file_counts_as_a_block() -> None:
    assert most_files(Limits(disk_bytes=2 * GIB)) == 524_288
    assert most_files(Limits(disk_bytes=1 << 20)) == 256


@pytest.mark.parametrize(
    "room",
    [
        Room("/x", GIB, 100 * GIB, 9_000_000, 9_999_999),
        Room("/x", 600 << 20, 100 * GIB),  # no inodes to count
        Room("/x", 6 << 20, GIB, 600, 100_000),  # small, and half full
    ],
)
def test_enough_is_left(room: Room) -> None:
    demand_floor(room, "it")
    demand_floor(None, "it")


@pytest.mark.parametrize(
    "room",
    [
        Room("/x", 500 << 20, 200 * GIB, 9_000_000, 9_999_999),
        Room("/x", 100 * GIB, 200 * GIB, 4000, 9_999_999),
        Room("/x", 1 << 20, GIB, 600, 100_000),
    ],
)
def test_too_little_is_left(room: Room) -> None:
    with pytest.raises(EngineOutOfSpace, match=r"MiB and .* inodes left, so it was ended"):
        demand_floor(room, "it")

"""How much of a disk must stay free."""

from __future__ import annotations

import pytest

from runner.planner.watermarks import DiskRules, Mark, mark_of, shortage
from runner.sandbox.room import Room
from runner.task.quantity import size_bytes

GIB = 1 << 30


def room(free_bytes: int, total_bytes: int, free: int = 10**9, total: int = 10**9) -> Room:
    return Room("/var/lib/engine", free_bytes, total_bytes, free, total)


@pytest.mark.parametrize(
    ("total_gib", "must_be_free"),
    [(4, 0.2 * GIB), (100, 5 * GIB), (4000, 5 * GIB)],
)
def test_a_large_disk_needs_no_more_than_the_amount(total_gib: int, must_be_free: float) -> None:
    low = DiskRules().low
    assert low.bytes_of(room(0, total_gib * GIB)) == int(must_be_free)
    assert shortage(room(int(must_be_free), total_gib * GIB), low) == ""
    assert shortage(room(int(must_be_free) - 1, total_gib * GIB), low)


def test_what_is_missing_is_told() -> None:
    assert shortage(room(100 << 20, 10 * GIB), Mark(0.5)) == "100 MiB are free, and 5,120 MiB must be"
    few = room(GIB, GIB, free=5, total=1000)
    assert shortage(few, Mark(0.1)) == "5 inodes are free, and 100 must be"


def test_a_file_system_without_a_number_of_inodes_has_enough() -> None:
    assert shortage(room(GIB, GIB, free=0, total=0), Mark(0.5, None, 1000)) == ""


def test_what_cannot_be_told_is_no_shortage() -> None:
    assert shortage(None, Mark(1.0)) == ""


def test_the_marks_are_in_their_order_on_disks_of_every_size() -> None:
    rules = DiskRules()
    for total in (1, GIB, 50 * GIB, 10_000 * GIB):
        here = room(0, total, 0, total)
        assert rules.hard.bytes_of(here) <= rules.low.bytes_of(here) <= rules.high.bytes_of(here)
        assert rules.hard.inodes_of(here) <= rules.low.inodes_of(here) <= rules.high.inodes_of(here)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("5%", Mark(0.05)),
        ("0.5 %", Mark(0.005)),
        ("100%", Mark(1.0)),
        ("3GiB", Mark(0.25, 3 * GIB, 7)),
    ],
)
def test_marks_as_people_write_them(text: str, mark: Mark) -> None:
    assert mark_of(text, size_bytes, Mark(0.25, 9, 7)) == mark


@pytest.mark.parametrize("text", ["", "5", "101%", "-1%", "5%%", "five", "1e3%", "GiB"])
def test_what_is_no_mark(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        mark_of(text, size_bytes, Mark(0.05))

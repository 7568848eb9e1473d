"""The room on a disk: here, and as a container tells it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.sandbox.protocol import Exit, Step, StepResult
from runner.sandbox.room import folder_here, room_of
from runner.sandbox.told_room import ToldRoom, parsed

GNU = """Filesystem     1024-blocks    Used Available Capacity Mounted on
overlay          101730000 1730000  95000000       2% /
Filesystem       Inodes  IUsed    IFree IUse% Mounted on
overlay        16777216 800000 15977216    5% /
"""
BUSYBOX = """Filesystem           1024-blocks    Used Available Capacity Mounted on
overlay              1000  100   900  10% /
Filesystem              Inodes      Used Available Capacity Mounted on
overlay                      0         0         0   0% /
"""
BTRFS = GNU.replace("16777216 800000 15977216    5%", "0 0 0    -").replace("overlay ", "/dev/mapper/a b ")
LOCAL = "http+docker://localhost"


def test_the_room_of_a_folder_that_is_not_made_yet(tmp_path: Path) -> None:
    room = room_of(tmp_path / "not" / "yet")
    assert room is not None and room.where == str(tmp_path / "not" / "yet")
    assert 0 < room.free_bytes <= room.total_bytes


@pytest.mark.parametrize(
    ("url", "host", "folder", "is_here"),
    [
        (LOCAL, None, "/tmp", True),
        (LOCAL, None, "/nowhere-at-all", False),
        (LOCAL, None, "", False),
        (LOCAL, "another-machine", "/tmp", False),  # a socket that is forwarded
        ("http://10.0.0.1:2375", None, "/tmp", False),
        ("http+docker://ssh", None, "/tmp", False),
    ],
)
def test_whether_the_engines_folder_is_on_this_machine(
    url: str, host: str | None, folder: str, is_here: bool
) -> None:
    info = {"Name": host or os.uname().nodename, "DockerRootDir": folder}
    assert (folder_here(url, info) is not None) is is_here


def test_what_df_prints() -> None:
    room = parsed(GNU)
    assert room is not None
    assert (room.free_bytes, room.total_bytes) == (95000000 << 10, 101730000 << 10)
    assert (room.free_inodes, room.total_inodes) == (15977216, 16777216)
    small = parsed(BUSYBOX)
    assert small is not None and (small.free_bytes, small.total_inodes) == (900 << 10, 0)
    odd = parsed(BTRFS)
    assert odd is not None and (odd.free_bytes, odd.total_inodes) == (95000000 << 10, 0)


@pytest.mark.parametrize("text", ["", "df: not found\n", GNU.splitlines()[1], "a b /\nc d /\n", "\0 /\n /"])
def test_what_is_no_answer(text: str) -> None:
    assert parsed(text) is None


@pytest.mark.parametrize(("exit_", "said", "asked"), [(Exit.OK, GNU, 1), (Exit.NONZERO, "", 1)])
def test_asking_costs_a_container_so_it_is_done_seldom(exit_: Exit, said: str, asked: int) -> None:
    ran: list[str] = []
    removed: list[str] = []

    def run(step: Step, log: Path) -> StepResult:
        ran.append(step.image)
        log.write_text(said)
        return StepResult(exit_, 0, 0.1, step.name)

    told = ToldRoom(run, removed.append, "any:1")
    assert [told.room() is not None for _ in range(3)] == [bool(said)] * 3
    assert len(ran) == len(removed) == asked

"""One holder at a time, whoever it is, and none that outlives its process."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runner.errors import Cancelled
from runner.expand.lane import Lane


def test_threads_take_turns(tmp_path: Path) -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def measure() -> None:
        nonlocal inside, most
        with Lane(1, tmp_path).hold():
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with guard:
                inside -= 1

    threads = [threading.Thread(target=measure) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_two_places_let_two_in(tmp_path: Path) -> None:
    lane = Lane(2, tmp_path)
    with lane.hold(), lane.hold() as waited_s:
        assert waited_s < 1.0


def test_waiting_can_be_cancelled(tmp_path: Path) -> None:
    lane = Lane(1, tmp_path)
    with lane.hold(), pytest.raises(Cancelled), lane.hold(lambda: True):
        raise AssertionError("two hold one place")


def test_a_killed_holder_gives_its_place_back(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from runner.expand.lane import Lane\n"
        "with Lane(1, Path(sys.argv[1])).hold():\n  print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder, holder.stdout:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Cancelled), Lane(1, tmp_path).hold(lambda: True):
            raise AssertionError("two hold one place")
        holder.kill()
    with Lane(1, tmp_path).hold() as waited_s:
        assert waited_s < 5.0


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "oppie-lane-0.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), Lane(1, tmp_path).hold():
        raise AssertionError("followed")
    assert not (tmp_path / "elsewhere").exists()

"""One holder at a time, whoever it is, and none that outlives its process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from runner.errors import Cancelled, StateError
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
    with pytest.raises(StateError, match=r"oppie-lane-0\.lock: .*symbolic links"), Lane(1, tmp_path).hold():
        raise AssertionError("followed")
    assert not (tmp_path / "elsewhere").exists()


def test_planners_with_other_temporary_folders_meet_all_the_same(tmp_path: Path) -> None:
    code = (
        "from runner.expand.lane import Lane\nprint(Lane()._folder)"
    )
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        environment = {**os.environ, "TMPDIR": str(tmp_path / name)}
        said = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert said.stdout == "/tmp\n"


def test_a_place_that_is_cleared_away_is_not_held_twice_by_those_who_wait(tmp_path: Path) -> None:
    """As a cleaner of temporary folders does it, while somebody waits for the file."""
    place = tmp_path / "oppie-lane-0.lock"
    with Lane(1, tmp_path).hold():
        place.unlink()
    with Lane(1, tmp_path).hold():
        assert place.exists()
        with pytest.raises(Cancelled), Lane(1, tmp_path).hold(lambda: True):
            raise AssertionError("two hold one place")


def test_anybody_can_open_a_place_whatever_its_makers_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with Lane(1, tmp_path).hold():
            assert (tmp_path / "oppie-lane-0.lock").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)

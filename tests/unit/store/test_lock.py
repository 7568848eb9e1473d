"""Only the system says whether a planner is at work; what the lock's file says is only told."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.errors import StateError, TaskError
from runner.store import Store
from runner.store.lock import Holder, PlannerLock, holder, is_held

from .stories import OTHER, RUN, view

ROOT = Path(__file__).parents[3]
HOLD = """
import sys, time
from pathlib import Path
from runner.store.lock import PlannerLock
lock = PlannerLock(Path(sys.argv[1]))
lock.tell("r1")
print("held", flush=True)
time.sleep(600)
"""
GARBAGE = (
    b"",
    b"\0" * 5000,
    b"\xff\xfe not json",
    b"[" * 4000,
    b"[]",
    b"{}",
    b'{"pid": "x", "machine": null, "since": 1, "run": ""}',
    b'{"pid": 1, "machine": "m", "since": "yesterday", "run": ""}',
    b'{"pid": 1, "machine": "m", "since": 1e400, "run": "r"}',
    b'{"pid": 1, "machine": "m", "since": -1e300, "run": "r"}',
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "planner.lock"


def facts(pid: int, since: float, run_id: str = "r1") -> bytes:
    return json.dumps({"pid": pid, "machine": "m", "since": since, "run": run_id}).encode()


def test_a_process_id_that_is_anothers_by_now_keeps_nobody_out(path: Path) -> None:
    """The holder was killed and the machine restarted: its number belongs to a living process."""
    path.write_bytes(facts(os.getpid(), time.time()))
    assert not is_held(path)
    PlannerLock(path).release()


def test_a_holder_that_was_killed_lets_the_next_one_in(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as planner:
        assert planner.stdout is not None
        assert planner.stdout.readline() == "held\n"
        found = holder(path)
        assert found is not None
        assert (found.run_id, found.pid) == ("r1", str(planner.pid))
        with pytest.raises(TaskError, match=rf"in use by run r1 \(pid {planner.pid} on "):
            PlannerLock(path)
        planner.send_signal(signal.SIGKILL)
    assert b'"run": "r1"' in path.read_bytes()  # what it said is still there
    assert not is_held(path)
    PlannerLock(path).release()


@pytest.mark.parametrize("text", GARBAGE)
def test_whatever_the_file_says_the_lock_holds_and_lets_go(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    assert not is_held(path)
    lock = PlannerLock(path)
    path.write_bytes(text)
    assert is_held(path)
    with pytest.raises(TaskError, match="in use by "):
        PlannerLock(path)
    lock.release()
    assert not is_held(path)


@pytest.mark.parametrize("ahead_s", [-1e5, 1e5])
def test_a_clock_that_was_set_fools_nobody(
    path: Path, ahead_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + ahead_s)
    lock = PlannerLock(path)
    monkeypatch.setattr(time, "time", real)
    with pytest.raises(TaskError, match=r"in use by a command .*\(pid \d+ on ") as refused:
        PlannerLock(path)
    # A time that is yet to come is no help to anybody.
    assert (", since 20" in str(refused.value)) is (ahead_s < 0)
    lock.release()
    PlannerLock(path).release()


def test_a_file_that_was_replaced_while_it_was_opened_is_not_the_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking, the file is removed, and another planner makes and locks its own."""
    locks: list[PlannerLock] = []
    real = fcntl.flock

    def replaced(fd: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        path.unlink()
        locks.append(PlannerLock(path))
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", replaced)
    with pytest.raises(TaskError, match="in use by "):
        PlannerLock(path)
    locks[0].release()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_refused(
    path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As some network file systems answer; no such one can be had in a test."""

    def refuse(_fd: int, _how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(StateError, match=r"its file system can't lock files .*OPPIE_STATE"):
        PlannerLock(path)
    assert not is_held(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_holder_in_words() -> None:
    assert str(Holder()) == "another oppie"
    assert str(Holder("r1", "7", "m", "noon")) == "run r1 (pid 7 on m, since noon)"
    assert str(Holder("", "7", "m")) == "a command that changes the journal (pid 7 on m)"


def test_the_runs_that_others_are_at_work_on(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    with Store(journal) as store:
        store.create_run(view())
        store.create_run(view(OTHER))
        store.work_on(RUN)
        assert store.at_work() == frozenset()  # the caller is nobody else
        with Store.read(journal) as reader:
            assert reader.at_work() == {RUN}
            store.work_on("")
            assert reader.at_work() == {RUN, OTHER}  # it isn't told which
    with Store.read(journal) as reader:
        assert reader.at_work() == frozenset()
    with Store(journal) as store:
        assert store.taken_over == (RUN, OTHER)

"""What becomes of a step whose planner was killed, on the fake and on the engine alike."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from worlds import Bench, wait_for

from runner.sandbox.logfile import sent_mark
from runner.sandbox.protocol import Exit, Leftovers, Step


def holds(log: Path, word: bytes) -> bool:
    return log.exists() and word in log.read_bytes()


def kill_planner_during(bench: Bench, step: Step, word: bytes = b"begun") -> None:
    """Let another planner run the step, and kill it once ``word`` was printed."""
    log = bench.log(step)
    with bench.world.another_planner(step, log):
        wait_for(lambda: holds(log, word) and sent_mark(log).exists(), "the step is under way")


def test_a_step_that_goes_on_is_adopted(bench: Bench) -> None:
    step = bench.step("echo x >>runs; echo begun; sleep 1; echo done; exit 7")
    kill_planner_during(bench, step)
    result = bench.run(step)
    assert (result.exit, result.code) == (Exit.NONZERO, 7)
    assert bench.log(step).read_bytes() == b"begun\ndone\n"
    assert bench.read(result.container, "runs") == b"x\n"
    assert 0.5 <= result.seconds < 10.0
    assert not result.log_complete


def test_a_step_that_has_ended_meanwhile_is_adopted(bench: Bench) -> None:
    step = bench.step("echo x >>runs; echo begun; sleep 0.3; echo done")
    kill_planner_during(bench, step)
    time.sleep(1.0)
    started = time.monotonic()
    result = bench.run(step)
    assert time.monotonic() - started < 2.0
    assert (result.exit, result.code) == (Exit.OK, 0)
    assert bench.log(step).read_bytes() == b"begun\ndone\n"
    assert bench.read(result.container, "runs") == b"x\n"
    assert 0.1 <= result.seconds < 1.0  # not the second that nobody was watching


def test_a_result_that_nobody_wrote_down_is_had_again(bench: Bench) -> None:
    step = bench.step("echo x >>runs; echo said; exit 3")
    first = bench.run(step)
    again = bench.run(step)
    assert (again.exit, again.code, again.container) == (first.exit, first.code, first.container)
    assert bench.log(step).read_bytes() == b"said\n"
    assert bench.read(again.container, "runs") == b"x\n"


def test_without_a_word_that_its_input_arrived_a_step_is_run_again(bench: Bench) -> None:
    step = bench.step("echo x >>runs; echo said")
    bench.run(step)
    sent_mark(bench.log(step)).unlink()
    result = bench.run(step)
    assert bench.read(result.container, "runs") == b"x\n"
    assert result.log_complete


def test_half_a_script_is_not_adopted(bench: Bench) -> None:
    """The planner dies while its input is under way; what runs is a script that was cut short."""
    log, lines = bench.folder / "half.log", ": " + "x" * 998 + "\n"
    step = bench.step("echo begun; sleep 1\n" + lines * 20_000 + "echo last")
    with bench.world.another_planner(step, log):
        wait_for(lambda: holds(log, b"begun"), "the step is under way")
        assert not sent_mark(log).exists()
    result = bench.sandbox.run(step, log)
    bench.containers.append(result.container)
    assert log.read_bytes() == b"begun\nlast\n"
    assert result.log_complete


def test_the_mark_of_an_earlier_container_does_not_count(bench: Bench) -> None:
    step = bench.step("echo begun; sleep 1\n" + (": " + "x" * 998 + "\n") * 20_000 + "echo last")
    log = bench.log(step)
    log.write_bytes(b"")
    sent_mark(log).touch()
    with bench.world.another_planner(step, log):
        wait_for(lambda: holds(log, b"begun"), "the step is under way")
    bench.run(step)
    assert log.read_bytes() == b"begun\nlast\n"


def test_the_deadline_counts_from_the_start_and_not_from_the_adoption(bench: Bench) -> None:
    step = bench.step("echo begun; sleep 60", time_s=2.0)
    kill_planner_during(bench, step)
    time.sleep(1.0)
    started = time.monotonic()
    result = bench.run(step)
    assert time.monotonic() - started < 2.5
    assert result.exit is Exit.TIMEOUT
    assert holds(bench.log(step), b"begun\n")


def test_a_step_whose_time_is_over_when_it_is_found(bench: Bench) -> None:
    step = bench.step("echo begun; sleep 60", time_s=1.0)
    kill_planner_during(bench, step)
    time.sleep(1.2)
    started = time.monotonic()
    result = bench.run(step)
    assert result.exit is Exit.TIMEOUT
    assert time.monotonic() - started < 2.5


def test_the_cap_of_the_log_holds_for_an_adopted_step(bench: Bench) -> None:
    step = bench.step("echo begun; head -c 60000 /dev/zero | tr '\\0' x", log_bytes=50_000)
    bench.run(step)
    result = bench.run(step)
    assert (result.exit, result.log_bytes, result.log_complete) == (Exit.OK, 50_000, False)
    assert bench.log(step).stat().st_size < 50_100


def test_an_adopted_container_can_be_committed(bench: Bench) -> None:
    step = bench.step("echo x >file; echo begun; sleep 0.5")
    kill_planner_during(bench, step)
    result = bench.run(step)
    snapshot = bench.commit(result.container, "A")
    assert bench.sh("cat file", snapshot.digest)[1] == b"x\n"


@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.2])
def test_a_planner_killed_at_any_time_leaves_nothing_that_cannot_be_had(
    bench: Bench, delay_s: float
) -> None:
    step = bench.step("echo x >>runs; sleep 0.1; echo done")
    log = bench.log(step)
    with bench.world.another_planner(step, log):
        wait_for(log.exists, "the step is under way")
        time.sleep(delay_s)
    result = bench.run(step)
    assert (result.exit, log.read_bytes()) == (Exit.OK, b"done\n")
    assert bench.read(result.container, "runs") == b"x\n"
    bench.sandbox.remove(result.container)
    assert bench.sandbox.leftovers() == Leftovers()


DAY_S = 86400.0


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S])
def test_a_clock_that_was_set_does_not_end_an_adopted_step(
    bench: Bench, jump_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = bench.step("echo begun; sleep 1; echo done; exit 7")
    kill_planner_during(bench, step)
    set_ = time.time() + jump_s - time.monotonic()
    monkeypatch.setattr(time, "time", lambda: set_ + time.monotonic())
    result = bench.run(step)
    assert (result.exit, result.code) == (Exit.NONZERO, 7)
    assert bench.log(step).read_bytes() == b"begun\ndone\n"


def test_a_clock_that_was_set_back_does_not_let_a_step_run_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = bench.step("echo begun; sleep 600", time_s=3.0)
    kill_planner_during(bench, step)
    set_ = time.time() - DAY_S - time.monotonic()
    monkeypatch.setattr(time, "time", lambda: set_ + time.monotonic())
    started = time.monotonic()
    assert bench.run(step).exit is Exit.TIMEOUT
    assert time.monotonic() - started < 30.0

"""An attempt's folder remembers what was finished, and never half of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.expand.attempt import RESULT, Attempt, last_words, log_lines
from runner.model import (
    Action,
    Decision,
    Expansion,
    Job,
    JobKind,
    Measurement,
    Metric,
    Outcome,
    Snapshot,
    State,
)
from runner.sandbox.protocol import Exit, StepResult

JOB = Job(JobKind.EXPAND, "A.1", 1, State("A"), State("A"), (Action("x", body=b"\xff"),), 0.1)
RESULT_OF_STEP = StepResult(Exit.NONZERO, 3, 0.5, "oppie-run-A.1-1-act", 10, False)


def expansion(**changes: object) -> Expansion:
    facts: dict[str, object] = {
        "job": JOB,
        "outcome": Outcome.IMPROVED,
        "decision": Decision.COMMIT,
        "reward": 0.25,
        "measurement": Measurement(
            0.2, float("-inf"), float("inf"), 1, (Metric("t", 1.5, "us"),), (), (0.2,)
        ),
        "snapshot": Snapshot("oppie/run:A.1", "sha256:1", "sha256:0", 3, 12),
        "seconds": {"act": 0.5},
    }
    return Expansion(**(facts | changes))  # type: ignore[arg-type]


def test_a_step_runs_once_and_is_read_afterwards(tmp_path: Path) -> None:
    calls: list[int] = []

    def run() -> StepResult:
        calls.append(1)
        return RESULT_OF_STEP

    assert Attempt(tmp_path).once("act", StepResult, run) == RESULT_OF_STEP
    assert Attempt(tmp_path).once("act", StepResult, run) == RESULT_OF_STEP
    assert calls == [1]


def test_what_was_written_is_on_disk_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the file's content, then its name in the folder: a power cut leaves no hole."""
    synced: list[tuple[str, list[str]]] = []

    def fsync(fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        synced.append((path.name, sorted(each.name for each in tmp_path.iterdir())))

    monkeypatch.setattr("os.fsync", fsync)
    Attempt(tmp_path).finish(expansion())
    assert synced == [("result.tmp", ["result.tmp"]), (tmp_path.name, [RESULT])]


def test_a_step_that_raises_is_not_remembered(tmp_path: Path) -> None:
    def fail() -> StepResult:
        raise RuntimeError("engine")

    with pytest.raises(RuntimeError):
        Attempt(tmp_path).once("act", StepResult, fail)
    assert Attempt(tmp_path).once("act", StepResult, lambda: RESULT_OF_STEP) == RESULT_OF_STEP


def test_what_was_finished_is_read_back_whole(tmp_path: Path) -> None:
    assert Attempt(tmp_path).result(JOB) is None
    finished = Attempt(tmp_path).finish(expansion())
    assert Attempt(tmp_path).result(JOB) == finished


def test_a_result_torn_by_a_power_cut_counts_as_none(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path)
    attempt.finish(expansion())
    whole = (tmp_path / RESULT).read_bytes()
    for length in (0, 1, len(whole) // 2):
        (tmp_path / RESULT).write_bytes(whole[:length])
        assert attempt.result(JOB) is None


def test_last_words_are_one_bounded_line(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert last_words(log) == ""
    log.write_bytes(b"first\n" + b"\xff" * 10_000 + b"\n\n  \n")
    assert len(last_words(log)) == 200
    log.write_bytes(b"first\nlast  \n\n")
    assert last_words(log) == "last"


def test_log_lines_of_a_missing_log_are_none(tmp_path: Path) -> None:
    assert list(log_lines(tmp_path / "none.log")) == []


def test_what_an_attempt_cost_that_came_to_nothing_is_told_to_the_next(tmp_path: Path) -> None:
    assert Attempt(tmp_path).spent_s() == 0.0
    Attempt(tmp_path).spend(1.25)
    assert Attempt(tmp_path).spent_s() == 1.25

"""Which rounds are built upon, which one the node is, and when there are no more."""

from __future__ import annotations

import pytest

from runner.expand.judging import Failure
from runner.expand.rounds import (
    Stage,
    chosen,
    is_candidate,
    is_enough,
    is_kept,
    may_go_on,
    outcome_of,
)
from runner.model import AgentStatus, Measurement, Outcome, Round, Snapshot
from runner.planner.reward import Thresholds

SNAPSHOT = Snapshot("t", "sha256:1", "", 1, 0)


def measured(gain: float, within: float = 0.001) -> Measurement:
    return Measurement(gain, gain - within, gain + within, 6)


def stage(number: int, result: Failure | Measurement, twin: str = "", snapshot: bool = True) -> Stage:
    outcome = result.outcome if isinstance(result, Failure) else Outcome.IMPROVED
    judged = SNAPSHOT if snapshot else None
    return Stage(Round(number, AgentStatus.DONE, outcome), result, None, judged, twin)


def failed(outcome: Outcome = Outcome.FAILED) -> Failure:
    return Failure(outcome, "why")


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (0.0, 0.1, True),
        (0.0, 0.0, True),
        (0.0, -0.01, False),
        (0.1, 0.05, False),
        (0.1, 0.1, True),
        (0.1, None, False),  # it had gained something, which a failure would lose
        (0.0, None, True),  # half of a change, to be mended
        (-0.1, None, True),
        (None, None, True),
        (None, -0.5, True),  # it fails no more
    ],
)
def test_what_the_next_round_goes_on_from(
    before: float | None, after: float | None, kept: bool
) -> None:
    assert is_kept(before, after) is kept


def test_the_best_is_chosen_and_the_earliest_of_equals() -> None:
    stages = [stage(1, measured(0.1)), stage(2, measured(0.2)), stage(3, measured(0.2))]
    assert chosen(stages).round.number == 2
    assert chosen([stage(1, measured(-0.2)), stage(2, failed())]).round.number == 1


@pytest.mark.parametrize(
    ("last", "number"),
    [
        (stage(2, failed(Outcome.BUDGET), snapshot=False), 2),
        (stage(2, failed(Outcome.TAMPERED), snapshot=False), 2),
        (stage(2, failed(Outcome.DUPLICATE), "A", snapshot=False), 2),
        (stage(2, failed(Outcome.DUPLICATE), snapshot=False), 1),  # of the first: that one tells
    ],
)
def test_without_any_that_was_measured_the_last_one_tells(last: Stage, number: int) -> None:
    assert chosen([stage(1, failed()), last]).round.number == number


def test_an_earlier_state_wins_over_the_end_of_the_money() -> None:
    stages = [stage(1, measured(0.01)), stage(2, failed(Outcome.BUDGET), snapshot=False)]
    assert chosen(stages).round.number == 1


def test_enough_is_a_gain_that_is_shown_and_matters() -> None:
    thresholds = Thresholds(min_gain=0.05)
    assert is_enough(measured(0.1), thresholds)
    assert not is_enough(measured(0.04), thresholds)
    assert not is_enough(measured(0.1, within=0.2), thresholds)
    assert not is_enough(failed(), thresholds)


def test_whatever_may_be_handed_over_is_a_candidate() -> None:
    """Also a gain that is too little for the node, or not shown: verification may show it."""
    thresholds = Thresholds(min_gain=0.05)
    assert is_candidate(measured(0.01), thresholds)
    assert is_candidate(measured(0.01, within=0.2), thresholds)
    assert not is_candidate(measured(0.0), thresholds)
    assert not is_candidate(measured(-0.05), thresholds)
    assert not is_candidate(failed(), thresholds)


def test_how_a_session_ended_and_what_follows() -> None:
    assert {status: outcome_of(status) for status in AgentStatus} == {
        AgentStatus.DONE: None,
        AgentStatus.TURNS: None,
        AgentStatus.FAILED: Outcome.FAILED,
        AgentStatus.BUDGET: Outcome.BUDGET,
        AgentStatus.TIMEOUT: Outcome.TIMEOUT,
    }
    assert [status for status in AgentStatus if not may_go_on(status)] == [AgentStatus.BUDGET]

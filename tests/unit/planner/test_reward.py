from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model import Decision, Measurement, Outcome
from runner.planner.reward import Thresholds, judge, verdict_of


def _measurement(delta: float, low: float, high: float) -> Measurement:
    return Measurement(math.log1p(delta), math.log1p(low), math.log1p(high), 5)


@pytest.mark.parametrize(
    ("delta", "low", "high", "outcome", "decision", "reward"),
    [
        (0.20, 0.10, 0.30, Outcome.IMPROVED, Decision.COMMIT, 0.20),
        (3.00, 2.00, 4.00, Outcome.IMPROVED, Decision.COMMIT, 3.00),
        (0.20, -0.01, 0.40, Outcome.NEUTRAL, Decision.COMMIT, 0.0),
        (-0.40, -0.60, 0.01, Outcome.NEUTRAL, Decision.COMMIT, 0.0),
        (0.00, 0.00, 0.00, Outcome.NEUTRAL, Decision.COMMIT, 0.0),
        (-0.05, -0.08, -0.02, Outcome.REGRESSED, Decision.COMMIT, -0.5),
        (-0.0999, -0.11, -0.09, Outcome.REGRESSED, Decision.COMMIT, -0.5),
        (-0.11, -0.12, -0.10, Outcome.REJECTED, Decision.DISCARD, -1.0),
    ],
)
def test_the_table_of_outcomes(
    delta: float, low: float, high: float, outcome: Outcome, decision: Decision, reward: float
) -> None:
    verdict = judge(_measurement(delta, low, high))
    assert (verdict.outcome, verdict.decision) == (outcome, decision)
    assert verdict.reward == pytest.approx(reward)


def test_thresholds_are_settings() -> None:
    strict = Thresholds(rejected_below=-0.01, neutral_reward=0.1, rejected_reward=-3.0)
    assert judge(_measurement(-0.05, -0.08, -0.02), strict).reward == -3.0
    assert judge(_measurement(0.0, -0.1, 0.1), strict).reward == 0.1
    assert verdict_of(Outcome.OOM, Thresholds(failed_reward=-7.0)).reward == -7.0


@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_has_no_measurement(outcome: Outcome) -> None:
    match outcome:
        case Outcome.IMPROVED | Outcome.NEUTRAL | Outcome.REGRESSED:
            with pytest.raises(ValueError, match="call judge"):
                verdict_of(outcome)
        case Outcome.DUPLICATE:
            assert verdict_of(outcome).reward is None
            assert verdict_of(outcome).decision is Decision.DISCARD
        case Outcome.BUDGET:
            assert verdict_of(outcome).reward == 0.0
            assert verdict_of(outcome).decision is Decision.DISCARD
        case Outcome.INFRA:
            assert verdict_of(outcome).reward is None
            assert verdict_of(outcome).decision is Decision.ABANDON
        case _:
            assert verdict_of(outcome).reward == -1.0
            assert verdict_of(outcome).decision is Decision.DISCARD


@given(gain=st.floats(-5, 5), below=st.floats(0, 5), above=st.floats(0, 5))
def test_only_a_certain_gain_is_an_improvement(gain: float, below: float, above: float) -> None:
    verdict = judge(Measurement(gain, gain - below, gain + above, 3))
    assert (verdict.outcome is Outcome.IMPROVED) == (gain - below > 0)
    assert (verdict.decision is Decision.DISCARD) == (gain + above < 0 and math.expm1(gain) < -0.1)

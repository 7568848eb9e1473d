"""From a measurement, or the lack of one, to outcome, decision and reward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from runner.model import Decision, Measurement, Outcome


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where outcomes begin, and what they are worth.

    ``rejected_below`` is a delta (-0.1: more than 10 % worse); ``min_gain`` is the smallest delta
    that matters (0: any); the others are rewards.
    """

    min_gain: float = 0.0
    rejected_below: float = -0.1
    neutral_reward: float = 0.0
    regressed_reward: float = -0.5
    rejected_reward: float = -1.0
    failed_reward: float = -1.0


DEFAULT_THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an attempt is called, what becomes of its container, and the number to backpropagate.

    ``reward`` is ``None`` where it isn't the attempt's own to say: a duplicate takes its twin's,
    and trouble of the infrastructure takes none.
    """

    outcome: Outcome
    decision: Decision
    reward: float | None


def judge(measurement: Measurement, thresholds: Thresholds = DEFAULT_THRESHOLDS) -> Judgement:
    """Judge a measured state by its gain and the 95 % interval of the gain.

    An interval that holds 0 shows no difference, whatever the gain: such a state is kept, for
    others to build on.
    """
    if measurement.low <= 0.0 <= measurement.high:
        return Judgement(Outcome.NEUTRAL, Decision.COMMIT, thresholds.neutral_reward)
    delta = measurement.delta
    if delta > 0.0:
        return Judgement(Outcome.IMPROVED, Decision.COMMIT, delta)
    if delta >= thresholds.rejected_below:
        return Judgement(Outcome.REGRESSED, Decision.COMMIT, thresholds.regressed_reward)
    return Judgement(Outcome.REJECTED, Decision.DISCARD, thresholds.rejected_reward)


def verdict_of(outcome: Outcome, thresholds: Thresholds = DEFAULT_THRESHOLDS) -> Judgement:
    """The verdict on an attempt that has no measurement.

    Raises ``ValueError`` for an outcome that only a measurement can give.
    """
    match outcome:
        case Outcome.FAILED | Outcome.TIMEOUT | Outcome.OOM | Outcome.DISK | Outcome.TAMPERED:
            return Judgement(outcome, Decision.DISCARD, thresholds.failed_reward)
        case Outcome.REJECTED:  # by a reviewer
            return Judgement(outcome, Decision.DISCARD, thresholds.rejected_reward)
        case Outcome.BUDGET:  # says nothing of the idea
            return Judgement(outcome, Decision.DISCARD, thresholds.neutral_reward)
        case Outcome.DUPLICATE:
            return Judgement(outcome, Decision.DISCARD, None)
        case Outcome.INFRA:
            return Judgement(outcome, Decision.ABANDON, None)
        case Outcome.IMPROVED | Outcome.NEUTRAL | Outcome.REGRESSED:
            raise ValueError(f"{outcome} is the verdict on a measurement; call judge()")
        case _:
            assert_never(outcome)

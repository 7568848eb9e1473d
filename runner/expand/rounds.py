"""Which of an agent's rounds are built upon, when it has done enough, and which one the node is.

Pure: ``reasoning`` makes the rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.evidence import Recorded
from runner.expand.judging import Failure, Meter
from runner.model import AgentStatus, Decision, Measurement, Outcome, Round, Snapshot
from runner.planner.reward import Thresholds, judge


@dataclass(frozen=True, slots=True)
class Stage:
    """The state that one round left, and what is known of it. ``snapshot`` is ``None`` if there was
    nothing to judge: it changed nothing, or touched what judges, or was cut off. ``twin``,
    ``remark`` and ``proof`` are those of ``deciding.Notes``; ``meter`` is what the round took."""

    round: Round
    result: Failure | Measurement
    recorded: Recorded | None = None
    snapshot: Snapshot | None = None
    twin: str = ""
    remark: str = ""
    proof: str = ""
    meter: Meter = field(default_factory=Meter)

    @property
    def gain(self) -> float | None:
        """Over the node's parent; ``None`` for a state that fails."""
        return self.result.gain if isinstance(self.result, Measurement) else None


def is_kept(before: float | None, after: float | None) -> bool:
    """Whether the next round goes on from the state that a round left, rather than from that which
    it had begun with. The arguments are their gains over the node's parent, ``None`` if it fails.

    What fails may be half of a change, and is worth mending as long as nothing was gained before it.
    """
    if after is None:
        return before is None or before <= 0.0
    return before is None or after >= before


def is_enough(result: Failure | Measurement, thresholds: Thresholds) -> bool:
    """Whether there is a gain that matters, so that no further round is needed."""
    if isinstance(result, Failure):
        return False
    improved = judge(result, thresholds).outcome is Outcome.IMPROVED
    return improved and result.delta >= thresholds.min_gain


def is_candidate(result: Failure | Measurement, thresholds: Thresholds) -> bool:
    """Whether the node may come to be verified and handed over, so that a reviewer has to see it."""
    if isinstance(result, Failure):
        return False
    return judge(result, thresholds).decision is Decision.COMMIT and result.gain > 0.0


def may_go_on(status: AgentStatus) -> bool:
    """Whether an agent that ended a round so can be given another one. One that hung may hang again,
    but what it knows of the last round is the reason to try; without money it can say nothing."""
    return status is not AgentStatus.BUDGET


def chosen(stages: Sequence[Stage]) -> Stage:
    """The stage that the node becomes: the one of the highest gain, the earliest of equals; where
    none was measured, the last."""
    measured = [stage for stage in stages if stage.gain is not None and stage.snapshot]
    if not measured:
        told = [stage for stage in stages if stage.twin or stage.round.outcome is not Outcome.DUPLICATE]
        return (told or list(stages))[-1]
    return max(measured, key=lambda stage: (stage.gain or 0.0, -stage.round.number))


def outcome_of(status: AgentStatus) -> Outcome | None:
    """The outcome of a round whose state isn't judged, because of how the agent ended."""
    match status:
        case AgentStatus.TIMEOUT:
            return Outcome.TIMEOUT
        case AgentStatus.BUDGET:
            return Outcome.BUDGET
        case AgentStatus.FAILED:
            return Outcome.FAILED
        case AgentStatus.DONE | AgentStatus.TURNS:
            return None

"""What is made of a finished attempt: outcome, decision, reward."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from runner.evidence import Recorded
from runner.expand.judging import Failure, Meter
from runner.model import (
    NOTHING_SPENT,
    Decision,
    Expansion,
    Job,
    JobKind,
    Measurement,
    Round,
    Snapshot,
    Spending,
)
from runner.planner.reward import Thresholds, judge, verdict_of


@dataclass(slots=True)
class Notes:
    """What a journey has found out so far."""

    started_at: float = field(default_factory=time.time)
    seconds: dict[str, float] = field(default_factory=dict)
    recorded: Recorded | None = None
    snapshot: Snapshot | None = None
    container: str = ""
    tree_id: str = ""  # of the state that was reached, known to nobody else unless there is a twin
    twin: str = ""
    remark: str = ""
    proof: str = ""
    rounds: tuple[Round, ...] = ()
    spending: Spending = NOTHING_SPENT
    meter: Meter = field(default_factory=Meter)


def decide(
    job: Job, notes: Notes, result: Failure | Measurement, thresholds: Thresholds
) -> Expansion:
    """The expansion that an attempt comes to."""
    if isinstance(result, Measurement):
        verdict, reason = judge(result, thresholds), notes.remark
    else:
        verdict, reason = verdict_of(result.outcome, thresholds), result.reason
    if job.kind is JobKind.REMEASURE:
        # Measuring again judges no action: the snapshot stays, whatever the numbers say.
        verdict = replace(verdict, decision=Decision.COMMIT)
        snapshot, commit, tree_id = job.origin.snapshot, job.origin.commit, job.origin.tree_id
    else:
        kept = verdict.decision is Decision.COMMIT
        snapshot = notes.snapshot if kept else None
        commit = notes.recorded.commit if notes.recorded else ""
        tree_id = notes.tree_id
    return Expansion(
        job=job,
        outcome=verdict.outcome,
        decision=verdict.decision,
        reward=verdict.reward,
        reason=reason,
        measurement=result if isinstance(result, Measurement) else None,
        snapshot=snapshot,
        commit=commit,
        tree_id=tree_id,
        twin=notes.twin,
        files_changed=notes.recorded.files_changed if notes.recorded else 0,
        seconds=notes.seconds,
        started_at=notes.started_at,
        ended_at=time.time(),
        container_s=round(notes.meter.container_s, 4),
        saved_s=round(notes.meter.saved_s, 4),
        proof=notes.proof,
        rounds=notes.rounds,
        spending=notes.spending,
    )

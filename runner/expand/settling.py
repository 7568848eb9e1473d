"""Making one of an agent's rounds the node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runner.evidence import set_ref
from runner.expand.deciding import Notes
from runner.expand.judging import Trial
from runner.expand.rounds import Stage
from runner.model import Job
from runner.sandbox.snapshots import tag_of


def settle(
    trial: Trial, job: Job, stages: Sequence[Stage], best: Stage, notes: Notes
) -> None:
    """Make one round's state the node's. The others stay in the evidence, under names of their own.

    It can be done again after a crash at any point. Raises ``EngineError``, ``EvidenceError``.
    """
    context, sandbox = trial.context, trial.sandbox
    notes.recorded, notes.twin, notes.remark, notes.proof = (
        best.recorded, best.twin, best.remark, best.proof,
    )  # fmt: skip
    notes.rounds = tuple(stage.round for stage in stages)
    notes.spending = sum((each.spending for each in notes.rounds), notes.spending)
    notes.seconds["act"] = round(sum(each.seconds for each in notes.rounds), 4)
    notes.tree_id = best.round.tree_id if best.snapshot or best.twin else ""
    for stage in stages:
        if stage.round.tree_id not in ("", best.round.tree_id):
            context.claims.release(stage.round.tree_id, job.label)
    if best.recorded:
        ref = context.evidence.ref(context.run_id, job.label)
        set_ref(context.evidence, ref, best.recorded.commit)
        context.keep_earlier(job, best.recorded.commit)
    if best.snapshot:
        tag = tag_of(context.run_id, job.label)
        sandbox.retag(best.snapshot.digest, tag)
        notes.snapshot = replace(best.snapshot, tag=tag)
    for stage in reversed(stages):  # what is built on another one goes before it
        if stage.snapshot:
            sandbox.discard(stage.snapshot.tag)

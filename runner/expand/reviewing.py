"""The reviewer: another agent reads what a node has changed, and may reject it with a reason."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from runner.agents.adapters import by_name
from runner.expand.agency import Agency, briefing_of
from runner.expand.agent_step import Turn, take_turn
from runner.expand.deciding import Notes
from runner.expand.judging import Failure, Trial
from runner.expand.rounds import Stage
from runner.gateway import Account
from runner.model import NOTHING_SPENT, Job, Measurement, Outcome, Phase
from runner.prompts import read_review

_DIFF_BYTES = 64 << 10


def reviewed(
    trial: Trial, job: Job, best: Stage, agency: Agency, account: Account | None, notes: Notes
) -> Generator[Phase, None, Failure | None]:
    """Let the task's reviewer, if it has one, read a node that may be handed over.

    What it changes in its container is nobody's. A reviewer that fails, or says nothing clear,
    rejects nothing. Raises ``EngineError``, ``StateError``, ``Cancelled``.
    """
    context = trial.context
    spec = context.task.aids.reviewer
    if spec is None or best.snapshot is None or not isinstance(best.result, Measurement):
        return None
    trial = replace(trial, attempt_id=f"{job.attempt_id}-review")
    diff = context.evidence.excerpt(job.origin.commit, best.round.commit, _DIFF_BYTES)
    prompt = agency.prompts.review(
        job.label,
        briefing_of(job, context),
        job.actions[0],
        diff.decode("utf-8", "replace"),
        best.result,
        [line for line in (best.proof, best.remark) if line],
    )
    turn = Turn(
        by_name(spec.adapter),
        spec,
        prompt,
        spec.model,
        best.snapshot,
        best.round.commit,
        paid=sum((each.spending for each in notes.rounds), NOTHING_SPENT),
    )
    took = yield from take_turn(trial, job, turn, agency, account)
    trial.sandbox.remove(took.step.container)
    notes.spending = notes.spending + took.spending
    review = read_review(took.report.said)
    facts = {"rejects": review.rejects, "reason": review.reason, "note": review.note}
    yield Phase(job.label, "review.finished", facts)
    if review.rejects:
        return Failure(Outcome.REJECTED, f"review: {review.reason}")
    if review.note:
        notes.remark = "; ".join(filter(None, (notes.remark, f"review: {review.note}")))
    return None

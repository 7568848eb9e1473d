"""Measuring a candidate again before it may be called an improvement."""

from __future__ import annotations

from collections.abc import Generator

from runner.expand.context import RunContext
from runner.expand.judging import Failure, Sides, compare, run_checks
from runner.expand.root import Root
from runner.measure.protected import protected_changes
from runner.model import Outcome, Phase, State, Verified
from runner.planner.reward import judge
from runner.sandbox.protocol import Sandbox


def verify(
    context: RunContext, sandbox: Sandbox, root: Root, candidate: State
) -> Generator[Phase, None, Verified]:
    """Check and measure ``candidate`` against the root, in fresh containers, with new samples.

    The samples played no part in the search, so the luck that made a candidate the best is not
    in them. Raises ``EngineError``.
    """
    label = candidate.label
    assert candidate.snapshot is not None and root.state.snapshot is not None
    yield Phase(label, "verify.started", {"pairs": context.task.verify_pairs})
    files = context.evidence.manifest(candidate.commit)
    changes = protected_changes(root.files, files, context.task.protected)
    if changes:
        return Verified(label, Outcome.TAMPERED, None, f"protected files changed: {changes[0]}")
    attempt_id = f"{label}-verify"
    digest = candidate.snapshot.digest
    failure = yield from run_checks(context, sandbox, attempt_id, label, digest)
    if failure:
        return Verified(label, failure.outcome, None, failure.reason)
    result = yield from compare(
        context,
        sandbox,
        attempt_id,
        label,
        Sides(digest, root.state.snapshot.digest),
        context.task.verify_pairs,
    )
    if isinstance(result, Failure):
        return Verified(label, result.outcome, None, result.reason)
    return Verified(label, judge(result, context.task.search.thresholds).outcome, result)

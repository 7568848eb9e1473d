"""Measuring a candidate again, in a clean room, before it may be called an improvement."""

from __future__ import annotations

from collections.abc import Generator

from runner.expand.attempt import last_words
from runner.expand.context import RunContext
from runner.expand.judging import Failure, Sides, compare, failure_of, run_checks
from runner.expand.root import SETUP, Root, set_up
from runner.measure.protected import protected_changes
from runner.model import Measurement, Outcome, Phase, Snapshot, State, Verified
from runner.planner.reward import judge
from runner.sandbox.protocol import Sandbox


def verify(
    context: RunContext, sandbox: Sandbox, root: Root, image: str, candidate: State, number: int = 1
) -> Generator[Phase, None, Verified]:
    """Build ``candidate`` from its recorded sources alone, as the root was built from its own, and
    check and measure it against the root.

    What an action changed outside the sources (the home folder, ignored files, caches) is not
    there, so a gain that lived in it doesn't reproduce. The samples are new: the luck that made a
    candidate the best is not in them. ``number`` counts the attempts. Raises ``EngineError``.
    """
    label = candidate.label
    yield Phase(label, "verify.started", {"pairs": context.task.verify_pairs})
    files = context.evidence.manifest(candidate.commit)
    changes = protected_changes(root.files, files, context.task.protected)
    if changes:
        return Verified(label, Outcome.TAMPERED, None, f"protected files changed: {changes[0]}")
    attempt_id = f"{label}-verify-{number}"
    built = yield from _build(context, sandbox, attempt_id, image, candidate)
    if isinstance(built, Failure):
        return Verified(label, built.outcome, None, built.reason)
    try:
        result = yield from _judge(context, sandbox, attempt_id, label, built, root)
    finally:
        sandbox.discard(built.tag)
    if isinstance(result, Failure):
        return Verified(label, result.outcome, None, result.reason)
    return Verified(label, judge(result, context.task.search.thresholds).outcome, result)


def _build(
    context: RunContext, sandbox: Sandbox, attempt_id: str, image: str, candidate: State
) -> Generator[Phase, None, Snapshot | Failure]:
    result = yield from set_up(
        context, sandbox, attempt_id, candidate.label, image, candidate.commit
    )
    said = last_words(context.attempt(attempt_id).log(SETUP))
    failure = failure_of(result.exit, result.code, SETUP, said)
    if failure is None:
        built = sandbox.commit(result.container, attempt_id, None, {"attempt": attempt_id})
    sandbox.remove(result.container)
    return failure or built


def _judge(
    context: RunContext,
    sandbox: Sandbox,
    attempt_id: str,
    label: str,
    built: Snapshot,
    root: Root,
) -> Generator[Phase, None, Measurement | Failure]:
    assert root.state.snapshot is not None
    failure = yield from run_checks(context, sandbox, attempt_id, label, built.digest)
    if failure:
        return failure
    sides = Sides(built.digest, root.state.snapshot.digest)
    pairs = context.task.verify_pairs
    return (yield from compare(context, sandbox, attempt_id, label, sides, pairs))

"""Measuring a candidate again, in a clean room, before it may be called an improvement."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from runner.expand.attempt import last_words
from runner.expand.checking import Checks, run_checks
from runner.expand.context import RunContext
from runner.expand.inspect import inspect, watched
from runner.expand.judging import Failure, Meter, Trial, failure_of
from runner.expand.measuring import compare
from runner.expand.overlays import sealed_over
from runner.expand.root import SETUP, Root, rules_of, set_up
from runner.expand.sides import Sides, in_fresh_containers
from runner.measure.calibration import Calibration
from runner.measure.loaders import Sources
from runner.measure.plan import Plan
from runner.model import Measurement, Outcome, Phase, Snapshot, State, Verdict, Verified
from runner.report.estimate import Estimate
from runner.report.figures import percent
from runner.sandbox.protocol import Sandbox


def verify(
    context: RunContext,
    sandbox: Sandbox,
    root: Root,
    image: str,
    candidate: State,
    plan: Plan,
    claim: Estimate | None = None,
    attempt_id: str = "",
) -> Generator[Phase, None, Verified]:
    """Build ``candidate`` from its recorded sources alone, as the root was built from its own, and
    check and measure it against the root.

    What an action changed outside the sources (the home folder, ignored files, caches) is not
    there, so a gain that lived in it doesn't reproduce. The samples are new: the luck that made a
    candidate the best is not in them. ``claim`` is what the search has measured;
    ``attempt_id`` names this attempt, which must be a new one. Raises ``EngineError``.
    """
    label = candidate.label
    yield Phase(label, "verify.started", {"pairs": plan.cap})
    trial = Trial(context, sandbox, attempt_id or f"{label}-verify-1", label)
    if reason := tampering(context, root, candidate.commit):
        return Verified(label, Verdict.TAMPERED, None, reason, claimed=_gain(claim))
    built = yield from build(trial, image, candidate.commit)
    if isinstance(built, Failure):
        result: Measurement | Failure = built
    else:
        assert root.state.snapshot is not None
        try:
            sides = Sides(built.snapshot.digest, root.state.snapshot.digest)
            result = changed_by_set_up(context, root.sources, built) or (
                yield from examine(trial, root.checks, sides, plan, root.calibration)
            )
        finally:
            sandbox.discard(built.snapshot.tag)
    return costed(conclude(label, result, claim), trial.meter)


def costed(found: Verified, meter: Meter) -> Verified:
    """A verification with what it cost."""
    spent_s, saved_s = round(meter.container_s, 4), round(meter.saved_s, 4)
    return replace(found, container_s=spent_s, saved_s=saved_s)


def tampering(context: RunContext, root: Root, commit: str) -> str:
    """Why the sources of a commit may not be judged; "" if they may."""
    files = context.evidence.manifest(commit)
    # Nothing of what git ignores, or of git's own folder, comes into the clean room.
    node = Sources(files, root.sources.watched)
    return inspect(context, root.sources, root.sources.files, node).tampered


@dataclass(frozen=True, slots=True)
class Built:
    """What ``setup`` made of recorded sources: the image, and the files of its workspace."""

    snapshot: Snapshot
    sources: Sources


def changed_by_set_up(context: RunContext, judge: Sources, built: Built) -> Failure | None:
    """Code of a candidate that ``setup`` runs could have changed what judges it after all."""
    found = inspect(context, judge, judge.files, built.sources).tampered
    return Failure(Outcome.TAMPERED, f"by its set-up, {found}") if found else None


def build(
    trial: Trial, image: str, commit: str, name: str = ""
) -> Generator[Phase, None, Built | Failure]:
    """The image that ``setup`` makes of recorded sources, called ``name``, or after the attempt."""
    context, sandbox = trial.context, trial.sandbox
    result = yield from set_up(context, sandbox, trial.attempt_id, trial.label, image, commit)
    trial.meter.container_s += result.seconds
    failure = failure_of(result.exit, result.code, SETUP, last_words(trial.attempt.log(SETUP)))
    if failure is None:
        facts = {"attempt": trial.attempt_id}
        recorded = context.evidence.record(
            context.run_id,
            f"{trial.attempt_id}-built",
            commit,
            sandbox.archive(result.container),
            f"{trial.attempt_id}: after the set-up\n",
            rules_of(context),
            watched(context),
        )
        sources = Sources(context.evidence.manifest(recorded.commit), recorded.watched)
        snapshot = sandbox.commit(result.container, name or trial.attempt_id, None, facts)
    sandbox.remove(result.container)
    return failure or Built(snapshot, sources)


def examine(
    trial: Trial, known: Checks, sides: Sides, plan: Plan, calibration: Calibration
) -> Generator[Phase, None, Measurement | Failure]:
    """Check the candidate's image and measure it against the baseline's, sealed files included.

    ``known`` is what the checks have shown on the baseline.
    """
    task, sealed = trial.context.task, trial.context.task.sealed
    failure = yield from run_checks(trial, task.checks, sides.candidate, known)
    if failure:
        return failure
    opened = replace(trial, overlay=sealed_over(trial.context))
    failure = yield from run_checks(opened, sealed.checks, sides.candidate, known)
    if failure:
        return Failure(Outcome.REJECTED, f"sealed: {failure.reason}")
    benchmark = replace(task.benchmark, command=sealed.benchmark or task.benchmark.command)
    measured = in_fresh_containers(opened, sides, benchmark)
    return (yield from compare(opened, measured, benchmark, plan, calibration))


def conclude(label: str, result: Measurement | Failure, claim: Estimate | None) -> Verified:
    """What may be said of a candidate of which the search claims a gain over the root.

    What fails here had passed in the search, on a snapshot with everything that the action had left
    behind: it doesn't reproduce from its sources. Nor does a gain if the two intervals exclude each
    other.
    """
    claimed = _gain(claim)
    if isinstance(result, Failure):
        match result.outcome:
            case Outcome.TAMPERED:
                verdict = Verdict.TAMPERED
            case Outcome.REJECTED:  # by a check that it had never met
                verdict = Verdict.FAILED
            case _:
                verdict = Verdict.NOT_REPRODUCED if claim is not None else Verdict.FAILED
        return Verified(label, verdict, None, result.reason, claimed=claimed)
    excluded = claim is not None and claim.low > max(result.high, 0.0)
    reason = _shortfall(claim, result) if claim is not None and excluded else ""
    if result.low > 0.0:
        return Verified(label, Verdict.IMPROVED, result, reason, claimed=claimed)
    if excluded:
        return Verified(label, Verdict.NOT_REPRODUCED, result, reason, claimed=claimed)
    verdict = Verdict.WORSE if result.high < 0.0 else Verdict.NO_DIFFERENCE
    return Verified(label, verdict, result, claimed=claimed)


def _shortfall(claim: Estimate, result: Measurement) -> str:
    least, most = percent(claim.low), percent(result.high)
    return f"the search had measured {least} or more; built from its sources alone it gains {most} at most"


def _gain(claim: Estimate | None) -> float | None:
    return None if claim is None else claim.gain

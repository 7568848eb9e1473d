"""Measuring a candidate again, in a clean room, before it may be called an improvement."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from runner.evidence import TARGET, TreeTooLarge, overlay
from runner.expand.attempt import last_words
from runner.expand.checking import run_checks
from runner.expand.context import RunContext
from runner.expand.inspect import inspect, watched
from runner.expand.judging import Failure, Meter, Trial, failure_of
from runner.expand.measuring import compare
from runner.expand.overlays import sealed_over
from runner.expand.prove import Ground, prove
from runner.expand.room import demand_room
from runner.expand.root import SETUP, Root, rules_of, set_up
from runner.expand.sides import Sides, in_fresh_containers
from runner.expand.trying import sealed_benchmark
from runner.measure.loaders import Sources
from runner.measure.plan import Plan
from runner.model import Measurement, Outcome, Phase, Snapshot, State, Verdict, Verified
from runner.report.estimate import Estimate
from runner.report.figures import percent


def verify(
    trial: Trial, root: Root, baseline: Built, image: str, candidate: State, plan: Plan
) -> Generator[Phase, None, Measurement | Failure]:
    """Build ``candidate`` as the root was built, check it, and measure it against ``baseline``, the
    root that was built in the same clean room.

    What an action changed outside the sources (the home folder, ignored files, caches) is not
    there, so a gain that lived in it doesn't reproduce. The samples are new: the luck that made a
    candidate the best is not in them. Raises ``EngineError``.
    """
    yield Phase(trial.label, "verify.started", {"pairs": plan.cap})
    context = trial.context
    if reason := tampering(context, root, candidate.commit):
        return Failure(Outcome.TAMPERED, reason)
    built = yield from build(trial, image, sources_of(context, root, candidate.commit))
    if isinstance(built, Failure):
        return built
    try:
        return (yield from examine(trial, root, built, baseline, candidate.commit, plan))
    finally:
        trial.sandbox.discard(built.snapshot.tag)


def sources_of(context: RunContext, root: Root, commit: str) -> str:
    """The tree of what the target was found as, with what ``commit`` changes of the root.

    Not the commit's own: that holds what ``setup`` has made, and ``setup`` will run again.
    """
    evidence = context.evidence
    found = evidence.commit(context.run_id, TARGET)
    return overlay(evidence, found, commit, evidence.changed(root.state.commit, commit))


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


def build(
    trial: Trial, image: str, commit: str, name: str = ""
) -> Generator[Phase, None, Built | Failure]:
    """The image that ``setup`` makes of a commit or tree, called ``name``, or after the attempt."""
    context, sandbox = trial.context, trial.sandbox
    result = yield from set_up(context, sandbox, trial.attempt_id, trial.label, image, commit)
    trial.meter.container_s += result.seconds
    try:
        failure = failure_of(result.exit, result.code, SETUP, last_words(trial.attempt.log(SETUP)))
        if failure:
            return failure
        recorded = context.evidence.record(
            context.run_id,
            f"{trial.attempt_id}-built",
            "",
            sandbox.archive(result.container),
            f"{trial.attempt_id}: after the set-up\n",
            rules_of(context),
            watched(context),
        )
        demand_room(context, sandbox)
        facts = {"attempt": trial.attempt_id}
        snapshot = sandbox.commit(result.container, name or trial.attempt_id, None, facts)
    except TreeTooLarge as error:
        return Failure(Outcome.DISK, str(error))
    finally:
        sandbox.remove(result.container)
    return Built(snapshot, Sources(context.evidence.manifest(recorded.commit), recorded.watched))


def examine(
    trial: Trial, root: Root, built: Built, baseline: Built, commit: str, plan: Plan
) -> Generator[Phase, None, Measurement | Failure]:
    """Check what was built of ``commit`` and measure it against the baseline, sealed files included.

    ``root`` has what the checks and the benchmark have shown on the baseline.
    """
    context, task, sealed = trial.context, trial.context.task, trial.context.task.sealed
    judge, image = baseline.sources, built.snapshot.digest
    # Code of a candidate that `setup` runs could have changed what judges it after all.
    if reason := inspect(context, judge, judge.files, built.sources).tampered:
        return Failure(Outcome.TAMPERED, f"by its set-up, {reason}")
    ground = Ground(baseline.snapshot.digest, "the baseline", judge.files)
    proven = yield from prove(trial, ground, commit, image)
    if isinstance(proven, Failure):
        return proven
    failure = yield from run_checks(trial, task.checks, image, root.checks)
    if failure:
        return failure
    opened = replace(trial, overlay=sealed_over(context))
    failure = yield from run_checks(opened, sealed.checks, image, root.checks)
    if failure:
        return Failure(Outcome.REJECTED, f"sealed: {failure.reason}")
    benchmark = sealed_benchmark(task)
    sides = Sides(image, baseline.snapshot.digest)
    measured = in_fresh_containers(opened, sides, benchmark)
    calibration = root.sealed_calibration or root.calibration
    return (yield from compare(opened, measured, benchmark, plan, calibration))


def costed(found: Verified, meter: Meter) -> Verified:
    """A verification with what it cost."""
    spent_s, saved_s = round(meter.container_s, 4), round(meter.saved_s, 4)
    return replace(found, container_s=spent_s, saved_s=saved_s)


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
                blamed = claim is None or result.of_baseline
                verdict = Verdict.FAILED if blamed else Verdict.NOT_REPRODUCED
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

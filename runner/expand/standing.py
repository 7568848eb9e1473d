"""From a container in which an action has run to the standing of the state that it left: is the judge
untouched, is the state new, does it pass, what does it gain?"""

from __future__ import annotations

import time
from collections.abc import Generator

from runner.expand.checking import run_checks
from runner.expand.context import snapshot_of
from runner.expand.deciding import Notes
from runner.expand.inspect import inspect
from runner.expand.judging import Failure, Trial, seconds_since
from runner.expand.measuring import compare
from runner.expand.plans import search_of
from runner.expand.prove import Ground, prove
from runner.expand.room import demand_room
from runner.expand.root import Root
from runner.expand.sides import Sides, in_sessions
from runner.measure.loaders import Sources
from runner.model import Job, Measurement, Outcome, Phase, Snapshot

Said = Generator[Phase, None, Failure | Measurement]


def standing(
    trial: Trial, root: Root, job: Job, notes: Notes, parent: Snapshot | None, checkpoint: str = ""
) -> Said:
    """Judge the state that ``acting`` has recorded in ``notes``, and snapshot it if it is a new one.

    ``parent`` is the snapshot that the container was started from. ``checkpoint`` marks the tag of a
    state that may not become the node's. The container goes. Raises ``EngineError``, ``StateError``,
    ``Cancelled``.
    """
    failure = inspect_sources(trial, root, job, notes)
    if failure is None:
        yield from _commit(trial, job, notes, parent, checkpoint)
    if notes.container:
        trial.sandbox.remove(notes.container)
    if failure:
        return failure
    failure = yield from _check(trial, root, job, notes)
    if failure:
        return failure
    return (yield from measured(trial, root, job, notes, notes.snapshot))


def inspect_sources(trial: Trial, root: Root, job: Job, notes: Notes) -> Failure | None:
    """Is the judge untouched, and is this state a new one?"""
    context, recorded = trial.context, notes.recorded
    assert recorded is not None
    manifest = context.evidence.manifest
    node = Sources(manifest(recorded.commit), recorded.watched)
    parent = manifest(job.origin.commit)
    found = inspect(context, root.sources, parent, node)
    if found.tampered:
        return Failure(Outcome.TAMPERED, found.tampered)
    notes.remark = found.notes
    notes.tree_id = recorded.tree_id
    # Kept, because who was second has given its container up: it can't be first after a crash.
    notes.twin = trial.attempt.once(
        "twin", str, lambda: context.claims.claim(recorded.tree_id, job.label)
    )
    if notes.twin:
        return Failure(Outcome.DUPLICATE, f"the same source tree as {notes.twin}")
    return None


def measured(
    trial: Trial, root: Root, job: Job, notes: Notes, candidate: Snapshot | None
) -> Said:
    """Compare a snapshot with the one that the job is measured against."""
    context, started = trial.context, time.monotonic()
    sides = Sides(
        snapshot_of(candidate, job.label).digest,
        snapshot_of(job.against.snapshot, job.against.label).digest,
    )
    benchmark = context.task.benchmark
    result = yield from compare(
        trial, in_sessions(trial, sides, benchmark), benchmark, search_of(context), root.calibration
    )
    notes.seconds["benchmark"] = seconds_since(started)
    return result


def _commit(
    trial: Trial, job: Job, notes: Notes, parent: Snapshot | None, checkpoint: str
) -> Generator[Phase, None, None]:
    recorded, sandbox = notes.recorded, trial.sandbox
    assert recorded is not None
    demand_room(trial.context, sandbox)
    started = time.monotonic()
    facts = {
        "attempt": trial.attempt_id,
        "actions": " ".join(action.key for action in job.actions),
        "tree": recorded.tree_id,
        "commit": recorded.commit,
    }
    notes.snapshot = sandbox.commit(notes.container, job.label, parent, facts, checkpoint)
    notes.seconds["commit"] = seconds_since(started)
    made = notes.snapshot
    told = {"tag": made.tag, "digest": made.digest, "depth": made.depth}
    yield Phase(job.label, "snapshot.committed", told)


def _check(
    trial: Trial, root: Root, job: Job, notes: Notes
) -> Generator[Phase, None, Failure | None]:
    assert notes.snapshot is not None and notes.recorded is not None
    context, image = trial.context, notes.snapshot.digest
    started = time.monotonic()
    origin = snapshot_of(job.origin.snapshot, job.origin.label)
    before = context.evidence.manifest(job.origin.commit)
    ground = Ground(origin.digest, job.origin.label, before)
    proven = yield from prove(trial, ground, notes.recorded.commit, image)
    if isinstance(proven, Failure):
        return proven
    notes.proof = proven
    failure = yield from run_checks(trial, context.task.checks, image, root.checks)
    notes.seconds["check"] = seconds_since(started)
    return failure

"""One node's journey: act -> evidence -> commit -> check -> measure -> decide.

Runs in a worker's thread. It knows no tree and no database: it is given a frozen ``Job``, says
what it is doing by yielding ``Phase``s, and returns a frozen ``Expansion``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator

from runner.errors import EngineError, StateError
from runner.expand.acting import act
from runner.expand.attempt import Attempt
from runner.expand.checking import run_checks
from runner.expand.context import RunContext, snapshot_of
from runner.expand.deciding import Notes, decide
from runner.expand.hooks import tell_hooks
from runner.expand.inspect import inspect
from runner.expand.judging import Failure, Meter, Trial, seconds_since
from runner.expand.measuring import compare
from runner.expand.overlays import restored
from runner.expand.plans import search_of
from runner.expand.prove import Ground, prove
from runner.expand.rebuilding import grounded
from runner.expand.room import blameless, demand_room
from runner.expand.root import Root
from runner.expand.sides import Sides, in_sessions
from runner.measure.loaders import Sources
from runner.model import (
    Decision,
    Job,
    JobKind,
    Journey,
    Measurement,
    Outcome,
    Phase,
    Snapshot,
)
from runner.sandbox.protocol import Sandbox

Said = Generator[Phase, None, Failure | Measurement]


class Expander:
    """Makes journeys in one sandbox; one of these for each worker (``model.Expand``)."""

    def __init__(self, context: RunContext, sandbox: Sandbox, root: Root) -> None:
        self._context = context
        self._sandbox = sandbox
        self._root = root

    def __call__(self, job: Job) -> Journey:
        """Make the journey, unless its result is there already. Raises ``EngineError``,
        ``StateError``."""
        attempt = self._context.attempt(job.attempt_id)
        finished = attempt.result(job)
        if finished is not None:
            return finished
        notes = Notes(meter=Meter(self._context.spent_before(job)))
        try:
            result = yield from self._travel(job, attempt, notes)
            if blameless(result):
                demand_room(self._context, self._sandbox)
            expansion = decide(job, notes, result, self._context.task.search.thresholds)
            yield from tell_hooks(self._context.task, job, expansion)
            attempt.finish(expansion)
        except (EngineError, StateError):
            self._give_up(job, attempt, notes)
            raise
        if notes.snapshot and expansion.decision is Decision.DISCARD:
            self._discard(notes.snapshot.tag)
            yield Phase(job.label, "snapshot.discarded", {"tag": notes.snapshot.tag})
        return expansion

    def _travel(self, job: Job, attempt: Attempt, notes: Notes) -> Said:
        trial = Trial(
            self._context,
            self._sandbox,
            job.attempt_id,
            job.label,
            notes.meter,
            restored(self._context, self._root.state.commit),
        )
        demand_room(self._context, self._sandbox)
        job = yield from grounded(trial, job)
        if job.kind is JobKind.REMEASURE:
            return (yield from self._measure(job, trial, notes, job.origin.snapshot))
        failure = yield from act(trial, self._root, job, notes)
        if failure is None:
            failure = self._inspect_sources(job, attempt, notes)
        if failure is None:
            yield from self._commit(job, notes)
        if notes.container:
            self._sandbox.remove(notes.container)
        if failure:
            return failure
        failure = yield from self._check(job, trial, notes)
        if failure:
            return failure
        return (yield from self._measure(job, trial, notes, notes.snapshot))

    def _discard(self, tag: str) -> None:
        """The attempt is finished whether or not the engine obeys; what stays is found later."""
        with contextlib.suppress(EngineError):
            self._sandbox.discard(tag)

    def _give_up(self, job: Job, attempt: Attempt, notes: Notes) -> None:
        """The engine's fault, or that of the state folder's disk: let another attempt claim the
        state, and leave no container if the engine still takes orders. What it doesn't remove now,
        the next start does.

        What was spent is told to the next attempt, which is charged for it."""
        if notes.tree_id:
            self._context.claims.release(notes.tree_id, job.label)
        if notes.container:
            with contextlib.suppress(EngineError):
                self._sandbox.remove(notes.container)
        with contextlib.suppress(StateError):
            attempt.spend(notes.meter.container_s)

    def _inspect_sources(self, job: Job, attempt: Attempt, notes: Notes) -> Failure | None:
        """Is the judge untouched, and is this state a new one?"""
        recorded = notes.recorded
        assert recorded is not None
        manifest = self._context.evidence.manifest
        node = Sources(manifest(recorded.commit), recorded.watched)
        parent = manifest(job.origin.commit)
        found = inspect(self._context, self._root.sources, parent, node)
        if found.tampered:
            return Failure(Outcome.TAMPERED, found.tampered)
        notes.remark = found.notes
        notes.tree_id = recorded.tree_id
        # Kept, because who was second has given its container up: it can't be first after a crash.
        notes.twin = attempt.once(
            "twin", str, lambda: self._context.claims.claim(recorded.tree_id, job.label)
        )
        if notes.twin:
            return Failure(Outcome.DUPLICATE, f"the same source tree as {notes.twin}")
        return None

    def _commit(self, job: Job, notes: Notes) -> Generator[Phase, None, None]:
        assert notes.recorded is not None
        demand_room(self._context, self._sandbox)
        started = time.monotonic()
        notes.snapshot = self._sandbox.commit(
            notes.container,
            job.label,
            job.origin.snapshot,
            {
                "attempt": job.attempt_id,
                "actions": " ".join(action.key for action in job.actions),
                "tree": notes.recorded.tree_id,
                "commit": notes.recorded.commit,
            },
        )
        notes.seconds["commit"] = seconds_since(started)
        yield Phase(
            job.label,
            "snapshot.committed",
            {
                "tag": notes.snapshot.tag,
                "digest": notes.snapshot.digest,
                "depth": notes.snapshot.depth,
            },
        )

    # -- the judgement -------------------------------------------------------------------------

    def _check(
        self, job: Job, trial: Trial, notes: Notes
    ) -> Generator[Phase, None, Failure | None]:
        assert notes.snapshot is not None and notes.recorded is not None
        started, image = time.monotonic(), notes.snapshot.digest
        origin = snapshot_of(job.origin.snapshot, job.origin.label)
        before = self._context.evidence.manifest(job.origin.commit)
        ground = Ground(origin.digest, job.origin.label, before)
        proven = yield from prove(trial, ground, notes.recorded.commit, image)
        if isinstance(proven, Failure):
            return proven
        notes.proof = proven
        checks = self._context.task.checks
        failure = yield from run_checks(trial, checks, image, self._root.checks)
        notes.seconds["check"] = seconds_since(started)
        return failure

    def _measure(
        self, job: Job, trial: Trial, notes: Notes, candidate: Snapshot | None
    ) -> Said:
        started = time.monotonic()
        sides = Sides(
            snapshot_of(candidate, job.label).digest,
            snapshot_of(job.against.snapshot, job.against.label).digest,
        )
        benchmark = self._context.task.benchmark
        result = yield from compare(
            trial,
            in_sessions(trial, sides, benchmark),
            benchmark,
            search_of(self._context),
            self._root.calibration,
        )
        notes.seconds["benchmark"] = seconds_since(started)
        return result

"""One node's journey: act -> evidence -> commit -> check -> measure -> decide.

Runs in a worker's thread. It knows no tree and no database: it is given a frozen ``Job``, says
what it is doing by yielding ``Phase``s, and returns a frozen ``Expansion``.
"""

from __future__ import annotations

import contextlib

from runner.errors import EngineError, StateError
from runner.expand.acting import act
from runner.expand.attempt import Attempt
from runner.expand.context import RunContext
from runner.expand.deciding import Notes, decide
from runner.expand.hooks import tell_hooks
from runner.expand.judging import Meter, Trial
from runner.expand.overlays import restored
from runner.expand.reasoning import reason
from runner.expand.rebuilding import grounded
from runner.expand.room import blameless, demand_room
from runner.expand.root import Root
from runner.expand.standing import Said, measured, standing
from runner.model import (
    Decision,
    Job,
    JobKind,
    Journey,
    Phase,
)
from runner.sandbox.protocol import Sandbox


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
            result = yield from self._travel(job, notes)
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

    def _travel(self, job: Job, notes: Notes) -> Said:
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
            return (yield from measured(trial, self._root, job, notes, job.origin.snapshot))
        if any(action.agent for action in job.actions):
            return (yield from reason(trial, self._root, job, notes))
        failure = yield from act(trial, self._root, job, notes)
        if failure is None:
            return (yield from standing(trial, self._root, job, notes, job.origin.snapshot))
        if notes.container:
            self._sandbox.remove(notes.container)
        return failure

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

"""Letting actions change a container, and keeping what they did as evidence."""

from __future__ import annotations

import time
from collections.abc import Generator

from runner.agents.script import FIRST_WORDS, script
from runner.egress import exports
from runner.errors import Cancelled
from runner.evidence import Recorded, TreeTooLarge
from runner.expand.attempt import last_words
from runner.expand.context import RunContext, snapshot_of
from runner.expand.deciding import Notes
from runner.expand.hooks import call_hook, facts_of
from runner.expand.inspect import watched
from runner.expand.judging import Failure, Trial, failure_of, seconds_since
from runner.expand.reaching import reaching
from runner.expand.room import run_step
from runner.expand.root import Root
from runner.expand.secrets import hidden, leaked
from runner.model import Job, Outcome, Phase
from runner.sandbox.protocol import Exit, Step, StepResult

_ACT = "act"
# Both outputs in one stream keep their order, so that what failed has the last word in the log.
_ONE_STREAM = ("sh", "-c", "exec sh -s 2>&1")


def act(trial: Trial, root: Root, job: Job, notes: Notes) -> Generator[Phase, None, Failure | None]:
    """Run a job's actions in a container of its origin, and record the workspace.

    What came of it is in ``notes``; the stopped container stays. Raises ``EngineError``,
    ``StateError``, ``Cancelled``.
    """
    if veto := vetoed(trial.context, job):
        return veto
    acted = yield from _run(trial, job, notes)
    what = "the action " + "+".join(action.key for action in job.actions)
    if acted.exit is Exit.DISK:  # keeping it would fill the next disk
        return failure_of(acted.exit, acted.code, what)
    failure = yield from keep(trial, root, job, notes, acted, job.label)
    if notes.recorded:
        trial.context.keep_earlier(job, notes.recorded.commit)
    said = last_words(trial.attempt.log(_ACT))
    return failure or failure_of(acted.exit, acted.code, what, said)


def vetoed(context: RunContext, job: Job) -> Failure | None:
    """What the user's program says to a job that is about to begin. Raises ``Cancelled``."""
    hooks, folder = context.task.hooks, context.task.path.parent
    veto = call_hook(hooks.pre_execution, facts_of(job), folder, hooks.timeout_s)
    if context.cancelled():
        raise Cancelled("the run was told to stop")
    return Failure(Outcome.FAILED, veto) if veto else None


def _run(trial: Trial, job: Job, notes: Notes) -> Generator[Phase, None, StepResult]:
    context, attempt = trial.context, trial.attempt
    snapshot, log = snapshot_of(job.origin.snapshot, job.origin.label), attempt.log(_ACT)
    step = Step(
        f"{job.attempt_id}-{_ACT}",
        job.attempt_id,
        snapshot.digest,
        _ONE_STREAM,
        context.task.outgoing,
        stdin=exports(context.task.hosts) + script(job.actions, context.secrets),
        hidden=hidden(context.secrets),
        first_words=FIRST_WORDS,
    )
    yield Phase(job.label, "container.started", {"container": step.name, "image": snapshot.tag})
    acted = attempt.once(_ACT, StepResult, lambda: run_step(context, trial.sandbox, step, log))
    notes.container = acted.container
    notes.seconds[_ACT] = round(acted.seconds, 4)
    trial.meter.container_s += acted.seconds
    yield from reaching(job.label, log)
    facts = {"exit": str(acted.exit), "code": acted.code, "seconds": acted.seconds}
    yield Phase(job.label, "action.finished", facts)
    return acted


def keep(
    trial: Trial, root: Root, job: Job, notes: Notes, acted: StepResult, name: str
) -> Generator[Phase, None, Failure | None]:
    """Record the workspace as ``name``, unless a secret is in it, or more than evidence can hold."""
    started, attempt = time.monotonic(), trial.attempt
    told = attempt.once("told", str, lambda: _told(trial, acted))
    if told:
        return Failure(Outcome.FAILED, f"the action wrote the secret {told}")
    try:
        recorded = attempt.once("evidence", Recorded, lambda: _record(trial, root, job, acted, name))
    except TreeTooLarge as error:
        return Failure(Outcome.DISK, str(error))
    notes.recorded = recorded
    notes.seconds["evidence"] = seconds_since(started)
    facts = {"commit": recorded.commit, "files_changed": recorded.files_changed}
    yield Phase(job.label, "evidence.recorded", facts)
    return None


def _told(trial: Trial, acted: StepResult) -> str:
    """Which secret the action left where, before anything of it is kept."""
    secrets = trial.context.secrets
    return leaked(lambda: trial.sandbox.export(acted.container), secrets) if secrets else ""


def _record(trial: Trial, root: Root, job: Job, acted: StepResult, name: str) -> Recorded:
    context = trial.context
    return context.evidence.record(
        context.run_id,
        name,
        job.origin.commit,
        trial.sandbox.archive(acted.container),
        f"{name}: {' + '.join(action.key for action in job.actions)}\n",
        root.rules,
        watched(context),
    )

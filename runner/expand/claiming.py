"""The claims of an attempt: the source trees that it was the first to reach."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from runner.errors import EngineError, StateError
from runner.evidence import Recorded
from runner.expand.attempt import Attempt
from runner.expand.context import RunContext
from runner.expand.judging import Trial
from runner.model import Job


def parts_of(context: RunContext, job: Job) -> Iterator[Attempt]:
    """The folders of a job's attempt, which may be empty, and of the rounds that it has begun."""
    yield context.attempt(job.attempt_id)
    rounds = sorted((context.folder / "attempts").glob(f"{job.attempt_id}-r[0-9]*"))
    yield from (context.attempt(folder.name) for folder in rounds)


def claim_again(context: RunContext, job: Job) -> None:
    """Claim what an attempt had claimed before its planner died. Raises ``StateError``."""
    for part in parts_of(context, job):
        recorded = part.kept("evidence", Recorded)
        if recorded and part.kept("twin", str) == "":
            context.claims.claim(recorded.tree_id, job.label)


def let_go(trial: Trial, job: Job) -> None:
    """Give up the claims of rounds that the engine has failed, and remove their containers as far as
    it still takes orders."""
    context = trial.context
    with contextlib.suppress(StateError):
        for part in parts_of(context, job):
            recorded = part.kept("evidence", Recorded)
            if recorded:
                context.claims.release(recorded.tree_id, job.label)
            with contextlib.suppress(EngineError):
                trial.sandbox.remove(trial.sandbox.container_of(f"{part.folder.name}-act"))

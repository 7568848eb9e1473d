"""The room that a snapshot needs: on the engine's disk, and on that of the state folder."""

from __future__ import annotations

from pathlib import Path

from runner.errors import EngineOutOfSpace
from runner.expand.context import RunContext
from runner.expand.judging import Failure
from runner.model import Outcome
from runner.planner.watermarks import shortage
from runner.sandbox.protocol import Exit, Sandbox, Step, StepResult
from runner.sandbox.room import room_of


def demand_room(context: RunContext, sandbox: Sandbox) -> None:
    """Refuse to begin what a full disk would cut short.

    Raises ``EngineOutOfSpace``, which says which disk, how much is free, and what to do. It is
    asked after a failure as well: on a full disk anything fails, and no action is to blame.
    """
    for whose, room in (
        ("the engine's disk", sandbox.room()),
        ("the state folder's disk", room_of(context.folder)),
    ):
        missing = shortage(room, context.disk.hard)
        if room is not None and missing:
            raise EngineOutOfSpace(
                f"{whose} ({room.where}) is all but full: {missing}. Make room there, with "
                "`oppie gc` for example; the run goes on from here"
            )


def blameless(result: object) -> bool:
    """Whether what came of an attempt may be the failure of a full disk, and of nothing else."""
    return isinstance(result, Failure) and result.outcome in (Outcome.FAILED, Outcome.TIMEOUT)


def run_step(context: RunContext, sandbox: Sandbox, step: Step, log: Path) -> StepResult:
    """``Sandbox.run``, but what fails while a disk is full is not the command's failure.

    A command that has kept to its own limits, and found no room all the same, was promised more
    than the machine has. Raises ``EngineOutOfSpace`` then, and its container is gone.
    """
    result = sandbox.run(step, log)
    if result.exit in (Exit.NONZERO, Exit.TIMEOUT, Exit.SILENT):
        try:
            demand_room(context, sandbox)
        except EngineOutOfSpace:
            sandbox.remove(result.container)
            raise
    return result

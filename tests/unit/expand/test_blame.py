"""What a full disk fails is nobody's failure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.errors import EngineError, EngineOutOfSpace
from runner.expand.judging import Failure
from runner.expand.room import blameless, demand_room, run_step
from runner.model import Limits, Measurement, Outcome
from runner.planner.watermarks import DiskRules, Mark
from runner.sandbox.protocol import Exit, Step, StepResult
from runner.sandbox.room import Room

STEP = Step("A.1-1-act", "A.1-1", "i", ("true",), Limits())
PLENTY, NOTHING = Room("/engine", 1 << 40, 1 << 40), Room("/engine", 0, 1 << 40)


@dataclass
class Door:
    """A sandbox whose steps end as they are told to, on a disk that has so much room."""

    free: Room | None = PLENTY
    ends: Exit = Exit.OK
    removed: list[str] = field(default_factory=list)

    def room(self) -> Room | None:
        return self.free

    def run(self, step: Step, log: Path) -> StepResult:
        del log
        return StepResult(self.ends, 1, 0.1, step.name)

    def remove(self, container: str) -> None:
        self.removed.append(container)


def context(folder: Path, hard: Mark) -> Any:
    return SimpleNamespace(disk=DiskRules(hard=hard), folder=folder)


def demand(folder: Path, door: Door, hard: Mark) -> None:
    demand_room(context(folder, hard), cast(Any, door))


def test_each_disk_is_told_by_its_name(tmp_path: Path) -> None:
    some = Mark(1.0, 1, 0)
    demand(tmp_path, Door(), some)
    demand(tmp_path, Door(free=None), some)  # it can't be told
    with pytest.raises(EngineOutOfSpace, match=r"the engine's disk \(/engine\) is all but full"):
        demand(tmp_path, Door(free=NOTHING), some)
    with pytest.raises(EngineOutOfSpace, match=r"the state folder's disk \(.*must be.*`oppie gc`"):
        demand(tmp_path, Door(free=None), Mark(1.0))
    assert issubclass(EngineOutOfSpace, EngineError)  # an attempt that meets it is tried again


@pytest.mark.parametrize("ends", [Exit.NONZERO, Exit.TIMEOUT])
def test_what_fails_on_a_full_disk_is_no_result(tmp_path: Path, ends: Exit) -> None:
    door = Door(NOTHING, ends)
    with pytest.raises(EngineOutOfSpace):
        run_step(context(tmp_path, Mark(1.0, 1, 0)), cast(Any, door), STEP, tmp_path / "log")
    assert door.removed == [STEP.name]


@pytest.mark.parametrize(
    ("free", "ends"),
    [
        (PLENTY, Exit.NONZERO),
        (PLENTY, Exit.TIMEOUT),
        (NOTHING, Exit.OK),
        (NOTHING, Exit.OOM),
        (NOTHING, Exit.DISK),  # it broke its own limit
    ],
)
def test_what_has_another_cause_is_a_result(tmp_path: Path, free: Room, ends: Exit) -> None:
    door = Door(free, ends)
    result = run_step(context(tmp_path, Mark(1.0, 1, 0)), cast(Any, door), STEP, tmp_path / "log")
    assert result.exit is ends and not door.removed


def test_which_failures_a_full_disk_may_have_caused() -> None:
    caused = {outcome for outcome in Outcome if blameless(Failure(outcome, ""))}
    assert caused == {Outcome.FAILED, Outcome.TIMEOUT}
    assert not blameless(Measurement(0.0, 0.0, 0.0, 1))

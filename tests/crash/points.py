"""Failpoints: the places of a run, by name, where its planner dies, or its engine fails.

They are put around the product's own parts from outside, in the process that is to die. A place is
reached when the call begins (``BEFORE``) and when it has returned (``AFTER``).
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

from runner.errors import EngineUnavailable


class Side(StrEnum):
    BEFORE = "before"
    AFTER = "after"


class Fate(StrEnum):
    """What happens there: ``kill -9`` of the planner alone, of it and all its children but the
    containers, or the engine's answer is lost."""

    KILL = "kill"
    KILL_ALL = "kill all"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Trap:
    """``number`` counts the calls of the point in this process, from 1."""

    point: str
    number: int
    side: Side
    fate: Fate = Fate.KILL

    def __str__(self) -> str:
        return f"{self.fate} {self.side} {self.point} {self.number}"


# Every numbered step of decision 001, and what stands between them; the fake's part and the engine's
# under one name. What a module has imported by its name is a place of its own.
POINTS: dict[str, tuple[str, ...]] = {
    "run row": ("runner.store:Store.create_run",),
    "intent row": ("runner.store:RunJournal.intend",),
    "container created": (
        "runner.sandbox.process:Container.create",
        "runner.sandbox.containers:Containers.create",
    ),
    "container started": (
        "runner.sandbox.process:Container.start",
        "runner.sandbox.containers:Containers.start",
    ),
    "log written": ("runner.sandbox.logfile:LogFile.write",),
    "input delivered": ("pathlib:Path.touch",),
    "step run": (
        "runner.sandbox.fake:FakeSandbox.run",
        "runner.sandbox.local:LocalSandbox.run",
        "runner.sandbox.engine:EngineSandbox.run",
    ),
    "step file": (
        "runner.expand.attempt:write_whole",
        "runner.expand.trying:write_whole",
        "runner.expand.measuring:write_whole",
    ),
    "file renamed": ("pathlib:Path.replace",),
    "evidence": ("runner.evidence:Evidence.record",),
    "evidence imported": ("runner.evidence.repository:import_commit",),
    "claim": ("runner.evidence:Claims.claim",),
    "snapshot": (
        "runner.sandbox.fake:FakeSandbox.commit",
        "runner.sandbox.local:LocalSandbox.commit",
        "runner.sandbox.engine:EngineSandbox.commit",
    ),
    "image saved": (
        "runner.sandbox.image_folder:ImageFolder.save",
        "runner.sandbox.local.states:States.save",
        "docker:APIClient.commit",
    ),
    "image tagged": (
        "runner.sandbox.image_folder:ImageFolder._tag",
        "runner.sandbox.local.states:States._keep",
    ),
    "repetition": ("runner.sandbox.session:LoopSession.repeat",),
    "result file": ("runner.expand.attempt:Attempt.finish",),
    "visit": ("runner.store:RunJournal.record",),
    "visit inserted": ("runner.store:RunJournal._insert_visit",),
    "abandoned": ("runner.store:RunJournal.abandon",),
    "container removed": (
        "runner.sandbox.fake:FakeSandbox.remove",
        "runner.sandbox.local:LocalSandbox.remove",
        "runner.sandbox.engine:EngineSandbox.remove",
    ),
    "snapshot discarded": (
        "runner.sandbox.fake:FakeSandbox.discard",
        "runner.sandbox.local:LocalSandbox.discard",
        "runner.sandbox.engine:EngineSandbox.discard",
    ),
    "snapshot settled": (
        "runner.sandbox.fake:FakeSandbox.retag",
        "runner.sandbox.engine:EngineSandbox.retag",
    ),
    "root row": ("runner.store:Store.set_root",),
    "reconciled": ("runner.reconcile.carry_out:carry_out",),
    "elapsed row": ("runner.store:Store.set_elapsed",),
    "verification row": ("runner.store:Store.add_verification",),
    "clean room closed": ("runner.gate.clean_room:CleanRoom.close",),
    "result row": ("runner.store:Store.set_verified",),
    "patch": ("runner.evidence:Evidence.write_patch",),
    "branch": ("runner.cli.outcome:publish",),
    "reopened": ("runner.store:Store.reopen",),
    "run ended": ("runner.store:Store.finish",),
}
# Where an engine can fail: what is asked of it.
OF_ENGINE = ("step run", "snapshot", "container removed", "snapshot discarded", "repetition")


class Points:
    """The traps of one process, set once in its life. ``counts`` says how often each point was
    reached."""

    def __init__(self, traps: Sequence[Trap]) -> None:
        self.counts: Counter[str] = Counter()
        self._traps = {(trap.point, trap.number, trap.side): trap.fate for trap in traps}
        self._lock = threading.Lock()
        for point, places in POINTS.items():
            for place in places:
                self._surround(point, place)

    def _surround(self, point: str, place: str) -> None:
        module, _, path = place.partition(":")
        owner: Any = importlib.import_module(module)
        *owners, name = path.split(".")
        for each in owners:
            owner = getattr(owner, each)
        setattr(owner, name, self._surrounded(point, getattr(owner, name)))

    def _surrounded(self, point: str, inner: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(inner)
        def call(*args: Any, **options: Any) -> Any:
            with self._lock:
                self.counts[point] += 1
                number = self.counts[point]
            self._reach(point, number, Side.BEFORE)
            result = inner(*args, **options)
            self._reach(point, number, Side.AFTER)
            return result

        return call

    def _reach(self, point: str, number: int, side: Side) -> None:
        fate = self._traps.get((point, number, side))
        match fate:
            case None:
                return
            case Fate.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            case Fate.KILL_ALL:
                os.killpg(0, signal.SIGKILL)
            case Fate.FAULT:
                raise EngineUnavailable(f"no answer, as the test wanted: {side} {point} {number}")
            case _:
                assert_never(fate)
        threading.Event().wait()  # a signal to oneself may take a moment

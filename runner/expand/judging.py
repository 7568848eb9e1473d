"""What all judging shares: where it happens, what it costs, and what a failure is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import assert_never

from runner.expand.attempt import Attempt
from runner.expand.context import RunContext
from runner.model import Outcome
from runner.sandbox.protocol import Exit, Sandbox, Step

# No watching, no asking, no colours; and Python reads no .pyc file that an action may have written.
JUDGE_ENV = ("CI=1", "NO_COLOR=1", "PYTHONPYCACHEPREFIX=/tmp/oppie-pycache")

Overlay = Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a state is not to be kept: an outcome without a measurement. ``of_baseline`` if what it is
    compared with is to blame. ``step`` is the judging step that failed, whose log says more."""

    outcome: Outcome
    reason: str
    of_baseline: bool = False
    step: str = ""


@dataclass(slots=True)
class Meter:
    """Container seconds that were spent, and those that stopping early saved."""

    container_s: float = 0.0
    saved_s: float = 0.0

    def add(self, other: Meter) -> None:
        """Count what another has counted as well."""
        self.container_s += other.container_s
        self.saved_s += other.saved_s

    def __sub__(self, other: Meter) -> Meter:
        return Meter(self.container_s - other.container_s, self.saved_s - other.saved_s)


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt's place to be judged in: containers that no action ever ran in.

    ``overlay`` gives the tar stream of what is laid over each container's workspace before it starts.
    """

    context: RunContext
    sandbox: Sandbox
    attempt_id: str
    label: str
    meter: Meter = field(default_factory=Meter)
    overlay: Overlay | None = None

    @property
    def attempt(self) -> Attempt:
        return self.context.attempt(self.attempt_id)

    def step(self, name: str, image: str, command: str, time_s: float) -> Step:
        """A judging container to come; ``name`` is unique within the attempt."""
        task = self.context.task
        return Step(
            f"{self.attempt_id}-{name}",
            self.attempt_id,
            image,
            ("sh", "-c", command),
            replace(task.limits, time_s=time_s, read_only=task.read_only),
            archive=self.overlay() if self.overlay else None,
            env=JUDGE_ENV,
        )


def failure_of(exit_: Exit, code: int, what: str, said: str = "") -> Failure | None:
    """Translate how a step ended; ``None`` if it went well."""
    match exit_:
        case Exit.OK:
            return None
        case Exit.NONZERO:
            end = f"exited with {code}" if code >= 0 else "was killed with all that was around it"
            reason = f"{what} {end}" + (f": {said}" if said else "")
            return Failure(Outcome.FAILED, reason)
        case Exit.TIMEOUT:
            return Failure(Outcome.TIMEOUT, f"{what} hit its time limit")
        case Exit.SILENT:
            return Failure(Outcome.TIMEOUT, f"{what} printed nothing for too long")
        case Exit.OOM:
            return Failure(Outcome.OOM, f"{what} hit the memory limit")
        case Exit.DISK:
            return Failure(Outcome.DISK, f"{what} hit the disk limit")
        case _:
            assert_never(exit_)


def seconds_since(started: float) -> float:
    """Seconds on the monotonic clock, rounded to what is worth keeping."""
    return round(time.monotonic() - started, 4)

"""The two sides of a comparison, each of which runs the benchmark when it is told to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from runner.expand.judging import Trial
from runner.expand.room import run_step
from runner.measure.judge import Benchmark
from runner.measure.paired import BASELINE, CANDIDATE
from runner.sandbox.protocol import Repetition

SIDES = (CANDIDATE, BASELINE)
_READ_BYTES = 4 << 20  # of what a repetition prints


@dataclass(frozen=True, slots=True)
class Sides:
    """The images of a comparison, by digest."""

    candidate: str
    baseline: str


class Side(Protocol):
    """Something that runs the benchmark once, when it is told to."""

    def repeat(self) -> Repetition: ...

    def finish(self) -> None: ...


@contextlib.contextmanager
def in_sessions(trial: Trial, sides: Sides, benchmark: Benchmark) -> Iterator[Mapping[str, Side]]:
    """Two containers that stay, one for each side: quick, so the search measures in them. What a
    repetition leaves behind in its container is there for the next one."""
    with contextlib.ExitStack() as stack:
        yield {
            side: stack.enter_context(
                trial.sandbox.session(
                    trial.step(f"bench-{side}", image, benchmark.command, benchmark.timeout_s),
                    trial.attempt.log(f"bench-{side}"),
                )
            )
            for side, image in ((CANDIDATE, sides.candidate), (BASELINE, sides.baseline))
        }


@contextlib.contextmanager
def in_fresh_containers(
    trial: Trial, sides: Sides, benchmark: Benchmark
) -> Iterator[Mapping[str, Side]]:
    """A container for each repetition, in which only the benchmark ever runs: nothing can be
    remembered from one to the next, and nothing runs beside the other side."""
    yield {
        CANDIDATE: FreshContainers(trial, CANDIDATE, sides.candidate, benchmark),
        BASELINE: FreshContainers(trial, BASELINE, sides.baseline, benchmark),
    }


class FreshContainers:
    """One side, a new container for each repetition (``Side``)."""

    def __init__(self, trial: Trial, side: str, image: str, benchmark: Benchmark) -> None:
        self._trial = trial
        self._side = side
        self._image = image
        self._benchmark = benchmark
        self._count = 0

    def repeat(self) -> Repetition:
        """Run the benchmark in a new container. ``seconds`` is told by the engine's clock."""
        self._count += 1
        trial, name = self._trial, f"bench-{self._side}-{self._count}"
        log = trial.attempt.log(name)
        command, timeout_s = self._benchmark.command, self._benchmark.timeout_s
        # Both streams are one, or what was printed could change places.
        step = trial.step(name, self._image, f"exec 2>&1\n{command}", timeout_s)
        result = run_step(trial.context, trial.sandbox, step, log)
        trial.sandbox.remove(result.container)
        with log.open("rb") as file:
            output = file.read(_READ_BYTES)
        complete = result.log_complete and log.stat().st_size <= _READ_BYTES
        return Repetition(result.exit, result.code, result.ran_s, output, complete)

    def finish(self) -> None:
        """Nothing is held."""

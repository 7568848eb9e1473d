"""Trying the root before a search: what its checks and its benchmark can be relied on for."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from runner.errors import EvidenceError
from runner.expand.attempt import Attempt, write_whole
from runner.expand.checking import Checks, learn_checks
from runner.expand.context import RunContext
from runner.expand.judging import Failure, Trial
from runner.expand.measuring import measure_against_itself
from runner.expand.overlays import sealed_over
from runner.expand.plans import search_of, verification_of
from runner.expand.sides import Sides, in_fresh_containers, in_sessions
from runner.measure.calibration import Calibration, biased, smallest_gain, too_noisy
from runner.measure.checks import RootCheck, flaky_words
from runner.measure.judge import Benchmark
from runner.measure.plan import fixed_plan
from runner.model import Metric, Phase
from runner.task import Task

_FILE = "tried.json"


@dataclass(frozen=True, slots=True)
class Tried:
    """What trying the root has shown. ``checks`` are the sealed ones, too."""

    checks: dict[str, RootCheck]
    calibration: Calibration
    sealed_calibration: Calibration | None
    metrics: tuple[Metric, ...]
    remarks: tuple[str, ...]
    container_s: float


_ADAPTER = TypeAdapter(Tried)


def try_root(trial: Trial, image: str) -> Generator[Phase, None, Tried | Failure]:
    """Run the checks several times, and the benchmark against itself."""
    task = trial.context.task
    learned = yield from learn_all(trial, image)
    if isinstance(learned, Failure):
        return learned
    sides = in_sessions(trial, Sides(image, image), task.benchmark)
    plan = fixed_plan(task.trials.pairs)
    found = yield from measure_against_itself(trial, sides, task.benchmark, plan)
    if isinstance(found, Failure):
        return found
    calibration, metrics = found
    sealed = yield from _try_sealed(trial, image)
    if isinstance(sealed, Failure):
        return sealed
    remarks = tuple(_remarks(trial.context, learned, calibration))
    for remark in remarks:
        yield Phase(trial.label, "root.remarked", {"remark": remark})
    spent_s = round(trial.meter.container_s, 4)
    return Tried(dict(learned), calibration, sealed, metrics, remarks, spent_s)


def sealed_benchmark(task: Task) -> Benchmark:
    """The benchmark of a verification: the sealed one, if there is one."""
    return replace(task.benchmark, command=task.sealed.benchmark or task.benchmark.command)


def _try_sealed(trial: Trial, image: str) -> Generator[Phase, None, Calibration | Failure | None]:
    """The noise of the sealed benchmark, measured as verification measures; ``None`` without one."""
    task = trial.context.task
    if not task.sealed.benchmark:
        return None
    opened = replace(trial, overlay=sealed_over(trial.context), attempt_id=f"{trial.attempt_id}-sealed")
    benchmark, plan = sealed_benchmark(task), fixed_plan(task.trials.pairs)
    sides = in_fresh_containers(opened, Sides(image, image), benchmark)
    found = yield from measure_against_itself(opened, sides, benchmark, plan)
    if isinstance(found, Failure):
        return Failure(found.outcome, f"sealed: {found.reason}")
    return found[0]


def keep_tried(attempt: Attempt, tried: Tried) -> None:
    """Write down what trying the root has shown; a resumed run goes on with it."""
    write_whole(attempt.folder / _FILE, _ADAPTER.dump_python(tried, mode="json"))


def kept_tried(attempt: Attempt) -> Tried:
    """What ``keep_tried`` wrote. Raises ``EvidenceError``."""
    path = attempt.folder / _FILE
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except OSError as error:
        raise EvidenceError(
            f"{path}: {error.strerror}; what trying the root has shown is needed to judge anything "
            "of this run (a run that an older version began has none): begin a new one"
        ) from error
    except ValidationError as error:
        raise EvidenceError(f"{path}: can't be read: {error}") from error


def learn_all(trial: Trial, image: str) -> Generator[Phase, None, Checks | Failure]:
    """What the task's checks and the sealed ones show on an image that others are compared with."""
    task, times = trial.context.task, trial.context.task.trials.check_runs
    checks = yield from learn_checks(trial, task.checks, image, times)
    if isinstance(checks, Failure):
        return checks
    opened = replace(trial, overlay=sealed_over(trial.context))
    sealed = yield from learn_checks(opened, task.sealed.checks, image, times)
    if isinstance(sealed, Failure):
        return Failure(sealed.outcome, f"sealed: {sealed.reason}")
    return {**checks, **sealed}


def _remarks(context: RunContext, checks: Checks, calibration: Calibration) -> Iterator[str]:
    yield from filter(None, map(flaky_words, checks.values()))
    thresholds = context.task.search.thresholds
    plan = verification_of(context, context.task.verify_top)
    min_gain = math.log1p(thresholds.min_gain)
    noisy = [
        too_noisy(calibration, search_of(context), 0.0, thresholds.rejected_below),
        too_noisy(calibration, plan, min_gain, thresholds.rejected_below) if min_gain else "",
    ]
    yield from dict.fromkeys(filter(None, (*noisy, biased(calibration))))
    noise, shown = calibration.sd, smallest_gain(calibration, plan)
    yield (
        f"Against itself the benchmark differs by {math.expm1(noise):.2%} (standard deviation, in the "
        f"search), so {plan.cap} pairs show gains from {math.expm1(shown):.2%}."
    )

"""The paired comparison: two images measured in turn, in random order, until enough is known."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

from runner.expand.attempt import write_whole
from runner.expand.judging import Failure, Trial, failure_of
from runner.expand.sides import SIDES, Side
from runner.measure.calibration import Calibration, calibrate
from runner.measure.judge import Benchmark
from runner.measure.metrics import read_metrics
from runner.measure.paired import (
    BASELINE,
    CANDIDATE,
    log_ratios,
    measurement,
    medians,
    pair_order,
    rounding,
    values_of,
)
from runner.measure.plan import Plan
from runner.measure.sequential import Call, Look, look, seconds_saved
from runner.model import Measurement, Metric, Outcome, Phase, Source
from runner.sandbox.protocol import Repetition


@dataclass(slots=True)
class Series:
    """What was measured so far: each repetition's metrics, of both sides, and all raw samples.

    ``seed`` orders the sides of the pairs; nobody can know it beforehand.
    """

    metrics: dict[str, list[tuple[Metric, ...]]]
    samples: list[dict[str, object]]
    seconds: float = 0.0  # of the pairs, both sides
    seed: str = field(default_factory=lambda: secrets.token_hex(16))


def compare(
    trial: Trial,
    sides: contextlib.AbstractContextManager[Mapping[str, Side]],
    benchmark: Benchmark,
    plan: Plan,
    calibration: Calibration | None,
) -> Generator[Phase, None, Measurement | Failure]:
    """Measure until the plan says that enough is known, in the machine's benchmark lane.

    A baseline that has been measured before and has no valid metrics now (a program that fails at
    times, or after a while) says nothing of the candidate, but nothing can be built on it either.
    """
    series = _empty()
    seen = yield from _measure(trial, sides, benchmark, plan, calibration, series)
    _keep(trial, series)
    if isinstance(seen, Failure):
        return seen
    pairs = len(series.metrics[BASELINE])
    trial.meter.saved_s += seconds_saved(plan, pairs, series.seconds)
    objective = benchmark.objective
    result = measurement(series.metrics[BASELINE], series.metrics[CANDIDATE], objective, seen)
    if isinstance(result, str):
        return Failure(Outcome.FAILED, result)
    facts = {"pairs": pairs, "gain": result.gain, "low": result.low, "high": result.high}
    yield Phase(trial.label, "benchmark.finished", facts | {"call": str(seen.call)})
    return result


def measure_against_itself(
    trial: Trial,
    sides: contextlib.AbstractContextManager[Mapping[str, Side]],
    benchmark: Benchmark,
    plan: Plan,
) -> Generator[Phase, None, tuple[Calibration, tuple[Metric, ...]] | Failure]:
    """The A/A trial: the root on both sides. Its noise, and the medians of all its repetitions."""
    series = _empty()
    seen = yield from _measure(trial, sides, benchmark, plan, None, series, to_the_cap=True)
    _keep(trial, series)
    if isinstance(seen, Failure):
        return seen
    objective = benchmark.objective
    one, other = (values_of(series.metrics[side], objective.name) for side in SIDES)
    ratios = log_ratios(one, other, objective.goal)
    if isinstance(ratios, str):
        return Failure(Outcome.FAILED, f"{objective.name}: {ratios}")
    unit = next(m.unit for m in series.metrics[BASELINE][0] if m.name == objective.name)
    calibration = calibrate(ratios, rounding([*one, *other], unit))
    yield Phase(
        trial.label,
        "benchmark.calibrated",
        {"pairs": calibration.pairs, "noise": calibration.sd},
    )
    return calibration, medians([*series.metrics[BASELINE], *series.metrics[CANDIDATE]])


def _empty() -> Series:
    return Series({CANDIDATE: [], BASELINE: []}, [])


def _measure(
    trial: Trial,
    sides: contextlib.AbstractContextManager[Mapping[str, Side]],
    benchmark: Benchmark,
    plan: Plan,
    calibration: Calibration | None,
    series: Series,
    *,
    to_the_cap: bool = False,
) -> Generator[Phase, None, Look | Failure]:
    context = trial.context
    yield Phase(trial.label, "benchmark.waiting", {})
    with context.lane.hold(context.cancelled) as waited_s, sides as measured:
        yield Phase(trial.label, "benchmark.started", {"pairs": plan.cap, "waited_s": waited_s})
        for side in SIDES * benchmark.warmup:
            got = _repeat(trial, benchmark, measured[side], side)
            if isinstance(got, Failure):
                return got
        for number in range(plan.cap):
            for side in pair_order(series.seed, number):
                got = _repeat(trial, benchmark, measured[side], side)
                if isinstance(got, Failure):
                    return got
                _note(series, side, number, got)
                done = len(series.samples)
                yield Phase(trial.label, "benchmark.repeated", {"done": done, "of": 2 * plan.cap})
            seen = _look(series, benchmark, plan, calibration)
            over = isinstance(seen, Failure) or seen.call is not Call.GO_ON
            if isinstance(seen, Failure) or (over and not to_the_cap):
                break
        for each in measured.values():
            each.finish()
    return seen


@dataclass(frozen=True, slots=True)
class _Got:
    """What one repetition gave."""

    metrics: tuple[Metric, ...]
    seconds: float
    samples: Mapping[str, tuple[float, ...]]
    notes: tuple[str, ...]


def _repeat(trial: Trial, benchmark: Benchmark, of: Side, side: str) -> _Got | Failure:
    """One repetition. Only the candidate is judged by what it prints."""
    repetition = of.repeat()
    trial.meter.container_s += repetition.seconds
    got = _read(repetition, benchmark)
    if isinstance(got, Failure) and side == BASELINE:
        reason = f"its baseline can't be measured any more: {got.reason}"
        return Failure(Outcome.FAILED, reason, of_baseline=True)
    return got


def _read(repetition: Repetition, benchmark: Benchmark) -> _Got | Failure:
    lines = repetition.output.splitlines()
    said = lines[-1].decode("utf-8", "replace")[:200] if lines else ""
    failure = failure_of(repetition.exit, repetition.code, "the benchmark", said)
    if failure:
        return failure
    if not repetition.complete:
        return Failure(Outcome.FAILED, "the benchmark printed more than may be read")
    printed = [spec for spec in benchmark.metrics if spec.source is Source.OUTPUT]
    reading = read_metrics(lines, printed)
    if reading.reason:
        # The benchmark is protected and prints each metric once: the second one is another's.
        outcome = Outcome.TAMPERED if reading.duplicated else Outcome.FAILED
        return Failure(outcome, reading.reason)
    values = {metric.name: metric for metric in reading.metrics}
    for spec in benchmark.metrics:
        if spec.source is Source.CLOCK:
            values[spec.name] = Metric(spec.name, repetition.seconds, "s")
    metrics = tuple(values[spec.name] for spec in benchmark.metrics)
    return _Got(metrics, repetition.seconds, reading.samples, reading.notes)


def _note(series: Series, side: str, number: int, got: _Got) -> None:
    series.metrics[side].append(got.metrics)
    series.seconds += got.seconds
    series.samples.append(
        {
            "pair": number,
            "side": side,
            "seconds": got.seconds,
            "metrics": {metric.name: [metric.value, metric.unit] for metric in got.metrics},
            "samples": dict(got.samples),
            "notes": got.notes,
        }
    )


def _look(
    series: Series, benchmark: Benchmark, plan: Plan, calibration: Calibration | None
) -> Look | Failure:
    objective = benchmark.objective
    baseline, candidate = (
        values_of(series.metrics[side], objective.name) for side in (BASELINE, CANDIDATE)
    )
    ratios = log_ratios(baseline, candidate, objective.goal)
    if isinstance(ratios, str):
        return Failure(Outcome.FAILED, f"{objective.name}: {ratios}")
    return look(ratios, plan, calibration)


def _keep(trial: Trial, series: Series) -> None:
    """Raw samples are evidence: each repetition's, in the order in which they were taken."""
    kept = {"seed": series.seed, "repetitions": series.samples}
    write_whole(trial.attempt.folder / "samples.json", kept)

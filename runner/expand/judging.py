"""The judge: checks and the paired benchmark, in containers that no action ever ran in."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import assert_never

from runner.expand.attempt import Attempt, last_words, log_lines
from runner.expand.context import RunContext
from runner.measure.judge import Check
from runner.measure.metrics import read_metrics
from runner.measure.paired import abba, measurement
from runner.measure.tests_run import tests_run
from runner.model import Measurement, Metric, Outcome, Phase
from runner.sandbox.protocol import Exit, Repetition, Sandbox, Session, Step, StepResult


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a state is not to be kept: an outcome without a measurement."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Sides:
    """The images of a comparison, by digest."""

    candidate: str
    baseline: str


Samples = list[tuple[Metric, ...]]


def failure_of(exit_: Exit, code: int, what: str, said: str = "") -> Failure | None:
    """Translate how a step ended; ``None`` if it went well."""
    match exit_:
        case Exit.OK:
            return None
        case Exit.NONZERO:
            reason = f"{what} exited with {code}" + (f": {said}" if said else "")
            return Failure(Outcome.FAILED, reason)
        case Exit.TIMEOUT:
            return Failure(Outcome.TIMEOUT, f"{what} hit its time limit")
        case Exit.OOM:
            return Failure(Outcome.OOM, f"{what} hit the memory limit")
        case Exit.DISK:
            return Failure(Outcome.DISK, f"{what} hit the disk limit")
        case _:
            assert_never(exit_)


def run_checks(
    context: RunContext, sandbox: Sandbox, attempt_id: str, label: str, image: str
) -> Generator[Phase, None, Failure | None]:
    """Run the task's checks on ``image``, each in a container of its own, until one fails."""
    attempt = context.attempt(attempt_id)
    for check in context.task.checks:
        name = f"check-{check.name}"
        step = Step(
            f"{attempt_id}-{name}",
            attempt_id,
            image,
            ("sh", "-c", check.command),
            replace(context.task.limits, time_s=check.timeout_s),
        )
        yield Phase(label, "check.started", {"check": check.name})
        result = attempt.once(name, StepResult, partial(sandbox.run, step, attempt.log(name)))
        sandbox.remove(result.container)
        failure = _check_failure(check, result, attempt, name)
        yield Phase(
            label,
            "check.finished",
            {"check": check.name, "exit": str(result.exit), "seconds": result.seconds},
        )
        if failure:
            return failure
    return None


def _check_failure(
    check: Check, result: StepResult, attempt: Attempt, name: str
) -> Failure | None:
    log = attempt.log(name)
    failure = failure_of(result.exit, result.code, f"check {check.name}", last_words(log))
    if failure is None and tests_run(log_lines(log)) == 0:
        return Failure(Outcome.FAILED, f"check {check.name} ran no test")
    return failure


def compare(
    context: RunContext, sandbox: Sandbox, attempt_id: str, label: str, sides: Sides, pairs: int
) -> Generator[Phase, None, Measurement | Failure]:
    """Measure two images alternately, side by side in time, in the machine's benchmark lane.

    A baseline that has been measured before and has no valid metrics now (a program that fails at
    times, or after a while) says nothing of the candidate, but nothing can be built on it either.
    """
    benchmark = context.task.benchmark
    samples: dict[str, Samples] = {"candidate": [], "baseline": []}
    yield Phase(label, "benchmark.waiting", {})
    with contextlib.ExitStack() as stack:
        waited_s = stack.enter_context(context.lane.hold(context.cancelled))
        yield Phase(label, "benchmark.started", {"pairs": pairs, "waited_s": waited_s})
        sessions = {
            side: stack.enter_context(_session(context, sandbox, attempt_id, side, image))
            for side, image in (("candidate", sides.candidate), ("baseline", sides.baseline))
        }
        order = ("candidate", "baseline") * benchmark.warmup + abba(pairs)
        warmups = 2 * benchmark.warmup
        for number, side in enumerate(order):
            got = _repeat(context, sessions[side])
            if isinstance(got, Failure):
                if side == "baseline":
                    reason = f"its baseline can't be measured any more: {got.reason}"
                    return Failure(Outcome.FAILED, reason)
                return got
            if number >= warmups:
                samples[side].append(got)
                done = len(samples["candidate"]) + len(samples["baseline"])
                yield Phase(label, "benchmark.repeated", {"done": done, "of": 2 * pairs})
        for session in sessions.values():
            session.finish()
    result = measurement(samples["baseline"], samples["candidate"], benchmark.objective)
    if isinstance(result, str):
        return Failure(Outcome.FAILED, result)
    yield Phase(
        label,
        "benchmark.finished",
        {"pairs": result.pairs, "gain": result.gain, "low": result.low, "high": result.high},
    )
    return result


def sample(
    context: RunContext, sandbox: Sandbox, attempt_id: str, label: str, image: str
) -> Generator[Phase, None, Samples | Failure]:
    """Measure one image by itself, ``pairs`` times."""
    benchmark = context.task.benchmark
    samples: Samples = []
    with (
        context.lane.hold(context.cancelled) as waited_s,
        _session(context, sandbox, attempt_id, "candidate", image) as session,
    ):
        yield Phase(label, "benchmark.started", {"waited_s": waited_s})
        for number in range(benchmark.warmup + benchmark.pairs):
            got = _repeat(context, session)
            if isinstance(got, Failure):
                return got
            if number >= benchmark.warmup:
                samples.append(got)
    yield Phase(label, "benchmark.finished", {"repetitions": len(samples)})
    return samples


def _session(
    context: RunContext, sandbox: Sandbox, attempt_id: str, side: str, image: str
) -> contextlib.AbstractContextManager[Session]:
    name = f"bench-{side}"
    limits = replace(context.task.limits, time_s=context.task.benchmark.timeout_s)
    return sandbox.session(
        f"{attempt_id}-{name}",
        attempt_id,
        image,
        context.task.benchmark.command,
        limits,
        context.attempt(attempt_id).log(name),
    )


def _repeat(context: RunContext, session: Session) -> tuple[Metric, ...] | Failure:
    repetition: Repetition = session.repeat()
    lines = repetition.output.splitlines()
    said = lines[-1].decode("utf-8", "replace")[:200] if lines else ""
    failure = failure_of(repetition.exit, repetition.code, "the benchmark", said)
    if failure:
        return failure
    if not repetition.complete:
        return Failure(Outcome.FAILED, "the benchmark printed more than may be read")
    reading = read_metrics(lines, context.task.benchmark.metrics)
    if reading.reason:
        # The benchmark is protected and prints each metric once: the second one is another's.
        outcome = Outcome.TAMPERED if reading.duplicated else Outcome.FAILED
        return Failure(outcome, reading.reason)
    return reading.metrics


def seconds_since(started: float) -> float:
    """Seconds on the monotonic clock, rounded to what is worth keeping."""
    return round(time.monotonic() - started, 4)

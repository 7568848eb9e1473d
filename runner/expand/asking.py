"""What an agent asks of its own work while it is at it: the checks and the benchmark, as the judge
runs them, on an image that nobody keeps.

Nothing of this counts: an attempt is judged by what it leaves. Time limits are the asker's.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from runner.errors import Cancelled
from runner.expand.checking import Checks, run_check
from runner.expand.judging import Failure, Trial
from runner.expand.measuring import compare
from runner.expand.sides import Sides, in_sessions
from runner.mcp.desk import DeskError, Over
from runner.mcp.places import percent
from runner.mcp.results import Benchmarked, CheckResult, ChecksResult, Compared, FailedTest
from runner.measure.calibration import Calibration
from runner.measure.checks import CheckRun, forgiven, judge_check, learn
from runner.measure.judge import Benchmark, Check
from runner.measure.plan import Plan, fixed_plan
from runner.model import Measurement, Phase
from runner.sandbox.protocol import StepResult

T = TypeVar("T")
_LEAST_S = 1.0  # that a further check is begun with
_SAID_BYTES = 3000
_ALONE = fixed_plan(2)  # pairs of an image with itself: the benchmark runs, and its noise shows


def ask_checks(
    trial: Trial,
    checks: Sequence[Check],
    image: str,
    root: Checks | None,
    time_s: float,
    over: Over,
) -> ChecksResult:
    """Run checks, in their order, for ``time_s`` seconds at most. They are judged against the root's
    runs of them, or, without a ``root``, by themselves.

    Raises ``EngineError``, and ``Cancelled`` once it is ``over``.
    """
    ends, results, left_out = time.monotonic() + time_s, list[CheckResult](), list[str]()
    for check in checks:
        left_s = ends - time.monotonic()
        if results and left_s < _LEAST_S:
            left_out.append(check.name)
            continue
        results.append(_ask_check(trial, check, image, root, max(left_s, _LEAST_S), over))
    passed = not left_out and all(each.passed for each in results)
    return ChecksResult(passed, tuple(results), tuple(left_out))


def ask_benchmark(
    trial: Trial, benchmark: Benchmark, image: str, time_s: float, over: Over
) -> Benchmarked:
    """Run the benchmark a few times, in the machine's lane. Raises ``DeskError`` where it gives no
    valid metrics, ``EngineError``, ``Cancelled``."""
    began = time.monotonic()
    found = _compared(trial, Sides(image, image), benchmark, _ALONE, None, time_s, over)
    seconds = round(time.monotonic() - began, 2)
    return Benchmarked(benchmark.objective.name, found.metrics, found.pairs, seconds)


def ask_comparison(
    trial: Trial,
    sides: Sides,
    benchmark: Benchmark,
    plan: Plan,
    calibration: Calibration | None,
    against: str,
    time_s: float,
    over: Over,
) -> Compared:
    """The paired comparison of two images, as the search makes it. Raises as ``ask_benchmark``."""
    found = _compared(trial, sides, benchmark, plan, calibration, time_s, over)
    verdict = "no difference shown"
    if found.low > 0.0:
        verdict = "improved"
    elif found.high < 0.0:
        verdict = "worse"
    gains = percent(found.gain), percent(found.low), percent(found.high)
    return Compared(against, verdict, *gains, found.pairs, found.metrics, found.baseline)


def _compared(
    trial: Trial,
    sides: Sides,
    benchmark: Benchmark,
    plan: Plan,
    calibration: Calibration | None,
    time_s: float,
    over: Over,
) -> Measurement:
    ends = time.monotonic() + time_s
    shorter = replace(benchmark, timeout_s=min(benchmark.timeout_s, time_s))

    def late() -> bool:
        return over() or time.monotonic() > ends

    # The lane may be another search's for long: waiting there is to end as well.
    waiting = replace(trial, context=replace(trial.context, cancelled=late))
    walk = compare(waiting, in_sessions(waiting, sides, shorter), shorter, plan, calibration)
    try:
        found = follow(walk, late)
    except Cancelled:
        if over():
            raise
        raise DeskError(
            f"not enough was measured in {time_s:g} s (other searches may have had the machine's "
            "benchmark lane): allow it more with time_s"
        ) from None
    if isinstance(found, Failure):
        raise DeskError(f"it can't be measured: {found.reason}")
    return found


def _ask_check(
    trial: Trial, check: Check, image: str, root: Checks | None, left_s: float, over: Over
) -> CheckResult:
    name = f"ask-{check.name}"
    shorter = replace(check, timeout_s=min(check.timeout_s, left_s))
    run = follow(run_check(trial, shorter, image, name), over)
    step = trial.attempt.kept(name, StepResult)
    seconds = round(step.seconds, 2) if step else 0.0
    said = _end_of(trial.attempt.log(name))
    if isinstance(run, Failure):
        cut = f" of the {left_s:.0f} s that were left to it" if left_s < check.timeout_s else ""
        return CheckResult(check.name, False, run.reason + cut, seconds, said=said)
    why = _judged(check, run, root)
    failed = tuple(FailedTest(each.name, each.message) for each in run.cases if each.status.bad)
    return CheckResult(
        check.name, not why, why, seconds, run.tests_run, failed, said if why else ""
    )


def _judged(check: Check, run: CheckRun, root: Checks | None) -> str:
    """Why a run of a check doesn't pass; "" if it does. What the gate may forgive after more runs
    isn't forgiven here, but said."""
    if root is None:
        found = learn(check.name, [run])
        return found if isinstance(found, str) else ""
    known = root[check.name]
    if why := judge_check(known, run):
        return why
    flaky = sorted(name or "the check as a whole" for name in forgiven(known, run))
    return f"flaky at the root as well, run it again: {', '.join(flaky)}" if flaky else ""


def follow(walk: Generator[Phase, None, T], over: Over) -> T:
    """Make a journey to its end; nobody is told of its phases. Raises ``Cancelled`` once it is
    ``over``."""
    while True:
        try:
            next(walk)
        except StopIteration as end:
            result: T = end.value
            return result
        if over():
            walk.close()
            raise Cancelled("nobody waits for it any more")


def _end_of(log: Path) -> str:
    """The end of what a check printed, bounded and decoded with replacement."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _SAID_BYTES))
        return file.read(_SAID_BYTES).decode("utf-8", "replace").strip()

"""Checks: each in a container of its own, judged against the root's own runs of it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from functools import partial
from itertools import chain

from runner.expand.attempt import last_words, log_lines
from runner.expand.judging import Failure, Trial, failure_of
from runner.measure.checks import CheckRun, RootCheck, check_run, forgiven, judge_check, learn
from runner.measure.judge import Check
from runner.measure.reports import MISSING, read_report
from runner.measure.tests_run import tests_run
from runner.model import Outcome, Phase
from runner.sandbox.protocol import Exit, StepResult

Checks = Mapping[str, RootCheck]


def learn_checks(
    trial: Trial, checks: Sequence[Check], image: str, times: int
) -> Generator[Phase, None, Checks | Failure]:
    """Run each check ``times`` times on the root's image: what it can be relied on for.

    A ``Failure`` if the root fails one of them.
    """
    learned = {}
    for check in checks:
        runs = []
        for number in range(1, times + 1):
            run = yield from run_check(trial, check, image, f"check-{check.name}-{number}")
            if isinstance(run, Failure):
                return run
            runs.append(run)
        found = learn(check.name, runs)
        if isinstance(found, str):
            return Failure(Outcome.FAILED, found)
        learned[check.name] = found
    return learned


def run_checks(
    trial: Trial, checks: Sequence[Check], image: str, root: Checks
) -> Generator[Phase, None, Failure | None]:
    """Run checks on ``image`` until one fails."""
    for check in checks:
        run = yield from run_check(trial, check, image, f"check-{check.name}")
        if isinstance(run, Failure):
            return run
        if reason := judge_check(root[check.name], run):
            return Failure(Outcome.FAILED, reason)
        if names := forgiven(root[check.name], run):
            yield Phase(
                trial.label, "check.forgiven", {"check": check.name, "tests": ", ".join(names)[:400]}
            )
    return None


def run_check(
    trial: Trial, check: Check, image: str, name: str
) -> Generator[Phase, None, CheckRun | Failure]:
    """Run a check once; a ``Failure`` if it hit a limit."""
    attempt, sandbox = trial.attempt, trial.sandbox
    log = attempt.log(name)
    step = trial.step(name, image, check.command, check.timeout_s)
    yield Phase(trial.label, "check.started", {"check": check.name})
    result = attempt.once(name, StepResult, partial(sandbox.run, step, log))
    trial.meter.container_s += result.seconds
    failure = None
    if result.exit not in (Exit.OK, Exit.NONZERO):
        failure = failure_of(result.exit, result.code, f"check {check.name}")
    run = attempt.once(f"{name}-run", CheckRun, lambda: _read(trial, check, result, name))
    sandbox.remove(result.container)
    facts = {"check": check.name, "exit": str(result.exit), "seconds": result.seconds}
    yield Phase(trial.label, "check.finished", facts | {"tests": run.tests_run})
    return failure or run


def _read(trial: Trial, check: Check, result: StepResult, name: str) -> CheckRun:
    """What the check said of its tests: in its results, if it leaves some, and in its log."""
    log = trial.attempt.log(name)
    report = None
    if check.results:
        chunks = trial.sandbox.read(result.container, check.results)
        first = next(chunks, b"")
        report = read_report(check.format, chain([first], chunks)) if first else MISSING
    return check_run(result.code, last_words(log), tests_run(log_lines(log)), report)

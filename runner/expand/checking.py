"""Checks: each in a container of its own, judged against the root's own runs of it."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import PurePosixPath

from runner.expand.attempt import last_words, log_lines
from runner.expand.judging import Failure, Trial, failure_of
from runner.expand.room import run_step
from runner.measure.checks import CheckRun, RootCheck, check_run, forgiven, judge_check, learn
from runner.measure.judge import Check
from runner.measure.reports import MISSING, read_report
from runner.measure.tests_run import tests_run
from runner.model import Outcome, Phase
from runner.sandbox.protocol import Exit, StepResult

Checks = Mapping[str, RootCheck]
_NOT_CLEARED = 97  # the exit code where old results are in the way of new ones
_RUNS_TO_PASS = 5  # of a flaky check; one that fails every second time fails them all 1 time in 32


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
            name, progress = f"learn-{number}-{check.name}", {"done": number, "of": times}
            run = yield from run_check(trial, check, image, name, progress)
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
        failure = yield from _pass(trial, check, image, root[check.name])
        if failure:
            return failure
    return None


def _pass(
    trial: Trial, check: Check, image: str, root: RootCheck
) -> Generator[Phase, None, Failure | None]:
    """Run a check until it passes without a pardon for flaky tests: what fails in every run fails
    in a way in which the root never did, however well its words are known."""
    for number in range(1, _RUNS_TO_PASS + 1):
        name = f"recheck-{number}-{check.name}" if number > 1 else f"check-{check.name}"
        run = yield from run_check(trial, check, image, name)
        if isinstance(run, Failure):
            return run
        if reason := judge_check(root, run):
            return Failure(Outcome.FAILED, reason, step=name)
        names = forgiven(root, run)
        if not names:
            return None
        told = ", ".join(name or "the check as a whole" for name in sorted(names))[:400]
        yield Phase(trial.label, "check.forgiven", {"check": check.name, "tests": told})
    reason = f"check {check.name} failed in each of {_RUNS_TO_PASS} runs, at the root only at times"
    return Failure(Outcome.FAILED, f"{reason}: {told}")


def run_check(
    trial: Trial, check: Check, image: str, name: str, progress: Mapping[str, int] | None = None
) -> Generator[Phase, None, CheckRun | Failure]:
    """Run a check once; a ``Failure`` if it hit a limit. ``progress`` says which run of how many
    it is: ``done`` and ``of``."""
    attempt, sandbox = trial.attempt, trial.sandbox
    log = attempt.log(name)
    step = trial.step(name, image, _command(check), check.timeout_s)
    yield Phase(trial.label, "check.started", {"check": check.name, **(progress or {})})
    result = attempt.once(name, StepResult, partial(run_step, trial.context, sandbox, step, log))
    trial.meter.container_s += result.seconds
    failure = None
    if result.exit not in (Exit.OK, Exit.NONZERO):
        failure = failure_of(result.exit, result.code, f"check {check.name}")
    run = attempt.once(f"run-{name}", CheckRun, lambda: _read(trial, check, result, name))
    sandbox.remove(result.container)
    facts = {"check": check.name, "exit": str(result.exit), "seconds": result.seconds}
    yield Phase(trial.label, "check.finished", facts | {"tests": run.tests_run})
    return failure or run


def _command(check: Check) -> str:
    """The check, with no results of an earlier run in the place of its own."""
    if not check.results:
        return check.command
    file, folder = shlex.quote(check.results), shlex.quote(str(PurePosixPath(check.results).parent))
    clear = f"rm -rf -- {file} && [ ! -e {file} ] && [ ! -L {file} ] && mkdir -p -- {folder}"
    return f"{clear} || exit {_NOT_CLEARED}\n{check.command}"


def _read(trial: Trial, check: Check, result: StepResult, name: str) -> CheckRun:
    """What the check said of its tests: in its results, if it leaves some, and in its log."""
    log = trial.attempt.log(name)
    report = None
    if check.results:
        chunks = trial.sandbox.read(result.container, check.results)
        first = next(chunks, b"")
        report = read_report(check.format, chain([first], chunks)) if first else MISSING
    return check_run(result.code, last_words(log), tests_run(log_lines(log)), report)

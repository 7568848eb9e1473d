"""Test-driven work: new tests must fail without the change (red), and pass with it (green)."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

from runner.expand.attempt import last_words, log_lines
from runner.expand.inspect import new_tests
from runner.expand.judging import Failure, Trial, failure_of
from runner.expand.room import run_step
from runner.measure.judge import NewTests
from runner.measure.tests_run import tests_run
from runner.model import Outcome, Phase
from runner.sandbox.protocol import Exit, StepResult

_SHOWN = 3
_MOST_BYTES = 64 << 10  # of names in a command; a kernel takes 128 KiB
_NOT_FOUND = (126, 127)  # the shell's own codes for a command that can't be run


@dataclass(frozen=True, slots=True)
class Ground:
    """Where new tests must fail: an image, what it is called, and the files that it has."""

    image: str
    label: str
    files: Mapping[str, str]


def prove(
    trial: Trial, ground: Ground, commit: str, image: str
) -> Generator[Phase, None, str | Failure]:
    """Run the tests that ``commit`` brings, on the ground and on ``image``; what was proven, in words.

    The ground gets the tests and nothing else of the commit. "" if the task asks for no tests.
    """
    wanted, evidence = trial.context.task.tests_first, trial.context.evidence
    if wanted is None:
        return ""
    tests = new_tests(trial.context, ground.files, evidence.manifest(commit))
    if not tests:
        globs = ", ".join(wanted.tests)
        return Failure(Outcome.FAILED, f"it brings no new test (a new file that matches {globs})")
    if sum(len(path) + 1 for path in tests) > _MOST_BYTES:
        return Failure(Outcome.FAILED, f"it brings {len(tests)} new tests, too many for one command")
    chosen = frozenset(tests)
    on_ground = replace(trial, overlay=lambda: evidence.archive(commit, chosen.__contains__))
    red = yield from _run(on_ground, wanted, "red", ground.image, tests)
    if reason := _not_red(trial, red):
        return Failure(Outcome.FAILED, reason)
    green = yield from _run(trial, wanted, "green", image, tests)
    if failure := _not_green(trial, green):
        return failure
    names = ", ".join(tests[:_SHOWN]) + (" …" if len(tests) > _SHOWN else "")
    ran = tests_run(log_lines(trial.attempt.log("green")))
    count = "" if ran is None else f" ({ran} run)"
    return f"red on {ground.label}: exit {red.code}; green on {trial.label}{count}: {names}"


def _run(
    trial: Trial, wanted: NewTests, name: str, image: str, tests: tuple[str, ...]
) -> Generator[Phase, None, StepResult]:
    command = wanted.command.replace("{files}", shlex.join(tests))
    step = trial.step(name, image, command, wanted.timeout_s)
    attempt, context, sandbox = trial.attempt, trial.context, trial.sandbox
    result = attempt.once(
        name, StepResult, lambda: run_step(context, sandbox, step, attempt.log(name))
    )
    sandbox.remove(result.container)
    trial.meter.container_s += result.seconds
    yield Phase(trial.label, f"tests.{name}", {"exit": str(result.exit), "code": result.code})
    return result


def _not_red(trial: Trial, result: StepResult) -> str:
    if result.exit is Exit.OK:
        return "its new tests pass without its change, so they show nothing"
    said = last_words(trial.attempt.log("red"))
    if result.exit is not Exit.NONZERO or result.code in _NOT_FOUND:
        return f"its new tests could not be run on its parent ({result.exit}, {result.code}): {said}"
    if tests_run(log_lines(trial.attempt.log("red"))) == 0:
        return f"its new tests ran no test on its parent: {said}"
    return ""


def _not_green(trial: Trial, result: StepResult) -> Failure | None:
    log = trial.attempt.log("green")
    failure = failure_of(result.exit, result.code, "its new tests", last_words(log))
    if failure is None and tests_run(log_lines(log)) == 0:
        return Failure(Outcome.FAILED, "its new tests ran no test")
    return failure

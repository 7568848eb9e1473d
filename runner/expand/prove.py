"""Test-driven work: new tests must fail without the change (red), and pass with it (green)."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Mapping
from dataclasses import replace

from runner.expand.attempt import last_words, log_lines
from runner.expand.inspect import new_tests
from runner.expand.judging import Failure, Trial, failure_of
from runner.measure.judge import NewTests
from runner.measure.tests_run import tests_run
from runner.model import Job, Outcome, Phase
from runner.sandbox.protocol import Exit, StepResult

_SHOWN = 3
_NOT_FOUND = (126, 127)  # the shell's own codes for a command that can't be run


def prove(
    trial: Trial,
    job: Job,
    commit: str,
    image: str,
    parent: Mapping[str, str],
    node: Mapping[str, str],
) -> Generator[Phase, None, str | Failure]:
    """Run the tests that a node brings on its parent and on itself; what was proven, in words.

    The parent gets the tests and nothing else of the node. "" if the task asks for no tests.
    """
    wanted = trial.context.task.tests_first
    if wanted is None:
        return ""
    tests = new_tests(trial.context, parent, node)
    if not tests:
        globs = ", ".join(wanted.tests)
        return Failure(Outcome.FAILED, f"it brings no new test (a new file that matches {globs})")
    assert job.origin.snapshot is not None
    evidence, chosen = trial.context.evidence, frozenset(tests)
    on_parent = replace(trial, overlay=lambda: evidence.archive(commit, chosen.__contains__))
    red = yield from _run(on_parent, wanted, "red", job.origin.snapshot.digest, tests)
    if reason := _not_red(trial, red):
        return Failure(Outcome.FAILED, reason)
    green = yield from _run(trial, wanted, "green", image, tests)
    if failure := _not_green(trial, green):
        return failure
    names = ", ".join(tests[:_SHOWN]) + (" …" if len(tests) > _SHOWN else "")
    ran = tests_run(log_lines(trial.attempt.log("green")))
    count = "" if ran is None else f" ({ran} run)"
    return f"red on {job.origin.label}: exit {red.code}; green on {job.label}{count}: {names}"


def _run(
    trial: Trial, wanted: NewTests, name: str, image: str, tests: tuple[str, ...]
) -> Generator[Phase, None, StepResult]:
    command = wanted.command.replace("{files}", shlex.join(tests))
    step = trial.step(name, image, command, wanted.timeout_s)
    attempt, sandbox = trial.attempt, trial.sandbox
    result = attempt.once(name, StepResult, lambda: sandbox.run(step, attempt.log(name)))
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

"""A check is judged against the root's own runs of it.

The root's check runs several times before the search. What it ran is what each candidate has to
run; a test that failed in some of these runs is flaky, and counts against a candidate only when it
fails in a way in which it never failed at the root. A check that tells no tests by name, or that
fails although all its tests passed, is flaky as a whole: the name "" stands for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runner.measure.reports import Report, Status, TestCase
from runner.measure.signature import signature
from runner.measure.wording import SHOWN, listed, said, short, tests

WHOLE = ""  # the check itself, in place of a test; no test has this name


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One execution of a check that ended by itself, within its limits.

    ``tests_run`` is ``None`` if neither log nor report says. ``said`` is the last line of the log.
    ``report_problem`` completes "its report ..."; "" if the report is whole, or none is asked for.
    ``disagreement`` says how the log's number of tests differs from the report's; "" if it doesn't.
    """

    ok: bool
    code: int
    tests_run: int | None = None
    cases: tuple[TestCase, ...] = ()
    said: str = ""
    report_problem: str = ""
    disagreement: str = ""


@dataclass(frozen=True, slots=True)
class Flaky:
    """A test that failed in ``failed`` of the root's runs, in these ``ways``, and not in all."""

    name: str
    failed: int
    ways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RootCheck:
    """What the root's runs of a check say of it.

    ``tests_run`` is the least number of tests that a run without a failure ran, ``None`` if they
    don't tell. ``names`` are the tests that each of these runs ran, sorted. ``codes`` are the exit
    codes of the runs that failed. ``reported`` if tests are told by name; ``agrees`` if the log
    never told another number of tests than the report.
    """

    name: str
    runs: int
    tests_run: int | None
    names: tuple[str, ...]
    flaky: tuple[Flaky, ...]
    codes: tuple[int, ...]
    reported: bool
    agrees: bool


def check_run(code: int, last_words: str, log_tests: int | None, report: Report | None) -> CheckRun:
    """One execution, of its exit code, the last words of its log, the number of tests that the
    log tells (``tests_run.tests_run``), and its report; ``None`` if no report is asked for.

    The report's number of tests wins: it lists them.
    """
    if report is None:
        return CheckRun(code == 0, code, log_tests, said=last_words)
    if report.problem and not report.cases:
        return CheckRun(code == 0, code, log_tests, said=last_words, report_problem=report.problem)
    disagreement = ""
    if log_tests is not None and log_tests != report.ran:
        disagreement = f"told {tests(log_tests)} in its log, and {tests(report.ran)} in its report"
    return CheckRun(
        code == 0, code, report.ran, report.cases, last_words, report.problem, disagreement
    )


def learn(name: str, runs: Sequence[CheckRun]) -> RootCheck | str:
    """What the root's ``runs`` of the check ``name`` say, or why the root fails it."""
    if not runs:
        raise ValueError(f"check {name} was never run at the root")
    passed = [run for run in runs if run.ok]
    if not passed:
        return f"check {name} {_never_passes(runs)}"
    for run in passed:
        if reason := _worthless(run):
            return f"check {name} {reason}"
    counts = [run.tests_run for run in passed if run.tests_run is not None]
    return RootCheck(
        name,
        len(runs),
        min(counts) if len(counts) == len(passed) else None,
        tuple(sorted(frozenset.intersection(*(_ran(run) for run in passed)))),
        _flaky(runs),
        tuple(sorted({run.code for run in runs if not run.ok})),
        reported=any(run.cases for run in passed),
        agrees=not any(run.disagreement for run in passed),
    )


def judge_check(root: RootCheck, run: CheckRun) -> str:
    """Why a candidate's ``run`` of the check fails; "" if it passes.

    A harness that stops at its first failure runs fewer tests when a flaky one fails, and fails
    for that: the tests after it are not known to pass.
    """
    failures = _failures(run)
    if run.ok and failures:
        return _sentence(root, _contradiction(failures))
    pardoned = forgiven(root, run)
    counted = [name for name in failures if name not in pardoned]
    if counted:
        return _sentence(root, _failed(root, run, counted))
    # Some harnesses exit with the number of tests that failed.
    if not run.ok and run.code not in (*root.codes, len(failures)):
        return _sentence(root, f"exited with {run.code}, as the root's never did{said(run.said)}")
    return "" if WHOLE in failures else _sentence(root, _lacking(root, run))


def forgiven(root: RootCheck, run: CheckRun) -> frozenset[str]:
    """The flaky tests that failed in ``run`` as they did at the root; "" is the check itself."""
    ways = {flaky.name: flaky.ways for flaky in root.flaky}
    return frozenset(name for name, way in _failures(run).items() if way in ways.get(name, ()))


def flaky_words(root: RootCheck) -> str:
    """What a person is to know of the check's flaky tests; "" if it has none."""
    if not root.flaky:
        return ""
    told = []
    for flaky in root.flaky[:SHOWN]:
        what = short(flaky.name) if flaky.name != WHOLE else "the check as a whole"
        ways = " or ".join(short(way) for way in flaky.ways[:SHOWN] if way)
        told.append(f"{what} failed {flaky.failed} of {root.runs} times" + said(ways))
    if len(root.flaky) > SHOWN:
        told.append(f"and {tests(len(root.flaky) - SHOWN)} more")
    return f"check {root.name} is flaky at the root: " + "; ".join(told)


def _failures(run: CheckRun) -> dict[str, str]:
    """The way in which each test failed; ``WHOLE`` stands for a failure that is no test's."""
    failures = {case.name: signature(case.message) for case in run.cases if case.status.bad}
    if run.ok or failures:
        return failures
    # The last words often are nothing but counts: without them, all failures would be one.
    way = signature(run.said or run.report_problem, keep_counts=True)
    return {WHOLE: f"exit code {run.code}" + said(way)}


def _ran(run: CheckRun) -> frozenset[str]:
    return frozenset(case.name for case in run.cases if case.status is not Status.SKIPPED)


def _flaky(runs: Sequence[CheckRun]) -> tuple[Flaky, ...]:
    """What failed in some of ``runs``, at least one of which passed; most often failed first."""
    ways: dict[str, list[str]] = {}
    for run in runs:
        for name, way in _failures(run).items():
            ways.setdefault(name, []).append(way)
    found = [Flaky(name, len(way), tuple(dict.fromkeys(way))) for name, way in ways.items()]
    return tuple(sorted(found, key=lambda flaky: (-flaky.failed, flaky.name)))


def _never_passes(runs: Sequence[CheckRun]) -> str:
    last = runs[-1]
    always = set(_failures(last)).intersection(*(_failures(run) for run in runs)) - {WHOLE}
    if always:
        what = f"{listed(sorted(always))} failed in each"
    else:
        what = f"the last exited with {last.code}{said(last.said)}"
    return f"passes in none of {len(runs)} runs of the untouched target: {what}"


def _worthless(run: CheckRun) -> str:
    """Why a run that exited with 0 shows nothing; "" if it does."""
    if failures := _failures(run):
        return _contradiction(failures)
    if run.report_problem:
        return f"exited with 0, and its report {run.report_problem}"
    return "ran no test" if run.tests_run == 0 else ""


def _contradiction(failures: dict[str, str]) -> str:
    return f"exited with 0, though its report says that {listed(failures)} failed"


def _failed(root: RootCheck, run: CheckRun, counted: Sequence[str]) -> str:
    """What failed that isn't forgiven."""
    exited = f"exited with {run.code}"
    if WHOLE in counted:
        if run.cases and not run.report_problem:
            return f"{exited}, though its report says that every test passed{said(run.said)}"
        return exited + said(run.said)
    first = next(case for case in run.cases if case.name == counted[0])
    words = f"{exited}: {tests(len(counted))} failed: {listed(counted)}"
    words += f" ({short(first.message)})" if first.message and len(counted) == 1 else ""
    if flaky := [name for name in counted if name in {flaky.name for flaky in root.flaky}]:
        words += f"; {listed(flaky)} failed in a way that the root never did, flaky as it is"
    return words


def _lacking(root: RootCheck, run: CheckRun) -> str:
    """What the root's run had and this one hasn't; "" if nothing."""
    if root.reported and run.report_problem:
        return f"left a report that can't be relied on: it {run.report_problem}"
    if run.tests_run == 0:
        return "ran no test"
    if root.reported and not run.cases:
        return "left no report of its tests, where the root's did"
    if root.tests_run is not None and run.tests_run is None:
        return f"doesn't tell how many tests it ran, where the root's ran {root.tests_run:,}"
    before, after = root.tests_run or 0, run.tests_run or 0
    lost = _lost(root, run)
    if lost or after < before:
        return f"ran {tests(after)}, the root's {before:,}" + said(lost)
    return run.disagreement if run.ok and root.agrees else ""


def _lost(root: RootCheck, run: CheckRun) -> str:
    """Which of the root's tests were skipped or are missing; "" if none."""
    ran, present = _ran(run), {case.name for case in run.cases}
    skipped = [name for name in root.names if name in present and name not in ran]
    missing = [name for name in root.names if name not in present]
    told = [f"{listed(skipped)} skipped"] if skipped else []
    told += [f"{listed(missing)} missing"] if missing else []
    return ", ".join(told)


def _sentence(root: RootCheck, problem: str) -> str:
    return f"check {root.name} {problem}" if problem else ""

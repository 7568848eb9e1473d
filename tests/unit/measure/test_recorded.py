"""What real test frameworks wrote is read for what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from frameworks.cases import CASES, PROJECTS, Case

from runner.detect import detect
from runner.measure.reports import Format, Report, Status, read_report
from runner.measure.tests_run import tests_run as number_of_tests

RECORDED = Path(__file__).parent / "recorded"
RECORDED_CASES = [case for case in CASES if case.image != "debian"]
REPORTED = [case for case in RECORDED_CASES if case.passed]


def read(case: Case, variant: str) -> Report:
    found = detect(PROJECTS / case.folder).tests[0]
    assert found.format
    file = RECORDED / f"real-{case.folder}" / f"{variant}{Path(found.results).suffix}"
    return read_report(found.format, [file.read_bytes()] if file.exists() else [])


def log(case: Case, variant: str) -> list[bytes]:
    return (RECORDED / f"real-{case.folder}" / f"{variant}.log").read_bytes().splitlines()


def statuses(report: Report) -> dict[str, Status]:
    return {each.name: each.status for each in report.cases}


def expected(case: Case, add: Status) -> dict[str, Status]:
    names = dict.fromkeys(case.passed, Status.PASSED) | {case.passed[0]: add}
    return names | dict.fromkeys(case.skipped, Status.SKIPPED)


@pytest.mark.parametrize("case", REPORTED, ids=str)
def test_passing(case: Case) -> None:
    report = read(case, "passing")
    assert not report.problem
    assert statuses(report) == expected(case, Status.PASSED)


@pytest.mark.parametrize("case", REPORTED, ids=str)
def test_failing(case: Case) -> None:
    report = read(case, "failing")
    assert not report.problem
    assert statuses(report) == expected(case, Status.FAILED)
    message = next(each.message for each in report.cases if each.name == case.passed[0])
    # CTest tells no reason in its XML.
    assert bool(message) == (case.framework != "CTest")


@pytest.mark.parametrize("case", REPORTED, ids=str)
def test_no_test(case: Case) -> None:
    assert Status.PASSED not in statuses(read(case, "empty")).values()


@pytest.mark.parametrize("case", REPORTED, ids=str)
def test_broken(case: Case) -> None:
    """Some tools write no results then, and others say what couldn't be loaded."""
    assert statuses(read(case, "broken")).get(case.passed[0]) is not Status.PASSED


@pytest.mark.parametrize("variant", ["passing", "failing"])
def test_swift(variant: str) -> None:
    """XCTest's tests, of which the skipped one counts as passed: there is no word on it."""
    data = (RECORDED / "real-swift" / f"{variant}.xml").read_bytes()
    add = Status.PASSED if variant == "passing" else Status.FAILED
    suite = "CalcTests.CalcTests > "
    passed = dict.fromkeys((f"{suite}testSays", f"{suite}testDivides"), Status.PASSED)
    report = read_report(Format.JUNIT, [data])
    assert statuses(report) == passed | {f"{suite}testAdds": add}


def test_swift_testing() -> None:
    """What Swift Testing writes beside XCTest's file, after it as one report."""
    names = ("testing.xml", "testing-swift-testing.xml")
    parts = [(RECORDED / "real-swift" / name).read_bytes() for name in names]
    report = read_report(Format.JUNIT, parts)
    assert not report.problem
    assert statuses(report) == {
        "CalcTests.CalcSuite > divides()": Status.SKIPPED,
        "CalcTests.CalcSuite > says(word:)": Status.PASSED,
        "CalcTests.CalcSuite > adds()": Status.FAILED,
    }


def test_swift_gathered() -> None:
    """Both files, as the command that is detected puts them together."""
    report = read_report(Format.JUNIT, [(RECORDED / "real-swift" / "both.xml").read_bytes()])
    assert not report.problem
    assert [each.name.rpartition(" > ")[2] for each in report.cases] == [
        *("testAdds", "testDivides", "testSays"),
        *("divides()", "says(word:)", "adds()"),
    ]


@pytest.mark.parametrize("variant", ["passing", "failing"])
@pytest.mark.parametrize("case", RECORDED_CASES, ids=str)
def test_logs_tell_the_number(case: Case, variant: str) -> None:
    """Where they tell one: these frameworks print nothing but to the file of their results."""
    silent = case.framework in ("Go", "Mocha", "Gradle", "Playwright")
    assert number_of_tests(log(case, variant)) == (None if silent else case.ran)

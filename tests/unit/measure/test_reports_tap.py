"""TAP, line by line."""

from __future__ import annotations

import pytest

from runner.measure.reports import Format, Report, Status, read_report

P, F, S = Status.PASSED, Status.FAILED, Status.SKIPPED


def tap(text: str) -> Report:
    return read_report(Format.TAP, [text.encode()])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no TAP: it has no test point and no plan"),
        ("hello\n", "is no TAP: it has no test point and no plan"),
        ("ok 1\nok 2\n", "has no plan: it ends in the middle, or can't tell whether it does"),
        ("1..3\nok 1\nok 2\n", "planned 3 tests and has 2"),
        ("1..1\nok 1\nok 2\n", "planned 1 tests and has 2"),
        ("1..1\nok 1\n1..1\n", "has two plans"),
        ("1..2\nok 1\nBail out! the disk\x1b[0m is full\n", "says that the run was broken off: the disk is full"),
        ("1..2\nok 1\nbail out!\n", "says that the run was broken off: no reason given"),
        ("    ok 1\n    1..2\nok 1\n1..1\n", "planned 2 tests and has 1"),
        ("    ok 1\nok 1\n1..1\n", "has no plan: it ends in the middle, or can't tell whether it does"),
        ("TAP version 13\nok 1\n1..2\nTAP version 13\nok 1\n1..1\n", "planned 2 tests and has 1"),
        ("1..99999999999999999999\nok 1\n", "has no plan: it ends in the middle, or can't tell whether it does"),
    ],
)  # fmt: skip
def test_problems(text: str, problem: str) -> None:
    assert tap(text).problem == problem


@pytest.mark.parametrize(
    ("text", "cases"),
    [
        ("1..0 # SKIP no compiler", []),
        ("TAP version 14\npragma +strict\n1..1\nok 1 - a\n", [(P, "a", "")]),
        ("ok\nnot ok\n1..2", [(P, "test 1", ""), (F, "test 2", "")]),
        ("ok, whatever\nokay\nnot okay\nok 1 a\n1..1", [(P, "a", "")]),
        ("1..1\r\nok 1 - a\r\n", [(P, "a", "")]),
        ("1..1\nok 1 - a # SkIpped: why\n", [(S, "a", "skip: why")]),
        ("1..2\nnot ok 1 a # TODO\nok 2 b # todo it works\n", [(S, "a", "todo"), (P, "b", "")]),
        ("1..2\nok 1 issue #12\nok 2 \\# skip is no directive\n", [(P, "issue #12", ""), (P, "# skip is no directive", "")]),
        ("1..1\nok 1 - a in 12ms\n", [(P, "a", "")]),
        ("1..2\nok 1 a\nok 2 a\n", [(P, "a", ""), (P, "a #2", "")]),
        ("TAP version 13\nok 1 a\n1..1\nTAP version 13\nok 1 a\n1..1\n", [(P, "a", ""), (P, "a #2", "")]),
        # Details belong to their point, whatever they look like.
        ("1..1\nnot ok 1 a\n  ---\n  error: x\n  data: |\n    not ok 2 b\n  1..7\n  ...\n", [(F, "a", "x")]),
        ("1..1\nnot ok 1 a\n  ---\n  found: 3\n  wanted: '4'\n  ...\n", [(F, "a", "wanted 4, found 3")]),
        ("1..2\nnot ok 1 a\n  ---\n  message: >-\n    two\n    lines\nok 2 b\n", [(F, "a", "two lines"), (P, "b", "")]),
        ("1..1\nnot ok 1 a\n# one\n# two\n# tests 1\n# x\n", [(F, "a", "one two")]),
        # Subtests are the tests.
        ("    ok 1 b\n    not ok 2 c\n    1..2\nnot ok 1 a\n1..1", [(P, "a > b", ""), (F, "a > c", "")]),
        ("    ok 1 b\n    1..1\nnot ok 1 a\n1..1", [(P, "a > b", ""), (F, "a", "")]),
        ("    not ok 1 b\n    1..1\nok 1 a # skip off\n1..1", [(S, "a > b", "")]),
        ("        ok 1 c\n        1..1\n    ok 1 b\n    1..1\nok 1 a\n1..1", [(P, "a > b > c", "")]),
        ("        ok 1 c\n        1..1\nok 1 a\n1..1", [(P, "a > c", "")]),
        ("ok 1 a {\n    ok 1 b\n    1..1\n}\nok 2 c\n1..2", [(P, "a > b", ""), (P, "c", "")]),
        ("    1..0 # skip\nok 1 a\n1..1", [(P, "a", "")]),
    ],
)  # fmt: skip
def test_cases(text: str, cases: list[tuple[Status, str, str]]) -> None:
    report = tap(text)
    assert report.problem == ""
    assert [(case.status, case.name, case.message) for case in report.cases] == cases


def test_what_was_read_before_the_end_is_kept() -> None:
    report = tap("1..3\nok 1 a\n    not ok 1 b\n")
    assert [(case.status, case.name) for case in report.cases] == [(P, "a"), (F, "b")]
    assert report.problem == "planned 3 tests and has 1"

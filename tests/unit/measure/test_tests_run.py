"""What runners print at their end. Those marked *real* were recorded from the runner itself; the
others follow its documentation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.measure import tests_run as counting

REAL = {
    "pytest": ("===== 3 passed, 1 skipped, 1 xfailed in 0.32s =====", 3),
    "pytest, subtests": ("2 passed, 1 skipped, 1 xfailed, 5 subtests passed in 0.53s", 2),
    "pytest -q": ("..s  [100%]\n3 passed, 1 skipped in 0.32s", 3),
    "pytest, failing": ("=== 1 failed, 2 passed, 1 warning in 75.20s (0:01:15) ===", 3),
    "pytest, error": ("==== 1 error in 0.10s ====", 1),
    "pytest, coloured": (
        "\x1b[32m======= \x1b[32m\x1b[1m3 passed\x1b[0m\x1b[32m in 0.04s\x1b[0m\x1b[32m =======\x1b[0m",
        3,
    ),
    "pytest, all skipped": ("======= 1 skipped, 3 deselected in 0.02s =======", 0),
    "pytest, all deselected": ("====== 4 deselected in 0.03s ======", 0),
    "pytest, none": ("======= no tests ran in 0.01s =======", 0),
    "pytest -q, none": ("no tests ran in 0.01s", 0),
    "unittest": ("Ran 3 tests in 0.007s\n\nOK (skipped=1, expected failures=1)", 1),
    "unittest, none skipped": ("Ran 3 tests in 0.007s\n\nFAILED (failures=1, errors=1)", 3),
    "unittest, one": ("Ran 1 test in 0.000s\n\nOK", 1),
    "unittest, failing": ("Ran 4 tests in 0.007s\n\nFAILED (failures=1, skipped=2)", 2),
    "unittest, none": ("Ran 0 tests in 0.000s\n\nOK", 0),
    "unittest, all skipped": ("Ran 2 tests in 0.000s\n\nOK (skipped=2)", 0),
    "cargo": (
        "test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n"
        "   Doc-tests c\n"
        "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        1,
    ),
    "cargo, none": (
        "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.00s",
        0,
    ),
    "node:test, tap": (
        "TAP version 13\nok 1 - a\nok 2 - b # SKIP\n1..2\n# tests 2\n# pass 1\n# fail 0",
        1,
    ),
    "node:test, spec": ("✔ a (5.6ms)\nℹ tests 3\nℹ pass 2\nℹ fail 1\nℹ skipped 0", 3),
    "node:test, none": ("TAP version 13\n1..0\n# tests 0\n# pass 0\n# fail 0", 0),
    "ctest": (
        "1/3 Test #1: a ................................   Passed    0.00 sec\n"
        "2/3 Test #2: b ................................***Skipped   0.00 sec\n"
        "3/3 Test #3: c ................................***Failed    0.00 sec\n"
        "67% tests passed, 1 tests failed out of 3",
        2,
    ),
    "ctest, disabled": (
        "2/4 Test #2: b ................................***Not Run (Disabled)   0.00 sec\n"
        "3/4 Test #3: c ................................***Not Run   0.00 sec\n"
        "50% tests passed, 1 tests failed out of 2",
        1,
    ),
    "ctest, none": ("No tests were found!!!", 0),
}
DOCUMENTED = {
    "go": ("ok  \texample.com/x\t0.005s", None),
    "go, cached": ("ok  \texample.com/x\t(cached)", None),
    "go, none": (
        "?   \texample.com/x\t[no test files]\nok  \texample.com/y\t0.1s [no tests to run]",
        0,
    ),
    "go, some without": ("?   \texample.com/x\t[no test files]\nok  \texample.com/y\t0.1s", None),
    "go -v": (
        "=== RUN   TestA\n--- PASS: TestA (0.00s)\n    --- PASS: TestA/sub (0.00s)\n"
        "--- SKIP: TestB (0.00s)\n--- FAIL: TestC (0.00s)\nFAIL\nFAIL\tx\t0.1s",
        3,
    ),
    "nextest": ("     Summary [   0.123s] 6 tests run: 5 passed (1 slow), 1 failed, 2 skipped", 6),
    "jest": ("Tests:       1 failed, 2 skipped, 5 passed, 8 total", 6),
    "jest, all skipped": ("Tests:       3 skipped, 3 total", 0),
    "jest, none": ("No tests found, exiting with code 0", 0),
    "vitest": (" Test Files  1 passed (1)\n      Tests  4 passed | 2 skipped (6)", 4),
    "vitest, none": ("No test files found, exiting with code 0", 0),
    "mocha": ("  5 passing (12ms)\n  1 pending\n  2 failing", 7),
    "mocha, none": ("  0 passing (1ms)", 0),
    "tap": ("1..4\nok 1 - a\nnot ok 2\nok 3 # skip no network\nok 4 # TODO later", 3),
    "tap, to do": ("1..2\nok 1 - a\nnot ok 2 - b # TODO later", 1),
    "tap, none": ("1..0 # SKIP all", 0),
    "rspec": ("5 examples, 0 failures, 1 pending", 4),
    "rspec, none": ("0 examples, 0 failures", 0),
    "minitest": ("5 runs, 10 assertions, 0 failures, 0 errors, 2 skips", 3),
    "phpunit": ("OK (5 tests, 10 assertions)", 5),
    "phpunit, not all": ("Tests: 5, Assertions: 10, Failures: 1, Skipped: 2.", 3),
    "phpunit, none": ("No tests executed!", 0),
    "maven": (
        "[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 1, Time elapsed: 0.02 s - in A\n"
        "[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 1",
        2,
    ),
    "dotnet": (
        "Passed!  - Failed:     0, Passed:     5, Skipped:     1, Total:     6, Duration: 9 ms",
        5,
    ),
    "exunit": ("5 tests, 0 failures, 1 skipped", 4),
    "exunit, none": ("Finished in 0.00 seconds (0.00s async, 0.00s sync)\n0 failures", 0),
    "bats": ("3 tests, 1 failure", 3),
}


@pytest.mark.parametrize("name", [*REAL, *DOCUMENTED])
def test_closing_lines(name: str) -> None:
    text, expected = (REAL | DOCUMENTED)[name]
    log = b"building...\n" + text.encode() + b"\nbye\n"
    assert counting.tests_run(log.splitlines(keepends=True)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "done",
        "12 files passed the filter",
        "All checks passed!",
        "3 passed away",
        "ok, 7 lines",
        "ok",
    ],
)
def test_output_that_says_nothing_of_tests(text: str) -> None:
    assert counting.tests_run([text.encode()]) is None


def test_several_runners_are_added_up() -> None:
    lines = [b"no tests ran in 0.01s", b"Ran 3 tests in 0.1s", b"OK", b"2 passed in 0.1s"]
    assert counting.tests_run(lines) == 5


def test_nothing_is_certain_beside_a_runner_that_does_not_count() -> None:
    assert counting.tests_run([b"no tests ran in 0.01s", b"ok  \tx\t0.1s"]) is None


def test_a_line_of_any_length_takes_no_time() -> None:
    hostile = [b"1 a, " * 100_000, b"Tests: " + b"1 " * 200 + b"x", b"9" * 400 + b" passed in 1s"]
    assert counting.tests_run(hostile) == int("9" * 400)


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_any_bytes_are_read(lines: list[bytes]) -> None:
    result = counting.tests_run(lines)
    assert result is None or result >= 0

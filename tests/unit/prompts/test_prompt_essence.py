"""A failure in few words, from what real tools printed, and from what nobody should print."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.measure.checks import check_run
from runner.measure.reports import Format, read_report
from runner.prompts import Essence, essence
from runner.prompts.signs import LAST_LINES, MOST, signs

RECORDED = Path(__file__).parents[1] / "measure" / "recorded"


def recorded(name: str) -> list[bytes]:
    return (RECORDED / name).read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("tool", "test", "place", "message"),
    [
        ("bats", "adds", "test/calc.bats:6", '`[ "$(add 2 3)" = 5 ]\' failed'),
        ("cargo", "tests::adds", "src/lib.rs:11", "assertion failed: `(left == right)`"),
        ("ctest", "adds", "", ""),
        ("exunit", "test adds (CalcTest)", "test/calc_test.exs:5", "Assertion with == failed"),
        (
            "gradle",
            "com.example.CalcTest > adds",
            "CalcTest.java:12",
            "java.lang.AssertionError at",
        ),
        ("jest", "calc › adds", "calc.test.js:5", "Received: -1"),
        ("maven", "CalcTest.adds", "CalcTest.java:15", "expected: <5> but was: <-1>"),
        ("minitest", "TestCalc#test_adds", "test/test_calc.rb:6", "Actual: -1"),
        ("node-test", "adds", "test/calc.test.js:7", "AssertionError [ERR_ASSERTION]: Expected"),
        ("nox", "tests/test_calc.py::test_adds", "tests/test_calc.py:6", "assert -1 == 5"),
        ("phpunit", "CalcTest::testAdds", "tests/CalcTest.php:9", "-1 is identical to 5."),
        ("playwright", "e2e/calc.spec.js:5:3 › calc › adds", "e2e/calc.spec.js:6", "Expected: 5"),
        ("pytest", "tests/test_calc.py::test_adds", "tests/test_calc.py:6", "assert -1 == 5"),
        ("rspec", "Calc adds", "spec/calc_spec.rb:3", "got: -1"),
        ("swift", "CalcTests.testAdds", "Tests/CalcTests/CalcTests.swift:7", "XCTAssertEqual"),
        ("tox", "tests/test_calc.py::test_adds", "tests/test_calc.py:6", "assert -1 == 5"),
        (
            "unittest",
            "test_adds (tests.test_calc.",
            "tests/test_calc.py:8",
            "AssertionError: -1 != 5",
        ),
        ("vitest", "calc.test.js > calc > adds", "calc.test.js:6", "expected -1 to be 5"),
    ],
)
def test_a_failed_test(tool: str, test: str, place: str, message: str) -> None:
    found = essence("check tests exited with 1", recorded(f"real-{tool}/failing.log"))
    assert found.tests[0].startswith(test)
    assert not any("divides" in name for name in found.tests), "it was skipped"
    assert not place or place in found.places
    for said in (test, place, message):
        assert said in found.text


@pytest.mark.parametrize(
    ("tool", "place", "message"),
    [
        ("cargo", "src/lib.rs:4", "error: expected expression, found `}`"),
        ("ctest", "calc.h:1", "error: expected expression before"),
        ("exunit", "lib/calc.ex:2", "(SyntaxError) lib/calc.ex:2:26: unexpected token"),
        ("go", "calc.go:6", "syntax error: unexpected ), expecting expression"),
        ("gradle", "src/main/java/com/example/Calc.java:5", "error: illegal start of expression"),
        ("jest", "", "SyntaxError: /workspace/calc.js: Unexpected token (1:28)"),
        ("maven", "src/main/java/com/example/Calc.java:5", "illegal start of expression"),
        ("minitest", "lib/calc.rb:2", "syntax error, unexpected ')' (SyntaxError)"),
        ("mocha", "calc.js:1", "SyntaxError: Unexpected token ')'"),
        ("pytest", "calc.py:5", "SyntaxError: unmatched ')'"),
        ("rspec", "lib/calc.rb:2", 'Failure/Error: require "calc"'),
        ("unittest", "calc.py:5", "SyntaxError: unmatched ')'"),
        ("vitest", "calc.js:1", "Error: Failed to parse source"),
    ],
)
def test_a_broken_build(tool: str, place: str, message: str) -> None:
    found = essence("check tests exited with 1", recorded(f"real-{tool}/broken.log"))
    assert not place or place in found.places
    assert message in found.text


OTHERS = {
    "go": (
        "--- FAIL: TestAdds (0.00s)\n    calc_test.go:8: got -1, want 5\nFAIL\nFAIL\texample.com/calc\t0.002s\n",
        "TestAdds",
        "calc_test.go:8",
        "got -1, want 5",
    ),
    "go panics": (
        "--- FAIL: TestAdds (0.00s)\npanic: runtime error: index out of range [3]\n\ngoroutine 6 [running]:\n"
        "example.com/calc.Add(...)\n\t/workspace/calc.go:4\n",
        "TestAdds",
        "calc.go:4",
        "panic: runtime error: index out of range [3]",
    ),
    "cargo since 1.73": (
        "test tests::adds ... FAILED\n\n---- tests::adds stdout ----\n"
        "thread 'tests::adds' panicked at src/lib.rs:11:9:\nassertion `left == right` failed: sums\n"
        "  left: -1\n right: 5\n",
        "tests::adds",
        "src/lib.rs:11",
        "assertion `left == right` failed: sums",
    ),
    "nextest": (
        "        FAIL [   0.003s] calc tests::adds\n",
        "calc tests::adds",
        "",
        "",
    ),
    "dotnet": (
        "  Failed Calc.Tests.Adds [12 ms]\n  Error Message:\n   Assert.Equal() Failure: Values differ\n"
        "Expected: 5\nActual:   -1\n  Stack Trace:\n     at Calc.Tests.Adds() in /workspace/Tests.cs:line 9\n",
        "Calc.Tests.Adds",
        "Tests.cs:9",
        "Actual: -1",
    ),
    "gcc": (
        "src/a.c: In function 'f':\nsrc/a.c:12:5: error: 'x' undeclared (first use in this function)\n"
        "make: *** [Makefile:3: all] Error 1\n",
        "",
        "src/a.c:12",
        "error: 'x' undeclared (first use in this function)",
    ),
    "the linker": (
        "/usr/bin/ld: /tmp/a.o: in function `main':\na.c:(.text+0x5): undefined reference to `f'\n",
        "",
        "",
        "undefined reference to `f'",
    ),
    "tsc": (
        "src/a.ts(12,5): error TS2322: Type 'string' is not assignable to type 'number'.\n",
        "",
        "src/a.ts:12",
        "error TS2322: Type 'string' is not assignable to type 'number'.",
    ),
    "tsc, pretty": (
        "\x1b[96msrc/a.ts\x1b[0m:\x1b[93m12\x1b[0m:\x1b[93m5\x1b[0m - \x1b[91merror\x1b[0m\x1b[90m TS2322: \x1b[0m"
        "Type 'string' is not assignable.\n",
        "",
        "src/a.ts:12",
        "error TS2322: Type 'string' is not assignable.",
    ),
    "rustc": (
        "error[E0308]: mismatched types\n --> src/lib.rs:5:10\n",
        "",
        "src/lib.rs:5",
        "error[E0308]: mismatched types",
    ),
    "php": (
        "PHP Fatal error:  Uncaught TypeError: f() in /workspace/a.php on line 7\n",
        "",
        "a.php:7",
        "Fatal error: Uncaught TypeError: f()",
    ),
    "assert.h": (
        "calc_test: calc_test.c:9: main: Assertion `add(2, 3) == 5' failed.\nAborted\n",
        "",
        "calc_test.c:9",
        "Assertion `add(2, 3) == 5' failed.",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_others_print(name: str) -> None:
    log, test, place, message = OTHERS[name]
    found = essence("", log.encode().splitlines(keepends=True))
    assert found.tests == ((test,) if test else ())
    assert place == "" or place in found.places
    assert message in found.text


def test_places_elsewhere_are_no_use() -> None:
    log = (
        b'Traceback (most recent call last):\n  File "/usr/lib/python3.11/json/decoder.py", line 3\n'
        b'  File "/workspace/a.py", line 2\n  File "/v/site-packages/x.py", line 9\nValueError: no\n'
        b"    at internal/modules/loader.js:3\n/var/gems/rake-13.0.6/lib/rake.rb:9\n"
        b"internal/store/store.go:7: panic\n"
    )
    assert signs(log.splitlines()).places == ("a.py:2", "internal/store/store.go:7")


def test_results_count_more_than_the_log() -> None:
    xml = (
        b'<testsuite><testcase name="adds" classname="calc"><failure message="5 != 6"/></testcase>'
        b'<testcase name="ok" classname="calc"/></testsuite>'
    )
    run = check_run(1, "", None, read_report(Format.JUNIT, [xml]))
    found = essence("r", [b"FAILED forged.py::test_x - not so"], run)
    assert found.tests == ("calc > adds",)
    assert found.message == "5 != 6"
    assert "forged" not in found.text.partition("its last lines:")[0]


def test_a_log_that_says_nothing() -> None:
    found = essence("check lint exited with 2", [])
    assert found == Essence((), (), "", "check lint exited with 2", found.signature)
    assert found.signature


def log_of(**changed: str) -> list[bytes]:
    values = {"test": "test_x", "number": "12", "path": "/tmp/a1", "words": "timed out"} | changed
    line = "FAILED a.py::{test} - OSError: {path}/f: {words} after {number} s at 12:30:01".format(
        **values
    )
    return [line.encode(), f"=== 1 failed in {values['number']}.1s ===".encode()]


def test_the_same_failure_has_the_same_signature() -> None:
    first = essence("check tests exited with 1", log_of())
    again = essence("check tests exited with 1", log_of(number="99", path="/tmp/b2/c"))
    assert first.signature == again.signature
    for changed in ({"test": "test_y"}, {"words": "refused"}):
        assert essence("check tests exited with 1", log_of(**changed)).signature != first.signature


def test_without_tests_the_reason_tells_failures_apart() -> None:
    one, two = essence("check lint exited with 1", []), essence("check types exited with 1", [])
    assert one.signature != two.signature



def test_a_long_log_is_read_at_both_ends() -> None:
    log = [b"FAILED a.py::test_first - x", *[b"noise"] * 20_000, b"FAILED a.py::test_last - y"]
    assert signs(log).tests == ("a.py::test_first", "a.py::test_last")
    many = signs([b"FAILED a.py::test_%d - x%d" % (i, i) for i in range(500)])
    assert len(many.tests) == len(many.messages) == MOST
    assert len(many.last) == LAST_LINES

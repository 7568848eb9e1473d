"""What failing tests look like in each form, recorded from the tools or made after their
documentation (``recorded/more`` and ``recorded/made`` say which)."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.measure.reports import Format, Status, read_report

RECORDED = Path(__file__).parent / "recorded"
SIGNS = {"+": Status.PASSED, "-": Status.FAILED, "!": Status.ERROR, "~": Status.SKIPPED}

# A line per test: its status, its name, and how its message begins.
EXPECTED = {
    ("more/cargo.txt", Format.CARGO_TEXT): """
        + tests::adds
        - tests::does_not_panic | note: test did not panic as expected at src/lib.rs:22:32
        - tests::gives_an_error | Error: "no\\nlines"
        ~ tests::is_ignored
        ~ tests::is_ignored_for_a_reason | no network
        - tests::is_wrong | assertion `left == right` failed: of all things left: 3 right: 4
        + tests::panics
        + adds
        + tests::adds #2
        + src/lib.rs - add
        - src/lib.rs - add #2 | Test executable failed (exit status: 101). stderr: assertion
        + src/lib.rs - add - compile""",
    ("more/ctest.xml", Format.JUNIT): """
        + adds
        - is_wrong | /usr/bin/sh: 1: Syntax error: redirection unexpected
        ~ is_skipped | SKIP_RETURN_CODE=77
        ~ is_off
        ~ is_missing | Unable to find executable
        - times_out""",
    ("more/jest.json", Format.JEST_JSON): """
        + /workspace/jest/sample.test.js > math > adds
        - /workspace/jest/sample.test.js > math > is wrong | Error: expect(received).toBe(expected)
        ~ /workspace/jest/sample.test.js > math > is skipped
        ~ /workspace/jest/sample.test.js > math > is to be done
        - /workspace/jest/sample.test.js > math > times out | Error: thrown: "Exceeded timeout of 50 ms
        + /workspace/jest/sample.test.js > adds
        + /workspace/jest/hook.test.js > is fine
        ! /workspace/jest/hook.test.js | ● Test suite failed to run after all
        ! /workspace/jest/broken.test.js | ● Test suite failed to run Must use import""",
    ("more/mocha.json", Format.MOCHA_JSON): """
        ~ /workspace/mocha/sample.js > math is skipped
        ~ /workspace/mocha/sample.js > math is to be done
        - /workspace/mocha/sample.js > math is wrong | AssertionError [ERR_ASSERTION]: Expected values
        - /workspace/mocha/sample.js > math times out | Error: Timeout of 30ms exceeded.
        - /workspace/mocha/sample.js > hooked "before all" hook for "never runs" | TypeError: no database
        + /workspace/mocha/sample.js > math adds""",
    ("more/mocha.tap", Format.TAP): """
        + math adds
        - math is wrong | Expected values to be strictly equal: 3 !== 4
        ~ math is skipped | skip: -
        ~ math is to be done | skip: -
        - math times out | Timeout of 30ms exceeded.
        - hooked "before all" hook for "never runs" | no database TypeError: no database""",
    ("more/mocha.xml", Format.JUNIT): """
        + Mocha Tests > math > adds
        - Mocha Tests > math > is wrong | Expected values to be strictly equal: 3 !== 4
        ~ Mocha Tests > math > is skipped
        ~ Mocha Tests > math > is to be done
        - Mocha Tests > math > times out | Timeout of 30ms exceeded.
        - Mocha Tests > hooked > "before all" hook for "never runs" | no database""",
    ("more/node-test.tap", Format.TAP): """
        + math > adds
        - math > is wrong | AssertionError: 3 == 4
        + math > deep <&> > goes on
        ~ math > deep <&> > is skipped | skip: no network
        + more > adds
        + parent > child
        - parent > child # 2 | TypeError: bad \\x1B[31mred
        + alone fails > fine
        - alone fails | after its subtest
        ~ later | todo: not yet""",
    ("more/node-test.xml", Format.JUNIT): """
        + math > adds
        - math > is wrong | 3 == 4
        + math > deep <&> > goes on
        ~ math > deep <&> > is skipped | no network
        + more > adds
        + parent > child
        - parent > child # 2 | bad red
        + alone fails > fine
        ~ later | not yet""",
    ("more/pytest.xml", Format.JUNIT): """
        + test_sample.TestMath > test_add
        - test_sample.TestMath > test_wrong | assert 3 == 4
        + test_sample > test_text[a b]
        + test_sample > test_text[\\xe4<&\\x1b[31m]
        + test_sample > test_text[x\\x00y]
        ~ test_sample > test_net | no network
        ~ test_sample > test_known | known
        ! test_sample > test_db | failed on setup with "RuntimeError: no database at 0x…"
        ! test_sample > test_teardown | failed on teardown with "OSError: teardown"
        - test_sample > test_teardown_and_fail | AssertionError: first assert False
        ! test_sample > test_teardown_and_fail #2 | failed on teardown with "OSError: teardown\"""",
    ("more/test-more.tap", Format.TAP): """
        + adds
        - is wrong
        ~ test 3 | skip: no network
        ~ is to be done | todo: later
        + inner > fine
        - inner > bad # 2""",
    ("more/vitest.json", Format.JEST_JSON): """
        ! /workspace/vitest/broken.test.js | Cannot find module './nothing.js' imported from
        + /workspace/vitest/sample.test.js > math > adds
        - /workspace/vitest/sample.test.js > math > is wrong | AssertionError: expected 3 to be 4
        ~ /workspace/vitest/sample.test.js > math > is skipped
        ~ /workspace/vitest/sample.test.js > math > is to be done
        + /workspace/vitest/sample.test.js > math > fails as expected
        + /workspace/vitest/sample.test.js > hooked > is fine""",
    ("more/vitest.xml", Format.JUNIT): """
        - broken.test.js | Cannot find module './nothing.js' imported from
        + sample.test.js > math > adds
        - sample.test.js > math > is wrong | AssertionError: expected 3 to be 4
        ~ sample.test.js > math > is skipped
        ~ sample.test.js > math > is to be done
        + sample.test.js > math > fails as expected
        + sample.test.js > hooked > is fine
        - sample.test.js > hooked | after all""",
    ("made/cargo-nextest.xml", Format.JUNIT): """
        + sample > tests::adds
        - sample > tests::is_wrong | test failure with exit code 101: assertion `left == right` failed
        + sample > tests::is_flaky
        + sample::it > adds""",
    ("made/dotnet.trx", Format.TRX): """
        + Calc.Tests.UnitTest1.Adds(a: 1, b: 2)
        - Calc.Tests.UnitTest2 > IsWrong | Assert.AreEqual failed. Expected:<4>. Actual:<3>.
        ~ Calc.Tests.UnitTest2 > IsSkipped | no network
        + Calc.Tests.UnitTest2 > Rows (Data Row 0)
        - Calc.Tests.UnitTest2 > Rows (Data Row 1) | System.TimeoutException: gave up""",
    ("made/go-fails.json", Format.GO_JSON): """
        ! example.com/m/broken | broken/broken.go:3:6: undefined: nothing
        ! example.com/m/old | FAIL example.com/m/old [build failed]
        - example.com/m/subtests > TestTable/a | s_test.go:9: got 3, want 4
        + example.com/m/subtests > TestTable/b
        - example.com/m/subtests > TestAfter | s_test.go:20: not cleaned up
        + example.com/m/subtests > TestAfter/fine
        + example.com/m/panics > TestFine
        ! example.com/m/panics > TestPanics | didn't end: panic: runtime error: index out of range""",
    ("made/googletest.xml", Format.JUNIT): """
        - MathTest > Addition | Value of: add(1, 1) Actual: 3 Expected: 2
        ~ MathTest > DISABLED_Off
        ~ MathTest > Skips | test.cpp:13 no network""",
    ("made/playwright.json", Format.PLAYWRIGHT_JSON): """
        + chromium > app.spec.ts > starts
        + firefox > app.spec.ts > starts
        - chromium > app.spec.ts > login > refuses | Test timeout of 30000ms exceeded.
        ~ chromium > app.spec.ts > login > is known to fail | failed, as was expected
        ~ chromium > app.spec.ts > login > is left out
        ! outside of the tests | Error: no tests found in other.spec.ts""",
    ("made/rspec-outside.json", Format.RSPEC_JSON): """
        ! outside of the examples | An error occurred while loading ./spec/b_spec.rb. Failure/Error:""",
    ("made/surefire-rerun.xml", Format.JUNIT): """
        + com.example.FlakyTest > recovers
        - com.example.FlakyTest > stays | org.junit.ComparisonFailure: expected: 4
        ! com.example.FlakyTest > breaks | java.lang.NullPointerException""",
    ("made/swift.xml", Format.JUNIT): """
        + AppTests.MathTests > testAdds
        - AppTests.MathTests > testIsWrong""",
    ("made/tap14.tap", Format.TAP): """
        + connects > opens
        - connects > shakes hands | handshake timed out
        + in braces > inner
        + without a number
        + escaped # hash and \\ backslash
        ~ expected | todo: not done
        ~ last | skip: no network""",
    ("made/xunit-v2.xml", Format.JUNIT): """
        + directly below
        ! outer | ImportError: no module named x
        + outer > inner > a.B > twice
        - outer > inner > a.B > twice #2 | Error: boom
        + outer > inner > spec/a_spec.rb > no class""",
}


@pytest.mark.parametrize(("file", "form"), EXPECTED, ids=lambda value: str(value))
def test_cases(file: str, form: Format) -> None:
    report = read_report(form, [(RECORDED / file).read_bytes()])
    assert report.problem == ""
    lines = [line.strip() for line in EXPECTED[file, form].strip().splitlines()]
    assert len(report.cases) == len(lines)
    for case, line in zip(report.cases, lines, strict=True):
        start, _, message = line.partition(" | ")
        assert (case.status, case.name) == (SIGNS[start[0]], start[2:])
        assert case.message.startswith(message)
        assert bool(case.message) == bool(message)


def test_every_file_is_read() -> None:
    files = {f"{file.parent.name}/{file.name}" for file in RECORDED.glob("m*/*")}
    assert files == {file for file, _ in EXPECTED} | {
        "more/README.md",
        "made/README.md",
        "made/dotnet-aborted.trx",
    }


def test_a_test_host_that_crashes_leaves_a_report_with_a_problem() -> None:
    report = read_report(Format.TRX, [(RECORDED / "made/dotnet-aborted.trx").read_bytes()])
    assert len(report.cases) == 1
    assert report.problem == (
        "says that the run was broken off: "
        "The active test run was aborted. Reason: Test host process crashed"
    )


def test_seconds() -> None:
    seconds = {
        file: [case.seconds for case in read_report(form, [(RECORDED / file).read_bytes()]).cases]
        for file, form in EXPECTED
    }
    assert seconds["made/surefire-rerun.xml"] == [0.1, 1000.25, 0]
    assert seconds["made/xunit-v2.xml"] == [None] * 5  # NaN, for one
    assert seconds["made/dotnet.trx"] == [0.0123, 62.5, None, 0.001, 0.001]
    assert seconds["made/playwright.json"] == [0.21, 0.3, 30.01, 0.003, 0, None]
    assert seconds["made/go-fails.json"][2] == 0.01
    assert seconds["more/node-test.tap"][0] == 0.000655
    assert seconds["more/mocha.json"][3] == 0.031
    assert seconds["made/tap14.tap"][2] == 0.0025

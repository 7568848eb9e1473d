"""A check of a candidate against the root's runs of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from runner.measure.checks import (
    CheckRun,
    Flaky,
    RootCheck,
    check_run,
    flaky_words,
    forgiven,
    judge_check,
    learn,
)
from runner.measure.reports import MISSING, Report, Status, TestCase


def case(name: str, status: Status = Status.PASSED, message: str = "") -> TestCase:
    return TestCase(name, status, message)


def bad(name: str, message: str = "AssertionError: assert 3 == 4") -> TestCase:
    return case(name, Status.FAILED, message)


def skipped(name: str) -> TestCase:
    return case(name, Status.SKIPPED)


def run(*cases: TestCase, code: int = 0, said: str = "", log: int | None = None) -> CheckRun:
    """A run with a report."""
    return check_run(code, said, log, Report(cases))


def bare(code: int = 0, said: str = "", ran: int | None = None) -> CheckRun:
    """A run without a report."""
    return check_run(code, said, ran, None)


def known(*runs: CheckRun) -> RootCheck:
    root = learn("unit", runs)
    assert isinstance(root, RootCheck)
    return root


A, B, C = case("a"), case("b"), case("c")
ROOT = known(run(A, B, C), run(A, B, C))
FLAKY = known(run(A, B, C), run(A, bad("b", "TimeoutError: after 31 ms"), C, code=1), run(A, B, C))
BARE = known(bare(ran=3), bare(ran=3))


class TestTheRoot:
    def test_what_it_ran(self) -> None:
        assert RootCheck("unit", 2, 3, ("a", "b", "c"), (), (), True, True) == ROOT
        assert RootCheck("unit", 2, 3, (), (), (), False, True) == BARE
        assert known(bare(), bare()).tests_run is None

    def test_tests_that_are_not_there_in_each_run_need_not_be(self) -> None:
        root = known(run(A, B, case("random 17")), run(A, B, case("random 4"), C))
        assert root.names == ("a", "b")
        assert root.tests_run == 3
        assert not judge_check(root, run(A, B, case("random 99")))
        assert judge_check(root, run(A, C, case("random 99"))) == (
            "check unit ran 3 tests, the root's 3: b missing"
        )

    def test_it_tells_no_number_if_one_of_its_runs_tells_none(self) -> None:
        assert known(bare(ran=3), bare()).tests_run is None

    def test_flaky_tests(self) -> None:
        assert FLAKY.flaky == (Flaky("b", 1, ("TimeoutError: after <duration>",)),)
        assert FLAKY.codes == (1,)
        assert FLAKY.names == ("a", "b", "c")
        assert flaky_words(FLAKY) == (
            "check unit is flaky at the root: b failed 1 of 3 times: TimeoutError: after <duration>"
        )
        assert not flaky_words(ROOT)

    def test_flaky_as_a_whole(self) -> None:
        root = known(bare(), bare(2, "Error: port 8080 is in use"))
        assert root.flaky == (Flaky("", 1, ("exit code 2: Error: port 8080 is in use",)),)
        assert "the check as a whole failed 1 of 2 times: exit code 2" in flaky_words(root)

    def test_many_flaky_tests_are_told_in_short(self) -> None:
        names = [f"{number:03} {'x' * 500}" for number in range(50)]
        root = known(run(A), run(A, *(bad(name, "y" * 500) for name in names), code=1))
        assert len(flaky_words(root)) < 1200
        assert flaky_words(root).endswith("and 47 tests more")

    @pytest.mark.parametrize(
        ("runs", "reason"),
        [
            ([bare(1, "boom"), bare(2, "bang")], "passes in none of 2 runs of the untouched target: the last exited with 2: bang"),
            ([run(A, bad("b"), code=1)] * 3, "passes in none of 3 runs of the untouched target: b failed in each"),
            ([run(bad("a"), B, code=1), run(A, bad("b"), code=1, said="x")], "passes in none of 2 runs of the untouched target: the last exited with 1: x"),
            ([bare(ran=0)], "ran no test"),
            ([run(A), run()], "ran no test"),
            ([run(skipped("a"))], "ran no test"),
            ([run(A, bad("b"))], "exited with 0, though its report says that b failed"),
            ([check_run(0, "", 3, MISSING)], "exited with 0, and its report was not written"),
            ([check_run(0, "", 3, Report((A,), "ends in the middle"))], "exited with 0, and its report ends in the middle"),
        ],
    )  # fmt: skip
    def test_it_fails(self, runs: list[CheckRun], reason: str) -> None:
        assert learn("unit", runs) == f"check unit {reason}"

    def test_it_has_to_be_run(self) -> None:
        with pytest.raises(ValueError, match="check unit was never run at the root"):
            learn("unit", [])


class TestACandidate:
    @pytest.mark.parametrize(
        ("root", "passing"),
        [
            (ROOT, run(A, B, C)),
            (ROOT, run(C, B, A, case("new"))),
            (ROOT, run(A, B, C, skipped("new"))),
            (BARE, bare(ran=3)),
            (BARE, bare(ran=4)),
            (known(bare()), bare()),
            (known(bare()), bare(ran=2)),
            (known(run(A, skipped("b"))), run(A, skipped("b"))),
            (known(run(A, skipped("b"))), run(A)),
            (known(run(A, B), run(A, skipped("b"))), run(A, skipped("b"))),
            (FLAKY, run(A, B, C)),
            (FLAKY, run(A, bad("b", "TimeoutError: after 7 ms"), C, code=1)),
        ],
    )
    def test_passes(self, root: RootCheck, passing: CheckRun) -> None:
        assert judge_check(root, passing) == ""

    @pytest.mark.parametrize(
        ("root", "failing", "reason"),
        [
            (ROOT, run(A, bad("b"), C, code=1), "exited with 1: 1 test failed: b (AssertionError: assert 3 == 4)"),
            (ROOT, run(bad("a"), bad("b"), C, code=1), "exited with 1: 2 tests failed: a, b"),
            (ROOT, run(A, B, C, case("d", Status.ERROR), code=1), "exited with 1: 1 test failed: d"),
            (ROOT, run(A, B, C, code=3, said="coverage of 12 %"), "exited with 3, though its report says that every test passed: coverage of 12 %"),
            (ROOT, run(A, bad("b"), C), "exited with 0, though its report says that b failed"),
            (ROOT, check_run(2, "no such module", None, MISSING), "exited with 2: no such module"),
            (ROOT, check_run(0, "", 3, MISSING), "left a report that can't be relied on: it was not written"),
            (ROOT, check_run(0, "", 3, Report((A, B, C), "ends in the middle")), "left a report that can't be relied on: it ends in the middle"),
            (ROOT, run(), "ran no test"),
            (ROOT, run(skipped("a"), skipped("b"), skipped("c")), "ran no test"),
            (ROOT, run(A, B), "ran 2 tests, the root's 3: c missing"),
            (ROOT, run(A, skipped("b"), C), "ran 2 tests, the root's 3: b skipped"),
            (ROOT, run(A, skipped("b"), case("d"), case("e")), "ran 3 tests, the root's 3: b skipped, c missing"),
            (ROOT, bare(ran=3), "left no report of its tests, where the root's did"),
            (BARE, bare(1, "boom"), "exited with 1: boom"),
            (BARE, bare(ran=2), "ran 2 tests, the root's 3"),
            (BARE, bare(ran=0), "ran no test"),
            (BARE, bare(), "doesn't tell how many tests it ran, where the root's ran 3"),
            (known(bare()), bare(ran=0), "ran no test"),
        ],
    )  # fmt: skip
    def test_fails(self, root: RootCheck, failing: CheckRun, reason: str) -> None:
        assert judge_check(root, failing) == f"check unit {reason}"

    def test_many_are_told_in_short(self) -> None:
        names = [f"{number:03} {'x' * 500}" for number in range(50)]
        said = judge_check(ROOT, run(*(bad(name) for name in names), code=1, said="y" * 9999))
        assert said.startswith("check unit exited with 1: 50 tests failed: 000 xxx")
        assert said.endswith("and 47 more")
        assert len(said) < 700

    def test_a_log_that_contradicts_the_report(self) -> None:
        agreeing = known(run(A, B, log=2))
        contradictory = run(A, B, log=1)
        assert judge_check(agreeing, contradictory) == (
            "check unit told 1 test in its log, and 2 tests in its report"
        )
        assert not judge_check(known(contradictory), contradictory)  # it does so at the root, too


class TestFlakyTests:
    def test_fail_in_another_way(self) -> None:
        failing = run(A, bad("b", "KeyError: 'x'"), C, code=1)
        assert forgiven(FLAKY, failing) == frozenset()
        assert judge_check(FLAKY, failing) == (
            "check unit exited with 1: 1 test failed: b (KeyError: 'x'); "
            "b failed in a way that the root never did, flaky as it is"
        )

    def test_do_not_excuse_others(self) -> None:
        failing = run(bad("a"), bad("b", "TimeoutError: after 7 ms"), C, code=1)
        assert forgiven(FLAKY, failing) == {"b"}
        assert judge_check(FLAKY, failing) == (
            "check unit exited with 1: 1 test failed: a (AssertionError: assert 3 == 4)"
        )

    def test_do_not_excuse_another_exit_code(self) -> None:
        failing = run(A, bad("b", "TimeoutError: after 7 ms"), C, code=139, said="segfault")
        assert judge_check(FLAKY, failing) == (
            "check unit exited with 139, as the root's never did: segfault"
        )

    def test_do_not_excuse_a_run_that_stops_there(self) -> None:
        failing = run(A, bad("b", "TimeoutError: after 7 ms"), code=1)
        assert judge_check(FLAKY, failing) == "check unit ran 2 tests, the root's 3: c missing"
        cut = replace(
            run(A, bad("b", "TimeoutError: after 7 ms"), C, code=1), report_problem="is cut"
        )
        assert "left a report that can't be relied on: it is cut" in judge_check(FLAKY, cut)

    def test_may_not_be_removed(self) -> None:
        assert judge_check(FLAKY, run(A, C)) == "check unit ran 2 tests, the root's 3: b missing"

    def test_more_of_them_may_fail_at_once_where_the_exit_code_counts_them(self) -> None:
        timeout = "TimeoutError: after 1 s"
        root = known(
            run(A, B, C), run(bad("a", timeout), B, C, code=1), run(A, bad("b", timeout), C, code=1)
        )
        assert not judge_check(root, run(bad("a", timeout), bad("b", timeout), C, code=2))
        assert judge_check(root, run(bad("a", timeout), bad("b", timeout), C, code=3))

    def test_a_check_that_is_flaky_as_a_whole(self) -> None:
        root = known(bare(ran=20), bare(1, "1 failed, 19 passed in 0.31s", 20))
        assert not judge_check(root, bare(1, "1 failed, 19 passed in 4.20s", 20))
        assert judge_check(root, bare(1, "2 failed, 18 passed in 0.31s", 20)) == (
            "check unit exited with 1: 2 failed, 18 passed in 0.31s"
        )
        assert judge_check(root, bare(2, "1 failed, 19 passed in 0.31s", 20))


class TestOneExecution:
    def test_the_report_tells_the_number(self) -> None:
        assert run(A, skipped("b")).tests_run == 1
        assert run(A, log=7).tests_run == 1
        assert run(A, log=7).disagreement == "told 7 tests in its log, and 1 test in its report"
        assert not run(A, log=1).disagreement

    def test_the_log_tells_it_without_one(self) -> None:
        assert bare(ran=7).tests_run == 7
        assert check_run(0, "", 7, MISSING).tests_run == 7
        assert check_run(0, "", 7, MISSING).report_problem == "was not written"

    def test_runs_and_what_is_learnt_of_them_survive_json(self) -> None:
        for value in (run(A, bad("b"), skipped("c"), code=1, said="x"), bare(), FLAKY, ROOT):
            adapter = TypeAdapter[object](type(value))
            assert adapter.validate_json(adapter.dump_json(value)) == value

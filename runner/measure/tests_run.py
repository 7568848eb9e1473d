"""How many tests a check ran, from what test runners print at their end.

Read are pytest, unittest, Go, Cargo and nextest, Jest, Vitest, Mocha, node:test, TAP, CTest, RSpec,
Minitest, PHPUnit, Maven, .NET, ExUnit and Bats. Skipped tests didn't run, nor do those count that
are expected to fail. What several runners say in one log is added up.

A log is told by the tests themselves, too, and can be made to tell more of them than there are:
where a runner writes a report (``runner.measure.reports``), the report's number is the one to use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from runner.measure.lines import Skipped, clean_lines

_LINE_CHARS = 500

# Closing lines that list counts with their kinds, such as `4 passed, 1 failed, 2 skipped`.
_LISTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:=+ )?((?:[0-9]+ [a-z]+(?: [a-z]+)?(?:, )?)+) in [0-9.]+s(?: \([0-9:, day]+\))?(?: =+)?",  # pytest
        r"test result: (.+)",  # Cargo
        r"\s*Summary \[.+\] +[0-9]+(?:/[0-9]+)? tests? run: (.+)",  # nextest
        r"Tests: +(.*[0-9] total)",  # Jest
        r"\s*Tests +(.+) \([0-9]+\)",  # Vitest
        r"\s*([0-9]+ (?:passing|failing))\b.*",  # Mocha
    )
)
_COUNT = re.compile(r"([0-9]+) ([a-z]+)")
# A test that is expected to fail judges nothing: like a skipped one, it doesn't count.
_RAN = {"passed", "failed", "error", "errors", "xpassed", "passing", "failing"}

# Closing lines that name their counts, such as `Failed: 0, Passed: 5, Skipped: 1`.
_NAMED = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:Passed|Failed)! +- (Failed: .+)",  # .NET
        r"(Tests: [0-9]+, Assertions: .+)",  # PHPUnit
        r"(?:\[\w+\] )?(Tests run: [0-9]+, Failures: [0-9]+, Errors: [0-9]+, Skipped: [0-9]+)",  # Maven
    )
)
_NAMED_COUNT = re.compile(r"([A-Za-z]+): +([0-9]+)")

# Closing lines whose first group is the number of tests, and the second that of those skipped.
_TOTALS = tuple(
    re.compile(pattern)
    for pattern in (
        r"Ran ([0-9]+) tests? in [0-9.]+s",  # unittest
        r"(?:#|ℹ) (?:pass|fail) ([0-9]+)",  # node:test
        r"[0-9]+% tests passed, [0-9]+ tests? failed out of ([0-9]+)",  # CTest
        r"([0-9]+) examples?, [0-9]+ failures?(?:, ([0-9]+) pending)?.*",  # RSpec
        r"([0-9]+) runs, [0-9]+ assertions, [0-9]+ failures, [0-9]+ errors, ([0-9]+) skips",  # Minitest
        r"OK \(([0-9]+) tests?, [0-9]+ assertions?\)",  # PHPUnit
        r"([0-9]+) tests?, [0-9]+ failures?(?:, ([0-9]+) (?:skipped|excluded))?.*",  # ExUnit, Bats
    )
)
# Lines that take something away from a total printed elsewhere.
_UNITTEST = re.compile(r"(?:OK|FAILED) \(((?:[a-z ]+=[0-9]+(?:, )?)+)\)")
_UNITTEST_SKIPPED = re.compile(r"\b(?:skipped|expected failures)=([0-9]+)")
# The total leaves out the disabled ones, which it says weren't run, too.
_CTEST_SKIPPED = re.compile(
    r" *[0-9]+/[0-9]+ Test +#[^*]*\*\*\*(?:Skipped|Not Run(?! \(Disabled\))).*"
)
_GO_RESULT = re.compile(r"\s*--- (?:PASS|FAIL): .*")
_GO_PACKAGE = re.compile(r"ok  ?\t\S+\t(?!.*\[no tests to run\]).*")
_TAP_RESULT = re.compile(r"(?:ok [0-9]+(?!.*# (?i:skip))|not ok [0-9]+(?!.*# (?i:skip|todo)))\b.*")
_NONE = re.compile(
    r"(?:=+ )?no tests ran in .*"  # pytest
    r"|NO TESTS RAN"  # unittest
    r"|(?:ok|\?) +\t.*\[no test(?:s to run| files)\]"  # Go
    r"|No test files found.*"  # Vitest
    r"|No tests found.*"  # Jest
    r"|No tests were found!!!"  # CTest
    r"|No tests executed!"  # PHPUnit
    r"|1\.\.0(?: .*)?"  # TAP
    r"|0 failures|There are no tests to run"  # ExUnit
)


class _Tally:
    def __init__(self) -> None:
        self.ran = 0
        self.tap = 0
        self.said = False  # a runner's closing line was seen
        self.uncounted = False  # a runner says that tests ran, and not how many

    def add(self, text: str) -> None:
        if (ran := _ran(text)) is not None:
            self.said = True
            self.ran += ran
        elif _NONE.fullmatch(text):
            self.said = True
        elif _GO_PACKAGE.fullmatch(text):
            self.uncounted = True
        elif _TAP_RESULT.fullmatch(text):
            self.tap += 1
        self.ran -= _skipped(text)


def tests_run(lines: Iterable[bytes]) -> int | None:
    """The number of tests that ran, or ``None`` if the output of the check doesn't say."""
    tally = _Tally()
    for _, text in clean_lines(lines, Skipped()):
        if len(text) <= _LINE_CHARS:
            tally.add(text)
    ran = max(tally.ran, 0) or tally.tap
    if ran:
        return ran
    return 0 if tally.said and not tally.uncounted else None


def _ran(text: str) -> int | None:
    """What a closing line says of the number of tests run; ``None`` if it is no such line."""
    if _GO_RESULT.fullmatch(text):
        return 1
    for pattern in _LISTS:
        if match := pattern.fullmatch(text):
            counts = _COUNT.findall(match[1])
            return sum(int(count) for count, kind in counts if kind in _RAN)
    for pattern in _NAMED:
        if match := pattern.fullmatch(text):
            named = {name: int(count) for name, count in _NAMED_COUNT.findall(match[1])}
            if "Passed" in named:
                return named["Passed"] + named.get("Failed", 0)
            return named.get("Tests", named.get("run", 0)) - named.get("Skipped", 0)
    for pattern in _TOTALS:
        if match := pattern.fullmatch(text):
            total, *skipped = (int(group or 0) for group in match.groups())
            return total - sum(skipped)
    return None


def _skipped(text: str) -> int:
    """How many tests a line that isn't a total takes away from one."""
    if _CTEST_SKIPPED.fullmatch(text):
        return 1
    if match := _UNITTEST.fullmatch(text):
        return sum(int(count) for count in _UNITTEST_SKIPPED.findall(match[1]))
    return 0

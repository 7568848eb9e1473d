"""What ``cargo test`` prints: libtest's lines, ``test a::b ... ok``, for one binary after another.

https://doc.rust-lang.org/rustc/tests/index.html. Names of tests are unique within a binary alone,
and which binary runs is told on the other stream, in no certain order: a name that is there again
is counted, ``a::b #2``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from runner.measure.reports.cases import MAX_CASES, Cases, Status, TooLarge, Unreadable
from runner.measure.reports.lines import report_lines
from runner.measure.reports.text import READ_CHARS, essence

_BEGINS = re.compile(r"running [0-9]{1,9} tests?")
# `test a::b - should panic ... ok`; a documentation test is `src/lib.rs - a::b (line 3)`. With a
# time: `ok <0.01s>`.
_TEST = re.compile(
    r"test (.{1,2000}?)(?: - should panic)? \.\.\. (?:(ok|FAILED)|(ignored)(?:, (.*))?)"
    r"(?: <([0-9.]{1,20})s>)?"
)
_HEADING = re.compile(r"---- (.{1,2000}) stdout ----")
_ENDS = re.compile(
    r"test result: (?:ok|FAILED)\. ([0-9]{1,9}) passed; ([0-9]{1,9}) failed; ([0-9]{1,9}) ignored; .*"
)
_STATUSES = {"ok": Status.PASSED, "FAILED": Status.FAILED, "ignored": Status.SKIPPED}
_LINE = re.compile(r" \(line ([0-9]{1,9})\)")
_LISTED = re.compile(r"failures:|note: run with .*|stack backtrace:")


@dataclass(slots=True)
class _Binary:
    """The tests of one binary as far as they were told: name, status, message, seconds."""

    tests: list[tuple[str, Status, str, float | None]] = field(default_factory=list)
    output: dict[str, list[str]] = field(default_factory=dict)  # of the failed ones
    section: list[str] | None = None
    chars: int = 0


def read_cargo(chunks: Iterable[bytes], cases: Cases) -> None:
    """Collect the tests. Raises ``Unreadable`` (``cases`` keeps what came before)."""
    binary: _Binary | None = None
    binaries = 0
    try:
        for line in report_lines(chunks):
            if _BEGINS.fullmatch(line):
                if binary:
                    raise Unreadable("has a test binary that never ended")
                binary, binaries = _Binary(), binaries + 1
            elif binary and (match := _ENDS.fullmatch(line)):
                ended, binary = binary, None
                _close(ended, [int(group) for group in match.groups()], cases)
            elif binary:
                _read_line(binary, line)
    finally:
        if binary:
            _add(binary, cases)
    if binary:
        raise Unreadable("ends in the middle: a test binary never ended")
    if not binaries:
        raise Unreadable("has no output of Rust's tests in it, or is empty")


def _read_line(binary: _Binary, line: str) -> None:
    if match := _TEST.fullmatch(line):
        if len(binary.tests) >= MAX_CASES:
            raise TooLarge(f"has more than {MAX_CASES:,} tests")
        status = _STATUSES[match[2] or match[3]]
        binary.tests.append((match[1], status, match[4] or "", _seconds(match[5])))
    elif match := _HEADING.fullmatch(line):
        binary.section = binary.output.setdefault(match[1], [])
    elif _LISTED.fullmatch(line):
        binary.section = None
    elif binary.section is not None and len(binary.section) < 40 and binary.chars < 1 << 20:
        binary.section.append(line[:READ_CHARS])
        binary.chars += len(line)


def _close(binary: _Binary, totals: list[int], cases: Cases) -> None:
    """Add the tests of a binary that ended, and compare them with its totals."""
    _add(binary, cases)
    told = [sum(test[1] is status for test in binary.tests) for status in _STATUSES.values()]
    if told != totals:
        raise Unreadable(
            "has totals that differ from the tests it tells by name (passed, failed, ignored): "
            f"{totals}, and {told}"
        )


def _add(binary: _Binary, cases: Cases) -> None:
    # They are told in the order in which they ended; that of equal names must be the same always.
    for name, status, message, seconds in sorted(binary.tests, key=_place):
        if status.bad:
            message = essence("", "\n".join(binary.output.get(name, ())))
        # The line of a documentation test moves with each change to the source above it.
        cases.add((_LINE.sub("", name),), status, message, seconds)


def _place(test: tuple[str, Status, str, float | None]) -> tuple[str, int]:
    line = _LINE.search(test[0])
    return _LINE.sub("", test[0]), int(line[1]) if line else 0


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None

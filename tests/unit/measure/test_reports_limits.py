"""Reports larger than anyone would write: memory and time don't follow their size."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator

import pytest

from runner.measure.reports import Format, Report, read_report
from runner.measure.reports.cases import MAX_CASES, MAX_INPUT_BYTES

MIB = 1 << 20


def stream(head: bytes, unit: bytes, size: int, tail: bytes = b"") -> Iterator[bytes]:
    yield head
    block = unit * (max(1, 65536 // len(unit)))
    for _ in range(size // len(block)):
        yield block
    yield tail


def peak_bytes(form: Format, chunks: Iterable[bytes]) -> tuple[Report, int]:
    tracemalloc.start()
    try:
        report = read_report(form, chunks)
        return report, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


FAILED = b'<testcase name="a"><failure message="m">' + b"a line of a trace\n" * 3000
WHOLE = [
    (Format.JUNIT, b"<testsuite>", FAILED + b"</failure></testcase>", b"</testsuite>"),
    (Format.JUNIT, b"<testsuite><system-out>", b"all that was printed\n", b"</system-out></testsuite>"),
    (Format.JUNIT, b"<testsuite>", b'<property name="a" value="' + b"b" * 5000 + b'"/>', b"</testsuite>"),
    (Format.TAP, b"1..1\nnot ok 1 - a\n  ---\n", b"  - and so on and on and on and on and on and on\n", b"  ...\n"),
    (Format.TAP, b"1..1\nnot ok 1 - a\n", b"# " + b"x" * 500 + b"\n", b""),
    (Format.TAP, b"1..1\nok 1 - ", b"x" * 1000, b"\n"),
    (Format.JEST_JSON, b'{"coverageMap":{"a":[', b'{"start":{"line":1,"text":"[{"}},' * 50, b'1]},"testResults":[]}'),
    (Format.JEST_JSON, b'{"testResults":[{"name":"f","console":[', b'{"message":"' + b"\\u00e9" * 5000 + b'"},', b'1]}]}'),
    (Format.JEST_JSON, b'{"testResults":[{"name":"', b"\\n" * 1000, b'"}]}'),
    (Format.GO_JSON, b"", b'{"Action":"output","Package":"p","Output":"' + b"x" * 4000 + b'\\n"}\n', b'{"Action":"pass","Package":"p"}\n'),
    (Format.CARGO_TEXT, b"running 1 test\ntest a ... FAILED\n---- a stdout ----\n", b"printed, and printed, and printed, and printed\n", b"test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured\n"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "head", "unit", "tail"), WHOLE, ids=range(len(WHOLE)))
def test_memory_is_for_what_is_kept(form: Format, head: bytes, unit: bytes, tail: bytes) -> None:
    report, peak = peak_bytes(form, stream(head, unit, 4 * MIB, tail))
    assert not report.problem
    assert peak < 2 * MIB


def test_a_large_report_costs_what_its_tests_do() -> None:
    """200 MiB take 15 MiB; here, a tenth of the bytes."""
    case = b'<testcase classname="tests.test_a.TestB" name="test_c[%06d]"><failure message="x"/>%s</testcase>'
    printed = b"<system-out>" + b"a line that was printed\n" * 60 + b"</system-out>"

    def chunks() -> Iterator[bytes]:
        yield b"<testsuites><testsuite>"
        for number in range(12_000):
            yield case % (number, printed)
        yield b"</testsuite></testsuites>"

    report, peak = peak_bytes(Format.JUNIT, chunks())
    assert not report.problem
    assert len({each.name for each in report.cases}) == 12_000
    assert peak < 8 * MIB


LIMITED = [
    (Format.JUNIT, b"<testsuite>", b"<testcase name='a'/>", "has more than 100,000 tests"),
    (Format.JUNIT, b"", b"<testsuite/>", "has more than 10,000 documents in a row"),
    (Format.JUNIT, b"<testsuite a='", b"x", "has a tag of more than 4 MiB"),
    (Format.JUNIT, b"<testsuite ", b"a='b' ", "has a tag of more than 4 MiB"),
    (Format.JUNIT, b"<testsuite><!-- ", b"x", "has a tag of more than 4 MiB"),
    (Format.JUNIT, b"<testsuite>", b"<testcase name='" + b"x" * 400 + b"'/>", "has names and messages of more than 16,777,216 characters"),
    (Format.TAP, b"", b"ok\n", "has more than 100,000 tests"),
    (Format.TAP, b"", b"    ok\n", "has more than 100,000 tests"),
    (Format.TAP, b"", b"\n", "has more than 1,000,000 lines"),
    (Format.TRX, b"<TestRun>", b"<UnitTestResult testName='a'/>", "has more than 100,000 tests"),
    (Format.CARGO_TEXT, b"running 3 tests\n", b"test a ... ok\n", "has more than 100,000 tests"),
    (Format.JEST_JSON, b'{"testResults":[{"assertionResults":[', b'{"title":"a","status":"passed"},', "has an entry of more than 16 Mi characters"),
    (Format.MOCHA_JSON, b'{"passes":[', b'{"fullTitle":"a"},', "has more than 100,000 tests"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "head", "unit", "problem"), LIMITED, ids=range(len(LIMITED)))
def test_limits(form: Format, head: bytes, unit: bytes, problem: str) -> None:
    report = read_report(form, stream(head, unit, 48 * MIB))
    assert report.truncated
    assert report.problem == f"{problem}; the rest was not read"
    assert len(report.cases) <= MAX_CASES


def test_no_more_is_read_than_may_be() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield b"<testsuite><testcase name='a'/><system-out>"
        while True:
            taken += MIB
            yield b"x" * MIB

    report = read_report(Format.JUNIT, endless())
    assert report.truncated
    assert report.problem == "has more than 64 MiB; the rest was not read"
    assert [case.name for case in report.cases] == ["a"]
    assert taken <= MAX_INPUT_BYTES + MIB


def test_a_single_chunk_may_be_of_any_size() -> None:
    report = read_report(Format.JUNIT, [b"<testsuite>" + b" " * (70 * MIB)])
    assert report.problem == "has more than 64 MiB; the rest was not read"

"""Whatever bytes a report consists of, reading it raises nothing and keeps within its bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.measure.reports import Format, Report, read_report
from runner.measure.reports.cases import MAX_MESSAGE_CHARS, MAX_NAME_CHARS

RECORDED = Path(__file__).parent / "recorded"
SEEDS = {
    Format.JUNIT: ("more/node-test.xml", "more/pytest.xml", "made/xunit-v2.xml"),
    Format.TAP: ("more/node-test.tap", "more/mocha.tap", "made/tap14.tap"),
    Format.GO_JSON: ("made/go-fails.json",),
    Format.JEST_JSON: ("more/jest.json", "more/vitest.json"),
    Format.MOCHA_JSON: ("more/mocha.json",),
    Format.RSPEC_JSON: ("made/rspec-outside.json", "real-rspec/failing.json"),
    Format.PLAYWRIGHT_JSON: ("made/playwright.json",),
    Format.TRX: ("made/dotnet.trx",),
    Format.CARGO_TEXT: ("more/cargo.txt",),
}
TEXTS = {form: [(RECORDED / name).read_bytes() for name in names] for form, names in SEEDS.items()}
# What has a meaning in one of the formats, or none in any.
SPLINTERS = (
    *(b"<", b">", b"&", b"]]>", b"<!DOCTYPE x [", b'<!ENTITY a "b">', b"&a;", b"<?xml ", b"<!--"),
    *(
        b"<testsuite>",
        b"</testsuite>",
        b"<testcase>",
        b"<failure>",
        b"&#0;",
        b"&#x1b;",
        b"\xff\xfe",
    ),
    *(b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\\ud800", b"NaN", b"1e999", b"null"),
    *(
        b"\n",
        b"    ",
        b"ok 1\n",
        b"1..3\n",
        b"  ---\n",
        b"  ...\n",
        b"Bail out!\n",
        b"TAP version 13\n",
    ),
    *(
        b"\0",
        b"\x1b[31m",
        b"\r",
        b"\xc3",
        b"\xed\xa0\x80",
        b"# SKIP",
        b"test a ... ok\n",
        b"9" * 30,
    ),
)


def sound(report: Report) -> bool:
    names = [case.name for case in report.cases]
    assert len(set(names)) == len(names)
    for case in report.cases:
        assert 0 < len(case.name) <= MAX_NAME_CHARS + 8
        assert len(case.message) <= MAX_MESSAGE_CHARS
        assert (case.name + case.message).isprintable()
        assert case.seconds is None or case.seconds >= 0
    assert len(report.problem) <= 400
    return True


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[begin : begin + size] for begin in range(0, len(data), size)]


@pytest.mark.parametrize("form", Format)
@settings(max_examples=60, deadline=None)
@given(data=st.lists(st.binary(max_size=30) | st.sampled_from(SPLINTERS), max_size=30))
def test_any_bytes(form: Format, data: list[bytes]) -> None:
    assert sound(read_report(form, data))


@st.composite
def mutated(draw: st.DrawFn, form: Format) -> bytes:
    data = draw(st.sampled_from(TEXTS[form]))
    for _ in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.integers(0, 40)))
        data = data[:begin] + draw(st.sampled_from(SPLINTERS) | st.binary(max_size=8)) + data[end:]
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


@pytest.mark.parametrize("form", Format)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_mutations_in_pieces_of_any_size(form: Format, data: st.DataObject) -> None:
    report = data.draw(mutated(form))
    whole = read_report(form, [report])
    assert sound(whole)
    size = data.draw(st.integers(1, 300))
    in_pieces = read_report(form, pieces(report, size))
    assert in_pieces.cases == whole.cases
    assert bool(in_pieces.problem) == bool(whole.problem)


@pytest.mark.parametrize("form", Format)
def test_a_report_cut_anywhere_is_never_whole(form: Format) -> None:
    """But where it is as good as whole; and between the packages of Go and the binaries of Cargo,
    which don't tell how many there are."""
    one_by_one = form in (Format.GO_JSON, Format.CARGO_TEXT)
    for report in TEXTS[form]:
        full = read_report(form, [report])
        assert not full.problem
        for end in range(0, len(report.rstrip()), 97):
            cut = read_report(form, [report[:end]])
            assert cut.problem or cut.cases == full.cases[: len(cut.cases) if one_by_one else None]

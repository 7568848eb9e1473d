"""The reader of all formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import assert_never

from runner.measure.reports.cargo import read_cargo
from runner.measure.reports.cases import (
    MAX_INPUT_BYTES,
    Cases,
    Format,
    Report,
    TooLarge,
    Unreadable,
    clipped,
)
from runner.measure.reports.golang import read_go
from runner.measure.reports.jest import read_jest
from runner.measure.reports.junit import read_junit
from runner.measure.reports.mocha import read_mocha
from runner.measure.reports.playwright import read_playwright
from runner.measure.reports.rspec import read_rspec
from runner.measure.reports.tap import read_tap
from runner.measure.reports.text import clean
from runner.measure.reports.trx import read_trx

_PROBLEM_CHARS = 300
_PIECE_BYTES = 64 << 10


def read_report(form: Format, chunks: Iterable[bytes]) -> Report:
    """Read a report from its bytes, as they come; several reports in a row are one.

    Nothing in the input raises: what is wrong with it is the report's ``problem``. At most 64 MiB
    and 100,000 tests are read. Memory doesn't depend on the input's size, but on what is kept.
    """
    cases = Cases()
    try:
        _reader(form)(_bounded(chunks), cases)
    except TooLarge as error:
        return Report(cases.found, f"{_told(error)}; the rest was not read", truncated=True)
    except Unreadable as error:
        return Report(cases.found, _told(error))
    return Report(cases.found)


def _told(error: Unreadable) -> str:
    """What an error says, some of which may be taken from the report."""
    return clipped(clean(str(error)), _PROBLEM_CHARS)


def _reader(form: Format) -> Callable[[Iterable[bytes], Cases], None]:
    match form:
        case Format.JUNIT:
            return read_junit
        case Format.TAP:
            return read_tap
        case Format.GO_JSON:
            return read_go
        case Format.JEST_JSON:
            return read_jest
        case Format.MOCHA_JSON:
            return read_mocha
        case Format.RSPEC_JSON:
            return read_rspec
        case Format.PLAYWRIGHT_JSON:
            return read_playwright
        case Format.TRX:
            return read_trx
        case Format.CARGO_TEXT:
            return read_cargo
        case _:
            assert_never(form)


def _bounded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces of a size that is good to work with, up to the limit."""
    size = 0
    for chunk in chunks:
        for begin in range(0, len(chunk), _PIECE_BYTES):
            piece = chunk[begin : begin + _PIECE_BYTES]
            size += len(piece)
            if size > MAX_INPUT_BYTES:
                raise TooLarge(f"has more than {MAX_INPUT_BYTES >> 20} MiB")
            yield piece

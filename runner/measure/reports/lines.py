"""Bytes as lines of bounded length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runner.measure.lines import MAX_LINE_BYTES, MAX_LINES, Skipped, clean_lines
from runner.measure.reports.cases import TooLarge


def report_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines of a report, clean; of one that is too long, its beginning.

    Raises ``TooLarge`` if there are more of them than are read.
    """
    skipped = Skipped()
    for _, text in clean_lines(_split(chunks), skipped):
        yield text
    if skipped.cut:
        raise TooLarge(f"has more than {MAX_LINES:,} lines")


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        rest += first[: MAX_LINE_BYTES - len(rest)]
        for other in others:
            yield rest
            rest = other[:MAX_LINE_BYTES]
    if rest:
        yield rest

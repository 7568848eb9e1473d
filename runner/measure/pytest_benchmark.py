"""What pytest-benchmark prints: its table, and the file of ``--benchmark-json``.

A test's metric is its median, under the test's name (``test_x``, ``test_x[param]``); other
statistics are ``test_x:min``, ``:max``, ``:mean``, ``:stddev``. In JSON, the full name
(``tests/test_a.py::test_x``) works as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runner.measure.formats import Sighting, json_sighting, parse_json, text_sighting

MAX_DOCUMENT_CHARS = 4 << 20
_STATISTICS = ("median", "min", "max", "mean", "stddev")
_HEADER = re.compile(r"Name \(time in ([^ )]+)\)[ \t]+(.+)")
_BRACKETS = re.compile(r"[ \t]\([^()]*\)")


class BenchmarkTable:
    """Reads the table line by line."""

    def __init__(self) -> None:
        self._unit = ""
        self._columns: list[str] = []
        self._rules = 0

    def feed(self, text: str) -> Iterator[Sighting]:
        """The metrics of a line, if it is a row of a table."""
        header = _HEADER.fullmatch(text)
        if header:
            self._unit = header[1]
            self._columns = _BRACKETS.sub("", " " + header[2]).lower().split()
            self._rules = 0
        elif not self._columns:
            return
        elif text.startswith("---"):
            self._rules += 1
            if self._rules == 2:
                self._columns = []
        else:
            yield from self._row(text)

    def _row(self, text: str) -> Iterator[Sighting]:
        # A value may be followed by its ratio to the best, and a name by a run's, in brackets.
        name, *values = _BRACKETS.sub("", text).split() or [""]
        if len(values) != len(self._columns):
            return
        for statistic, value in zip(self._columns, values, strict=True):
            if statistic in _STATISTICS:
                for full in _names(name, statistic):
                    yield text_sighting(full, value.replace(",", ""), self._unit)


class BenchmarkDocument:
    """Collects a JSON document that is spread over lines: from a ``{`` to a ``}``, each of which
    is alone on its line and not indented. ``dropped`` turns true once one was too long."""

    def __init__(self) -> None:
        self._lines: list[str] | None = None
        self._chars = 0
        self.dropped = False

    def feed(self, text: str) -> Iterator[Sighting]:
        """The metrics of the document that this line ends, or is."""
        if text == "{":
            self._lines, self._chars = [text], 0
        elif text.startswith('{"') and text.endswith("}"):
            yield from _document(text)
        elif self._lines is not None:
            self._lines.append(text)
            self._chars += len(text) + 1
            if self._chars > MAX_DOCUMENT_CHARS:
                self._lines, self.dropped = None, True
            elif text == "}":
                whole, self._lines = "\n".join(self._lines), None
                yield from _document(whole)


def _document(text: str) -> Iterator[Sighting]:
    if '"benchmarks"' not in text:
        return
    benchmarks = _object(parse_json(text)).get("benchmarks")
    for item in benchmarks if isinstance(benchmarks, list) else []:
        benchmark = _object(item)
        statistics = _object(benchmark.get("stats"))
        tests = {name for name in map(benchmark.get, ("name", "fullname")) if isinstance(name, str)}
        for statistic in statistics.keys() & set(_STATISTICS):
            for full in (full for test in tests for full in _names(test, statistic)):
                yield json_sighting(full, statistics[statistic], "s")


def _names(test: str, statistic: str) -> tuple[str, ...]:
    """What a test's statistic is called as a metric."""
    full = f"{test}:{statistic}"
    return (test, full) if statistic == "median" else (full,)


def _object(value: Any) -> dict[str, Any]:
    """A JSON object as a dict; anything else as an empty one."""
    return dict(value) if isinstance(value, tuple) else {}

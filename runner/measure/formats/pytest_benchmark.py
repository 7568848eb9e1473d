"""What pytest-benchmark prints: its table, and the file of ``--benchmark-json``.

A test's metric is its median, under the test's name (``test_x``, ``test_x[param]``); other
statistics are ``test_x:min``, ``:max``, ``:mean``, ``:stddev``. In JSON, the full name
(``tests/test_a.py::test_x``) works as well. The JSON has the samples.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runner.measure.formats.json_values import as_list, as_object, as_objects, as_text
from runner.measure.formats.sighting import (
    Rank,
    Sighting,
    json_number,
    statistics_of,
    text_number,
)

_STATISTICS = ("median", "min", "max", "mean", "stddev")
_HEADER = re.compile(r"Name \(time in ([^ )]+)\)[ \t]+(.+)")
_BRACKETS = re.compile(r"[ \t]\([^()]*\)")


class PytestBenchmarkTable:
    """Reads the table, from its head to its second rule."""

    tool = "pytest-benchmark"
    first = "N"
    mark = ""

    def __init__(self) -> None:
        self._unit = ""
        self._columns: list[str] = []
        self._rules = 0

    @property
    def open(self) -> bool:
        return bool(self._columns)

    def feed(self, text: str, previous: str) -> Iterator[Sighting]:
        """The metrics of a line, if it is a row of a table."""
        del previous
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
        numbers = {
            statistic: text_number(value.replace(",", ""))
            for statistic, value in zip(self._columns, values, strict=True)
            if statistic in _STATISTICS
        }
        yield from statistics_of((name,), numbers, "median", self._unit, rank=Rank.SHOWN)


def pytest_benchmark_report(fields: dict[str, Any]) -> Iterator[Sighting] | None:
    """The metrics of a ``--benchmark-json`` file."""
    tests = [test for test in as_objects(fields.get("benchmarks")) if "stats" in test]
    return (found for test in tests for found in _test(test)) if tests else None


def _test(test: dict[str, Any]) -> Iterator[Sighting]:
    names = [name for name in (as_text(test.get("name")), as_text(test.get("fullname"))) if name]
    stats = as_object(test["stats"])
    numbers = {name: json_number(stats[name]) for name in _STATISTICS if name in stats}
    yield from statistics_of(names, numbers, "median", "s", samples=as_list(stats.get("data")))

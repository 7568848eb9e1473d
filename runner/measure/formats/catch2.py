"""What Catch2 prints of its benchmarks: the console's table, and ``--reporter xml``.

A benchmark's metric is its mean, under its name; ``name:stddev`` is its standard deviation. It
has neither a median nor samples.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from runner.measure.formats.sighting import (
    Rank,
    Sighting,
    failed,
    sighting,
    statistics_of,
    text_number,
)

_MAX_NAME_LINES = 16
_MAX_ELEMENT_LINES = 32
_HEAD = re.compile(r"benchmark name +samples +iterations +(estimated|est run time|mean)")
_FIRST_ROW = re.compile(r" *[0-9]+ +[0-9]+ +([^ ]+) ([^ ]+)")
_UNITS = {"m": "min"}
_ROW = re.compile(r" +([^ ]+) ([^ ]+) +[^ ]+ [^ ]+ +[^ ]+ [^ ]+")


class Catch2Table:
    """Reads the table of a test case, from its head to the next rule.

    A benchmark has three rows: its name, which may be wrapped, with the number of samples; the
    mean; the standard deviation. Without analysis, the first one has the mean.
    """

    tool = "Catch2"
    first = "b"
    mark = ""

    def __init__(self) -> None:
        self._width = 0  # of the column of names; 0 outside a table
        self._mean_first = False
        self._rules = 0
        self._words: list[str] = []
        self._due: list[str] = []  # the statistics of the rows that follow

    @property
    def open(self) -> bool:
        return self._width > 0

    def feed(self, text: str, previous: str) -> Iterator[Sighting]:
        del previous
        head = _HEAD.fullmatch(text)
        if head:
            self._width, self._rules = text.index(" samples"), 0
            self._mean_first = head[1] == "mean"
            self._words, self._due = [], []
        elif self._width and text.startswith(("---", "===", "...")):
            self._rules += 1
            self._width = self._width if self._rules == 1 else 0
        elif self._rules == 1:
            yield from self._row(text)

    def _row(self, text: str) -> Iterator[Sighting]:
        name, rest = text[: self._width].strip(), text[self._width :]
        if name:
            if self._due:
                self._words, self._due = [], []
            yield from self._named(name, rest)
        elif self._due and (match := _ROW.fullmatch(text)):
            yield from self._statistic(self._due.pop(0), match[1], match[2])
        else:
            self._words, self._due = [], []

    def _named(self, name: str, rest: str) -> Iterator[Sighting]:
        self._words = [*self._words, name][-_MAX_NAME_LINES:]
        if match := _FIRST_ROW.fullmatch(rest):
            if self._mean_first:
                yield from self._statistic("mean", match[1], match[2])
                self._words = []
            else:
                self._due = ["mean", "stddev"]
        elif rest.lstrip().startswith("Benchmark failed"):
            yield failed(" ".join(self._words), rest.strip(), Rank.SHOWN)
            self._words = []

    def _statistic(self, statistic: str, value: str, unit: str) -> Iterator[Sighting]:
        numbers = {statistic: text_number(value)}
        name, unit = " ".join(self._words), _UNITS.get(unit, unit)
        yield from statistics_of((name,), numbers, "mean", unit, rank=Rank.SHOWN)


class Catch2Xml:
    """Reads the ``BenchmarkResults`` of an XML report. Its numbers are in ns."""

    tool = "Catch2"
    first = "<"
    mark = ""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.open = False

    def feed(self, text: str, previous: str) -> Iterator[Sighting]:
        del previous
        if text.startswith("<Catch"):  # <Catch name= in version 2, <Catch2TestRun name= in 3
            self.open = True
        if not self.open:
            return
        line = text.strip()
        if line.startswith("</Catch"):
            self.open = False
        elif line.startswith("<BenchmarkResults "):
            self._lines = [line]
        elif self._lines:
            self._lines.append(line)
            if line == "</BenchmarkResults>":
                yield from _element("\n".join(self._lines))
            if line == "</BenchmarkResults>" or len(self._lines) == _MAX_ELEMENT_LINES:
                self._lines = []


def _element(text: str) -> Iterator[Sighting]:
    # An element by itself has no document type, and so no entities that could grow.
    try:
        results = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return
    name = results.get("name", "")
    failure = results.find("failed")
    if failure is not None:
        yield failed(name, failure.get("message"))
    means, deviations = results.findall("mean"), results.findall("standardDeviation")
    if len(means) == 1:
        yield sighting(name, text_number(means[0].get("value", "")), "ns")
    if len(deviations) == 1:
        number = text_number(deviations[0].get("value", ""))
        yield sighting(f"{name}:stddev", number, "ns", aside=True)

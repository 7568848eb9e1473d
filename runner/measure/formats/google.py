"""What Google Benchmark prints: its table, its CSV, and its JSON.

A benchmark's metric is its real time, under its name (``BM_Sort/1024``); ``name:cpu`` is its CPU
time and, in CSV and JSON, ``name:items_per_second`` and so on are its counters. With repetitions,
the metric is their median, and they are its samples; ``BM_Sort/1024_mean`` and so on work as well.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from runner.measure.formats.json_values import as_objects, as_text, is_number
from runner.measure.formats.sighting import (
    Number,
    Rank,
    Sighting,
    failed,
    json_number,
    sighting,
    text_number,
)

_UNITS = ("ns", "us", "ms", "s")
_TABLE = ["Benchmark", "Time", "CPU", "Iterations"]
_CSV = ["name", "iterations", "real_time", "cpu_time", "time_unit"]
_NO_COUNTERS = {
    *("name", "label", "iterations", "real_time", "cpu_time", "time_unit"),
    *("error_occurred", "error_message", "family_index", "per_family_instance_index"),
    *("repetitions", "repetition_index", "threads"),
}


class _Rows:
    """Rows in the order in which they are printed: behind those of the repetitions come
    ``name_mean`` and then ``name_median``, which is how a median is told from a benchmark that
    happens to be called so."""

    def __init__(self, rank: Rank, summary: Rank) -> None:
        self._rank = rank
        self._summary = summary
        self._before = ""

    def row(self, name: str, fields: Iterable[tuple[str, Number, str]]) -> Iterator[Sighting]:
        """The metrics of a row: ``fields`` are a suffix to its name, a number, and a unit."""
        base = name.removesuffix("_median")
        is_median = base != name and self._before == base + "_mean"
        self._before = name
        for suffix, number, unit in fields:
            yield sighting(
                name + suffix, number, unit, rank=self._rank, aside=bool(suffix) or is_median
            )
            if is_median:
                yield sighting(base + suffix, number, unit, rank=self._summary, aside=bool(suffix))


class GoogleTable:
    """Reads the table, from its head to a blank line."""

    tool = "Google Benchmark"
    first = "B"
    mark = ""

    def __init__(self) -> None:
        self._rows = _Rows(Rank.SHOWN, Rank.SHOWN_SUMMARY)
        self.open = False

    def feed(self, text: str, previous: str) -> Iterator[Sighting]:
        del previous
        if text.startswith("Benchmark ") and text.split()[:4] == _TABLE:
            self.open = True
        elif not text:
            self.open = False
        elif self.open:
            yield from self._row(text)

    def _row(self, text: str) -> Iterator[Sighting]:
        # A name may have spaces in it: what follows it are two times and the iterations.
        words = text.split()
        for at in range(1, len(words) - 4):
            if words[at + 1] in _UNITS and words[at + 3] in _UNITS and words[at + 4].isdecimal():
                real, cpu = text_number(words[at]), text_number(words[at + 2])
                if not real.problem:
                    fields = (("", real, words[at + 1]), (":cpu", cpu, words[at + 3]))
                    yield from self._rows.row(" ".join(words[:at]), fields)
                    return
        for sign in (" ERROR OCCURRED: ", " SKIPPED: "):
            name, found, why = text.partition(sign)
            if found:
                yield failed(name.strip(), why, Rank.SHOWN)


class GoogleCsv:
    """Reads ``--benchmark_format=csv``, from its head to a blank line."""

    tool = "Google Benchmark"
    first = "n"
    mark = ""

    def __init__(self) -> None:
        self._rows = _Rows(Rank.STATED, Rank.STATED_SUMMARY)
        self._columns: list[str] = []

    @property
    def open(self) -> bool:
        return bool(self._columns)

    def feed(self, text: str, previous: str) -> Iterator[Sighting]:
        del previous
        if text.startswith("name,"):
            columns = _cells(text)
            self._columns = columns if columns[:5] == _CSV else []
        elif not text:
            self._columns = []
        elif self._columns:
            cells = _cells(text)
            if len(_CSV) <= len(cells) <= len(self._columns):  # a failed one has no counters
                yield from self._row(dict(zip(self._columns, cells, strict=False)))

    def _row(self, cells: dict[str, str]) -> Iterator[Sighting]:
        name, unit = cells["name"], cells["time_unit"]
        if cells.get("error_occurred") == "true":
            yield failed(name, cells.get("error_message"))
        # The rows of a complexity are in no unit of time, those of a variation in a wrong one.
        if unit in _UNITS and not name.endswith("_cv"):
            fields = [
                ("", text_number(cells["real_time"]), unit),
                (":cpu", text_number(cells["cpu_time"]), unit),
            ]
            fields += [
                (f":{key}", text_number(cell), "")
                for key, cell in cells.items()
                if key not in _NO_COUNTERS and cell
            ]
            yield from self._rows.row(name, fields)


def google_report(fields: dict[str, Any]) -> Iterator[Sighting] | None:
    """The metrics of ``--benchmark_format=json``."""
    rows = [row for row in as_objects(fields.get("benchmarks")) if "run_type" in row]
    return (found for row in rows for found in _entry(row)) if rows else None


def _entry(row: dict[str, Any]) -> Iterator[Sighting]:
    name = as_text(row.get("name"))
    if row.get("error_occurred") is True or row.get("skipped") is True:
        yield failed(name, row.get("error_message", row.get("skip_message")))
        return
    if "real_time" not in row:  # a complexity
        return
    is_time = row.get("aggregate_unit", "time") == "time"
    unit = as_text(row.get("time_unit")) if is_time else ""
    is_median = row.get("run_type") == "aggregate" and row.get("aggregate_name") == "median"
    numbers = [
        ("", json_number(row["real_time"]), unit),
        (":cpu", json_number(row.get("cpu_time")), unit),
    ]
    numbers += [
        (f":{key}", json_number(value), "")
        for key, value in row.items()
        if key not in _NO_COUNTERS and is_number(value)
    ]
    for suffix, number, in_unit in numbers:
        aside = bool(suffix) or row.get("run_type") == "aggregate"
        yield sighting(name + suffix, number, in_unit, aside=aside)
        if is_median:
            base = as_text(row.get("run_name")) + suffix
            yield sighting(base, number, in_unit, rank=Rank.STATED_SUMMARY, aside=bool(suffix))


def _cells(text: str) -> list[str]:
    """A line of CSV; empty if it is none."""
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error:
        return []

"""What BenchmarkDotNet prints: the table of its summary, and the file of its JSON exporters.

A benchmark's metric is named like its method and its parameters (``Sort[N=100]``); with the
class (``Sorting.Sort[N=100]``) it works as well, and so does, in JSON, the full name. In JSON it
is the median, with the samples; in the table it is the mean, since the median is a column only
of some tables. Others are ``name:mean``, ``:median``, ``:min``, ``:max``, ``:stddev`` and, with the
memory diagnoser, ``:allocated`` in bytes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from runner.measure.formats.json_values import as_list, as_object, as_objects, as_text, is_number
from runner.measure.formats.names import with_parameters
from runner.measure.formats.sighting import (
    Number,
    Rank,
    Sighting,
    json_number,
    quoted,
    sighting,
    statistics_of,
    text_number,
)

_COLUMNS = {
    "Mean": "mean",
    "Median": "median",
    "Min": "min",
    "Max": "max",
    "StdDev": "stddev",
    "Allocated": "allocated",
}
_STATISTICS = {
    "Median": "median",
    "Mean": "mean",
    "Min": "min",
    "Max": "max",
    "StandardDeviation": "stddev",
}
# Its KB are 1024 bytes.
_SIZES = {"KB": "KiB", "MB": "MiB", "GB": "GiB", "TB": "TiB"}
_VALUE = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)((?:\.[0-9]+)?) ?([^ 0-9.,]*)")


class BenchmarkDotNetTable:
    """Reads the table of a summary, as it is in the log and in GitHub's Markdown: from its head to
    the first line that is no row."""

    tool = "BenchmarkDotNet"
    first = "|"
    mark = ""

    def __init__(self) -> None:
        self._columns: list[str] = []
        self._units: list[str] = []

    @property
    def open(self) -> bool:
        return bool(self._columns)

    def feed(self, text: str, previous: str) -> Iterator[Sighting]:
        del previous
        if not text.startswith("|"):
            self._columns = []
            return
        cells = [cell.strip() for cell in text.strip("|").split("|")]
        # A head may have the units, as in "Mean [us]".
        heads = [cell.partition(" [") for cell in cells]
        columns = [head for head, _, _ in heads]
        if "Method" in columns and "Mean" in columns:
            self._columns = columns
            units = [unit.rstrip("]") for _, _, unit in heads]
            self._units = [_SIZES.get(unit, unit) for unit in units]
        elif len(cells) == len(self._columns):
            yield from self._row([_plain(cell) for cell in cells])

    def _row(self, cells: list[str]) -> Iterator[Sighting]:
        before = self._columns.index("Mean")
        labels = dict(zip(self._columns[:before], cells, strict=False))
        method, kind = labels.pop("Method", ""), labels.pop("Type", "")
        if not method or not method.strip("-: "):  # between groups, and below the head
            return
        name = with_parameters(".".join(filter(None, (kind, method))), labels)
        for column, cell, unit in zip(self._columns, cells, self._units, strict=True):
            statistic = _COLUMNS.get(column)
            if statistic and cell != "-":
                number, own = _cell(cell, unit)
                yield from statistics_of((name,), {statistic: number}, "mean", own, rank=Rank.SHOWN)


def _cell(cell: str, unit: str) -> tuple[Number, str]:
    """The number and the unit of a cell such as ``1,234.5 ns``."""
    match = _VALUE.fullmatch(cell)
    if match is None:
        return Number(problem=f"is not a finite decimal number: {quoted(cell)}"), ""
    number = text_number(match[1].replace(",", "") + match[2])
    return number, _SIZES.get(match[3], match[3]) or unit


def _plain(cell: str) -> str:
    """A cell without Markdown's escapes, the emphasis of a group's first row, a name's quotes."""
    return html.unescape(cell.strip("*")).strip("'")


def benchmarkdotnet_report(fields: dict[str, Any]) -> Iterator[Sighting] | None:
    """The metrics of a JSON exporter's file. Its numbers are in ns."""
    benchmarks = as_objects(fields.get("Benchmarks"))
    ours = [one for one in benchmarks if "Statistics" in one and as_text(one.get("Method"))]
    return (found for one in ours for found in _benchmark(one)) if ours else None


def _benchmark(benchmark: dict[str, Any]) -> Iterator[Sighting]:
    method = as_text(benchmark["Method"])
    # "N=100&Text=abc"
    pairs = (pair.partition("=") for pair in as_text(benchmark.get("Parameters")).split("&"))
    given = {key: value for key, equals, value in pairs if equals}
    title = as_text(benchmark.get("MethodTitle")).strip("'") or method
    names = [
        with_parameters(title, given),
        with_parameters(f"{as_text(benchmark.get('Type'))}.{method}", given),
    ]
    if full := as_text(benchmark.get("FullName")):
        names.append(full)
    statistics = as_object(benchmark["Statistics"])
    numbers = {
        ours: json_number(statistics[theirs])
        for theirs, ours in _STATISTICS.items()
        if theirs in statistics
    }
    if not numbers:
        numbers["median"] = Number(problem="has no statistics: the benchmark failed")
    samples = as_list(statistics.get("OriginalValues"))
    yield from statistics_of(names, numbers, "median", "ns", table="mean", samples=samples)
    allocated = as_object(benchmark.get("Memory")).get("BytesAllocatedPerOperation")
    if is_number(allocated):
        for name in dict.fromkeys(names):
            yield sighting(f"{name}:allocated", json_number(allocated), "B", aside=True)

"""What hyperfine prints: its report, and the file of ``--export-json``, of versions 1 and 2.

A command's metric is named like the command (or ``--command-name``), and is the median of its
wall times where the times are printed, which is in JSON; the report has only the mean. With
parameters, ``name[threads=4]`` works as well. Statistics are ``name:mean``, ``:median``,
``:min``, ``:max``, ``:stddev``; version 2's other metrics are ``name:time_cpu`` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runner.measure.formats.json_values import (
    as_list,
    as_object,
    as_objects,
    as_text,
    median,
)
from runner.measure.formats.names import with_parameters
from runner.measure.formats.sighting import (
    Number,
    Rank,
    Sighting,
    json_number,
    sighting,
    statistics_of,
    text_number,
)

_STATISTICS = ("median", "mean", "min", "max", "stddev")
_UNITS = {"second": "s", "byte": "B", "count": ""}
_WALL = "time_wall_clock"

# "Benchmark #1: command" until 1.11, "Benchmark 1: command", and "Benchmark 1: command (3 runs)".
_HEAD = re.compile(r"Benchmark #?[0-9]{1,9}: (.+)")
_RUNS = re.compile(r" \([0-9]{1,9} runs?\)$")
_TIME = re.compile(r"  Time \((?:mean ± σ|abs ≡)\): +([^ ]+) ([^ ]+)")
_RANGE = re.compile(r"  Range \(min … max\): +([^ ]+) ([^ ]+) … +([^ ]+) ([^ ]+)")
_ROW = re.compile(r"  (wall time|cpu time|user time|system time|memory) +([^ ]+) ([^ ]+)", re.I)
_ROWS = {
    "cpu time": "time_cpu",
    "user time": "time_user",
    "system time": "time_system",
    "memory": "memory_peak_resident",
}


class HyperfineReport:
    """Reads the report of each command, from its head to the blank line behind it."""

    tool = "hyperfine"
    first = "B"
    mark = ""

    def __init__(self) -> None:
        self._name = ""
        self._begun = False

    @property
    def open(self) -> bool:
        return bool(self._name)

    def feed(self, text: str, previous: str) -> Iterator[Sighting]:
        del previous
        head = _HEAD.fullmatch(text)
        if head:
            self._name, self._begun = head[1], False
        elif text.startswith("  ") and self._name:
            yield from self._line(text)
        elif not text and self._begun:
            self._name = ""

    def _line(self, text: str) -> Iterator[Sighting]:
        if match := _TIME.match(text):
            numbers = {"mean": text_number(match[1])}
            yield from statistics_of((self._name,), numbers, "mean", match[2], rank=Rank.SHOWN)
        elif match := _RANGE.match(text):
            for statistic, value, unit in (
                ("min", match[1], match[2]),
                ("max", match[3], match[4]),
            ):
                yield self._aside(self._name, statistic, value, unit)
        elif match := _ROW.match(text):
            name = _RUNS.sub("", self._name)
            other = _ROWS.get(match[1].lower())
            if other:
                yield self._aside(name, other, match[2], match[3])
            else:
                numbers = {"mean": text_number(match[2])}
                yield from statistics_of((name,), numbers, "mean", match[3], rank=Rank.SHOWN)
        else:
            return
        self._begun = True

    def _aside(self, name: str, what: str, value: str, unit: str) -> Sighting:
        return sighting(f"{name}:{what}", text_number(value), unit, rank=Rank.SHOWN, aside=True)


def hyperfine_export(fields: dict[str, Any]) -> Iterator[Sighting] | None:
    """The metrics of an ``--export-json`` file."""
    runs = [run for run in as_objects(fields.get("results")) if as_text(run.get("command"))]
    return (found for run in runs for found in _run(run)) if runs else None


def _run(run: dict[str, Any]) -> Iterator[Sighting]:
    command = as_text(run["command"])
    name = as_text(run.get("name")) or command
    names = (name, command, with_parameters(name, _parameters(run.get("parameters"))))
    if "measurements" in run:
        summary = as_object(run.get("summary"))
        statistics = as_object(summary.pop(_WALL, None))
        measured = [as_object(one.get(_WALL)) for one in as_objects(run["measurements"])]
        samples = [one.get("value") for one in measured]
        unit = _unit(statistics, *measured)
        for metric, other in ((key, as_object(item)) for key, item in summary.items()):
            number, shown = json_number(other.get("median")), json_number(other.get("mean"))
            yield Sighting(f"{name}:{metric}", number, _unit(other), shown, aside=True)
    else:
        statistics, samples, unit = run, as_list(run.get("times")), "s"
    found = {key: json_number(statistics[key]) for key in _STATISTICS if key in statistics}
    if samples:
        middle = median(samples)
        found["median"] = (
            Number(problem="has a sample that is no number") if middle is None else Number(middle)
        )
    main = "median" if "median" in found else "mean"
    yield from statistics_of(names, found, main, unit, table="mean", samples=samples)


def _parameters(value: Any) -> dict[str, str]:
    """``{"threads": "4"}`` in version 1, ``{"threads": {"value": "4"}}`` in version 2."""
    return {
        key: as_text(as_object(item).get("value")) or as_text(item)
        for key, item in as_object(value).items()
    }


def _unit(*values: dict[str, Any]) -> str:
    """The unit that all of them are in."""
    units = {as_text(value["unit"]) for value in values if "unit" in value}
    unit = units.pop() if len(units) == 1 else "?"
    return _UNITS.get(unit, unit)

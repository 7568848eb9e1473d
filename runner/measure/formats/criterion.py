"""What Criterion.rs prints, and the files that it and cargo-criterion write.

A benchmark's metric is named like the benchmark (``group/function/parameter``). On the console
it is the middle one of the three times. In ``cargo criterion --message-format=json`` and in the
files below ``target/criterion`` it is the median, and ``name:mean``, ``:slope`` and so on are the
other estimates; the samples are the time of an iteration. ``name:thrpt`` is the throughput.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runner.measure.formats.json_values import as_list, as_object, as_text, is_number, median
from runner.measure.formats.sighting import (
    Number,
    Rank,
    Sighting,
    json_number,
    sighting,
    statistics_of,
    text_number,
)

_ESTIMATES = ("median", "mean", "slope")
# Three numbers, each with its unit; what has changed since the last run has percentages.
_INTERVAL = re.compile(r" +\[[^ \]]+ [^ \]]+ ([^ \]]+) ([^ \]]+) [^ \]]+ [^ \]]+\]")


class CriterionConsole:
    """Reads ``name   time:   [1.2 µs 1.3 µs 1.4 µs]``, where a long name has a line of its own,
    and the line of the throughput below it."""

    tool = "Criterion"
    first = ""
    mark = "time:"

    def __init__(self) -> None:
        self._name = ""

    @property
    def open(self) -> bool:
        return bool(self._name)

    def feed(self, text: str, previous: str) -> Iterator[Sighting]:
        name, self._name = self._name, ""
        before, found, after = text.rpartition("time:")
        if not found:
            before, found, after = text.rpartition("thrpt:")
        interval = _INTERVAL.fullmatch(after)
        if not found or interval is None:
            return
        number, unit = text_number(interval[1]), interval[2]
        if found == "thrpt:":
            yield sighting(f"{name}:thrpt", number, unit, rank=Rank.SHOWN, aside=True)
            return
        # A line that is indented is the one below the name.
        self._name = before.strip() or ("" if previous.startswith(" ") else previous)
        if self._name:
            yield sighting(self._name, number, unit, rank=Rank.SHOWN)


def criterion_message(fields: dict[str, Any]) -> Iterator[Sighting] | None:
    """The metrics of a line of ``cargo criterion --message-format=json``."""
    reason = fields.get("reason")
    if reason == "benchmark-complete":
        return _message(fields)
    return iter(()) if reason == "group-complete" else None


def _message(fields: dict[str, Any]) -> Iterator[Sighting]:
    name = as_text(fields.get("id"))
    unit = as_text(fields.get("unit"))
    samples = _per_iteration(fields.get("measured_values"), fields.get("iteration_count"))
    for statistic in _ESTIMATES:
        estimate = as_object(fields.get(statistic))
        if not estimate:  # flat sampling has no slope
            continue
        number, own = json_number(estimate.get("estimate")), as_text(estimate.get("unit"))
        yield sighting(f"{name}:{statistic}", number, own, aside=True)
        if statistic == "median":
            kept = samples if own == unit else ()
            yield Sighting(name, number, own, _typical(fields), kept)


def _typical(fields: dict[str, Any]) -> Number:
    return json_number(as_object(fields.get("typical")).get("estimate"))


class CriterionFiles:
    """Reads the files of a benchmark, which are JSON on one line each: ``benchmark.json`` has its
    name, and goes before ``estimates.json`` and ``sample.json``. Their times are in ns."""

    def __init__(self) -> None:
        self._name = ""

    def benchmark(self, fields: dict[str, Any]) -> Iterator[Sighting] | None:
        """Take the name of the files that follow from ``benchmark.json``."""
        if "full_id" not in fields:
            return None
        self._name = as_text(fields["full_id"])
        return iter(())

    def estimates(self, fields: dict[str, Any]) -> Iterator[Sighting] | None:
        """The metrics of ``estimates.json``."""
        if "point_estimate" not in as_object(fields["median"]):
            return None
        numbers = {
            statistic: json_number(as_object(fields[statistic]).get("point_estimate"))
            for statistic in _ESTIMATES
            if as_object(fields.get(statistic))
        }
        names = (self._name,) if self._name else ()
        table = "slope" if "slope" in numbers else "mean"
        rank = Rank.STATED_SUMMARY
        return statistics_of(names, numbers, "median", "ns", table=table, rank=rank)

    def sample(self, fields: dict[str, Any]) -> Iterator[Sighting] | None:
        """The metric of ``sample.json``: the median of its samples, which it is about."""
        if "times" not in fields:
            return None
        samples = _per_iteration(fields["times"], fields["iters"])
        middle = median(samples)
        if not self._name or middle is None:
            return iter(())
        return iter((sighting(self._name, Number(middle), "ns", samples=samples),))


def _per_iteration(times: Any, iterations: Any) -> list[float]:
    """Each sample's time divided by its number of iterations; empty if they don't go together."""
    pairs = list(zip(as_list(times), as_list(iterations), strict=False))
    if len(as_list(times)) != len(as_list(iterations)):
        return []
    if not all(is_number(time) and is_number(count) and count > 0 for time, count in pairs):
        return []
    return [time / count for time, count in pairs]

"""A measurement as a table in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator

from runner.model import Measurement, Metric, MetricSpec
from runner.report.figures import find_metric, interval, metric_value, percent
from runner.report.markdown import code, prose, table

COLUMNS = ("metric", ">before", ">after", ">gain", "95 % interval", ">pairs")


def measured_table(measured: Measurement, objective: MetricSpec) -> Iterator[str]:
    """One row per metric, the objective first. Only the objective was compared pair by pair, and has
    a gain with an interval; what the others' values changed by is said instead."""
    names = dict.fromkeys(each.name for each in (*measured.metrics, *measured.baseline))
    ordered = sorted(names, key=lambda name: name != objective.name)
    yield from table(COLUMNS, (_row(measured, name, objective) for name in ordered))


def _row(measured: Measurement, name: str, objective: MetricSpec) -> tuple[str, ...]:
    before, after = (
        find_metric(metrics, name) for metrics in (measured.baseline, measured.metrics)
    )
    if name != objective.name:
        values = (metric_value(before), metric_value(after))
        return (code(name), *map(_shown, values), _change(before, after), "", "")
    values = (metric_value(before, objective.unit), metric_value(after, objective.unit))
    gain = f"**{percent(measured.gain)}**"
    between = f"{interval(measured.low, measured.high)} %"
    return (code(name), *map(_shown, values), gain, between, f"{measured.pairs:,}")


def _shown(value: str) -> str:
    """A value with its unit, which a benchmark has printed."""
    number, _, unit = value.partition(" ")
    return f"{number} {prose(unit)}" if unit else number


def _change(before: Metric | None, after: Metric | None) -> str:
    if before is None or after is None or before.value <= 0 or after.value <= 0:
        return ""
    return f"value {percent(math.log(after.value / before.value))}"

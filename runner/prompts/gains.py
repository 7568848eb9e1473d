"""What a measurement says, in short."""

from __future__ import annotations

import math

from runner.model import Measurement, MetricSpec
from runner.prompts.essence import Essence, digest
from runner.prompts.parts import Part, foreign, words
from runner.report.figures import (
    count,
    find_metric,
    gain_with_interval,
    metric_value,
    percent,
)


def gain_essence(found: Measurement, objective: MetricSpec, threshold: float) -> Essence:
    """Why a gain isn't enough: before and after, the interval, and what is wanted (0.02: 2 %).

    Its signature tells a loss, no difference, and too small a gain apart, for one metric.
    """
    match found:
        case Measurement(high=high) if high < 0.0:
            kind = "worse than the parent"
        case Measurement(low=low) if low <= 0.0:
            kind = "no difference to the parent could be shown"
        case _:
            kind = "better than the parent, but by too little"
    wanted = f"; at least {percent(math.log1p(threshold))} is wanted" if threshold > 0.0 else ""
    lines = [f"{kind}{wanted}", *_lines(found, objective)]
    return Essence((), (), kind, "\n".join(lines), digest(["gain", objective.name, kind]))


def measured(found: Measurement | None, objective: MetricSpec) -> Part:
    """A measurement's numbers as a part of a prompt."""
    if found is None:
        return words("It was not measured.")
    return foreign("Measured against the parent, side by side:", _lines(found, objective), 2 << 10)


def _lines(found: Measurement, objective: MetricSpec) -> list[str]:
    pairs = count(found.pairs, "pair")
    lines = [f"{objective.name}: {gain_with_interval(found)} better (95 % interval, {pairs})"]
    for metric in found.metrics:
        unit = objective.unit if metric.name == objective.name else ""
        before = metric_value(find_metric(found.baseline, metric.name), unit)
        lines.append(f"{metric.name}: {before} -> {metric_value(metric, unit)}")
    return lines

"""Verifications in words, for a terminal and for the message of a merge."""

from __future__ import annotations

from runner.model import Measurement, MetricSpec, Verified
from runner.report.figures import find_metric, gain_with_interval, metric_value
from runner.report.text import clean


def verdict_line(found: Verified, objective: MetricSpec) -> str:
    """One line: ``A.1: improved, time_us +12.0 % [+8.1, +16.0], 12 pairs``, with the reason."""
    said = f"{found.label}: {found.verdict}"
    if found.measurement is not None:
        said += f", {_numbers(found.measurement, objective)}"
    return said + (f" ({clean(found.reason, 500)})" if found.reason else "")


def merge_message(title: str, found: Verified, objective: MetricSpec) -> str:
    """The message of a merge commit: what it is, and the numbers that it was let in for."""
    lines = [title, ""]
    measured = found.measurement
    if measured is not None:
        lines += [f"{_numbers(measured, objective)}, against the branch before this merge.", ""]
        for metric in measured.metrics:
            unit = objective.unit if metric.name == objective.name else ""
            before = metric_value(find_metric(measured.baseline, metric.name), unit)
            lines.append(f"  {clean(metric.name, 60)}: {before} -> {metric_value(metric, unit)}")
        lines.append("")
    lines.append("Built in a clean room from its sources; all checks passed.")
    return "\n".join(lines) + "\n"


def _numbers(measured: Measurement, objective: MetricSpec) -> str:
    gain = gain_with_interval(measured)
    return f"{clean(objective.name, 60)} {gain} (95 % interval), {measured.pairs} pairs"

"""Reading what a benchmark printed, in tests."""

from __future__ import annotations

from pathlib import Path

from runner.measure.metrics import Reading, read_metrics
from runner.model import MetricSpec

RECORDED = Path(__file__).parent / "recorded-benchmarks"


def read(text: str | bytes, *specs: MetricSpec) -> Reading:
    data = text.encode() if isinstance(text, str) else text
    return read_metrics(data.splitlines(keepends=True), specs)


def recorded(name: str, *specs: MetricSpec) -> Reading:
    return read((RECORDED / name).read_bytes(), *specs)


def value(text: str | bytes, name: str = "m", unit: str = "") -> float:
    """The one value of a metric; fails if there is none."""
    reading = read(text, MetricSpec(name, unit=unit))
    assert reading.reason == ""
    return reading.metrics[0].value


def reason(text: str | bytes, name: str = "m", unit: str = "") -> str:
    """Why there is no value of a metric; fails if there is one."""
    reading = read(text, MetricSpec(name, unit=unit))
    assert reading.metrics == ()
    return reading.reason

from __future__ import annotations

import math

import pytest

from runner.model import Metric
from runner.report.figures import (
    clock_time,
    count,
    duration,
    factor,
    interval,
    metric_value,
    number,
    percent,
    size,
)


@pytest.mark.parametrize(
    ("gain", "shown"),
    [
        (0.0, "0.0 %"),
        (-1e-9, "0.0 %"),
        (math.log(1.2), "+20.0 %"),
        (math.log(0.9), "-10.0 %"),
        (math.log(25.0), "+2,400 %"),
        (-50.0, "-100.0 %"),
        (1e6, ">+48,516,519,441 %"),
        (math.inf, ">+48,516,519,441 %"),
        (-math.inf, "-100.0 %"),
        (math.nan, "?"),
        (None, "?"),
    ],
)
def test_gains_are_shown_as_percentages(gain: float | None, shown: str) -> None:
    assert percent(gain) == shown


def test_intervals_and_factors() -> None:
    assert interval(math.log(1.081), math.log(1.16)) == "[+8.1, +16.0]"
    assert interval(None, math.nan) == "[?, ?]"
    assert factor(math.log(5.0)) == "x5"
    assert factor(math.log(3.323)) == "x3.32"
    assert factor(math.nan) == "?"
    assert factor(1e6) == "?"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (70.1, "70.1"),
        (104.0623, "104.1"),
        (0.012345, "0.01235"),
        (41_000.0, "41,000"),
        (-12.5, "-12.5"),
        (3.2e13, "3.200e+13"),
        (1e-7, "1.000e-07"),
        (math.inf, "?"),
        (None, "?"),
    ],
)
def test_values_have_four_digits(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_a_printed_unit_wins_over_the_declared_one() -> None:
    assert metric_value(Metric("t", 70.1, "ms"), "us") == "70.1 ms"
    assert metric_value(Metric("t", 70.1), "us") == "70.1 us"
    assert metric_value(None, "us") == "?"


def test_times_and_sizes() -> None:
    assert [duration(s) for s in (0.354, 3.24, 12.9, 247, -1, math.nan)] == [
        "0.35 s", "3.2 s", "12 s", "4:07", "0 s", "?",
    ]  # fmt: skip
    assert [clock_time(s) for s in (5.9, 750, 3847, -3, None)] == [
        "0:05", "12:30", "1:04:07", "0:00", "?",
    ]  # fmt: skip
    assert [size(b) for b in (0, 512, 1536, 320 << 20, 5 << 50, None)] == [
        "0 B", "512 B", "1.5 KiB", "320 MiB", "5120 TiB", "?",
    ]  # fmt: skip
    assert [count(1, "node"), count(1200, "child", "children")] == ["1 node", "1,200 children"]

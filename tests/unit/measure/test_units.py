from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.measure.units import convert
from runner.model import Metric, MetricSpec
from tests.unit.measure.printed import read


@pytest.mark.parametrize(
    ("printed", "declared", "factor"),
    [
        *(("ns", "us", 1e-3), ("s", "us", 1e6), ("ms", "s", 1e-3), ("us", "us", 1.0)),
        *(("µs", "us", 1.0), ("μs", "ns", 1e3), ("us", "µs", 1.0), ("ps", "ns", 1e-3)),
        *(("min", "s", 60.0), ("h", "min", 60.0), ("us/op", "us", 1.0), ("ns", "us/op", 1e-3)),
        *(("MB", "kB", 1e3), ("KiB", "B", 1024.0), ("", "us", 1.0), ("ops", "ops", 1.0)),
        *(("B/op", "KiB", 1 / 1024), ("TiB", "GiB", 1024.0), ("GB/s", "MB/s", 1e3)),
        *(("ops/ms", "ops/s", 1e3), ("ops/min", "ops/h", 60.0), ("ops/us", "ops/ms", 1e3)),
    ],
)
def test_units_are_converted_into_the_declared_one(
    printed: str, declared: str, factor: float
) -> None:
    assert convert(3.0, printed, declared) == 3 * factor


@pytest.mark.parametrize(
    ("printed", "declared"),
    [
        *(("B", "s"), ("ops/s", "s"), ("s", "ops/s"), ("us/op", "ops/us"), ("MB/s", "MB")),
        *(("parsec", "s"), ("S", "s"), ("m", "min"), ("%", "s"), ("allocs/op", "B/op")),
    ],
)
def test_units_that_do_not_go_together(printed: str, declared: str) -> None:
    assert convert(3.0, printed, declared) is None


def test_the_metric_is_in_the_declared_unit_or_in_the_printed_one() -> None:
    text = "METRIC m=3 unit=ms"
    assert read(text, MetricSpec("m", unit="us")).metrics == (Metric("m", 3000.0, "us"),)
    assert read(text, MetricSpec("m")).metrics == (Metric("m", 3.0, "ms"),)


def test_what_is_beyond_all_floats_is_infinite() -> None:
    assert convert(1e308, "h", "ps") == math.inf


@given(st.floats(min_value=1e-200, max_value=1e200), st.sampled_from(["ps", "ns", "us", "ms", "s"]))
def test_powers_of_ten_are_rounded_once(value: float, unit: str) -> None:
    there = convert(value, unit, "s")
    assert there is not None
    assert there == value / {"ps": 1e12, "ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0}[unit]

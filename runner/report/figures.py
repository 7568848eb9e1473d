"""Numbers as people read them: gains, durations, sizes, metric values.

Unknown numbers (``None``, not a number, infinite) are shown as ``?``, never as a zero.
"""

from __future__ import annotations

import math

from runner.model import Measurement, Metric, MetricSpec
from runner.report.text import clean

UNKNOWN = "?"
NAME_LIMIT = 60
_LARGEST_GAIN = 20.0  # exp(20) is 485 million times better; beyond it a percentage says nothing
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


def known(value: float | None) -> float | None:
    """Return ``value`` if it is a finite number, else ``None``."""
    return value if value is not None and math.isfinite(value) else None


def percent(gain: float | None) -> str:
    """A log-ratio as a signed percentage: ``0.182`` is ``+20.0 %``."""
    number = percent_number(gain)
    return number if number == UNKNOWN else f"{number} %"


def percent_number(gain: float | None) -> str:
    """As ``percent``, without the sign for per cent."""
    if gain is None or math.isnan(gain):
        return UNKNOWN
    if gain > _LARGEST_GAIN:
        return f">+{_grouped(100 * math.expm1(_LARGEST_GAIN))}"
    shown = 100 * math.expm1(gain)
    text = f"{shown:+,.0f}" if abs(shown) >= 1000 else f"{shown:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def interval(low: float | None, high: float | None) -> str:
    """A 95 % interval of gains in per cent: ``[+8.1, +16.0]``."""
    return f"[{percent_number(low)}, {percent_number(high)}]"


def gain_with_interval(measurement: Measurement) -> str:
    """``+12.0 % [+8.1, +16.0]``."""
    return f"{percent(measurement.gain)} {interval(measurement.low, measurement.high)}"


def factor(gain: float | None) -> str:
    """A log-ratio as a factor: ``1.609`` is ``x5.00``."""
    if gain is None or not math.isfinite(gain) or gain > _LARGEST_GAIN:
        return UNKNOWN
    return f"x{math.exp(gain):.3g}"


def number(value: float | None) -> str:
    """Four significant digits, thousands grouped, never in exponents where people don't use them."""
    shown = known(value)
    if shown is None:
        return UNKNOWN
    if shown == 0:
        return "0"
    magnitude = abs(shown)
    if magnitude >= 1e12 or magnitude < 1e-4:
        return f"{shown:.3e}"
    if magnitude >= 1000:
        return _grouped(shown)
    decimals = max(3 - math.floor(math.log10(magnitude)), 0)
    text = f"{shown:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def metric_value(metric: Metric | None, unit: str = "") -> str:
    """``70.1 us``; the unit that was printed wins over the declared ``unit``."""
    if metric is None:
        return UNKNOWN
    shown = clean(metric.unit or unit, 16)
    return f"{number(metric.value)} {shown}".rstrip()


def find_metric(metrics: tuple[Metric, ...], name: str) -> Metric | None:
    return next((metric for metric in metrics if metric.name == name), None)


def objective_value(metrics: tuple[Metric, ...], objective: MetricSpec) -> str:
    """The objective's value among ``metrics``, with its unit."""
    return metric_value(find_metric(metrics, objective.name), objective.unit)


def duration(seconds: float | None) -> str:
    """``0.35 s``, ``3.2 s``, ``12 s``, then as ``clock_time``: ``4:07``."""
    shown = known(seconds)
    if shown is None:
        return UNKNOWN
    shown = max(shown, 0.0)
    if shown < 1:
        return f"{shown:.2g} s"
    if shown < 60:
        return f"{shown:.1f} s" if shown < 9.95 else f"{int(shown)} s"
    return clock_time(shown)


def clock_time(seconds: float | None) -> str:
    """``0:05``, ``12:30``, ``1:04:07``; fractions are cut off."""
    shown = known(seconds)
    if shown is None:
        return UNKNOWN
    minutes, rest = divmod(int(max(shown, 0.0)), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def size(size_bytes: float | None) -> str:
    """``512 B``, ``1.5 KiB``, ``320 MiB``."""
    shown = known(size_bytes)
    if shown is None:
        return UNKNOWN
    unit = 0
    while abs(shown) >= 1024 and unit < len(_SIZES) - 1:
        shown /= 1024
        unit += 1
    return (
        f"{shown:.0f} {_SIZES[unit]}"
        if unit == 0 or shown >= 100
        else f"{shown:.1f} {_SIZES[unit]}"
    )


def count(amount: int, one: str, many: str = "") -> str:
    """``1 node``, ``2 nodes``."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def _grouped(value: float) -> str:
    return f"{value:,.0f}"

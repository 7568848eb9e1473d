"""Axes: from numbers to positions, and where the ticks stand."""

from __future__ import annotations

import math
from dataclasses import dataclass

# What people count in: so much better, or so much worse.
_BETTER = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000, 10_000)
_WORSE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.99, 0.999)
_STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from ``low``..``high`` to the positions ``start``..``end``."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The position of ``value``, kept within the ends."""
        width = self.high - self.low
        part = (value - self.low) / width if width > 0 else 0.5
        return self.start + (self.end - self.start) * min(max(part, 0.0), 1.0)


def gain_ticks(scale: Scale, distance: float) -> list[float]:
    """Gains with round percentages within the scale, at least ``distance`` apart; 0 comes first."""
    better = [math.log1p(delta) for delta in _BETTER]
    worse = [math.log1p(-delta) for delta in _WORSE]
    ticks: list[float] = []
    # The large ones are the better landmarks of a wide scale, the small ones fill what is left.
    for gain in [0.0, *reversed(better), *reversed(worse)]:
        inside = scale.low <= gain <= scale.high
        if inside and all(abs(scale.at(gain) - scale.at(tick)) >= distance for tick in ticks):
            ticks.append(gain)
    return ticks


def time_ticks(length_s: float, most: int) -> list[float]:
    """Round times from 0 to ``length_s``, at most about ``most`` of them."""
    step_s = next((step for step in _STEPS_S if length_s / step <= most), _STEPS_S[-1])
    return [float(number * step_s) for number in range(int(length_s / step_s) + 1)]


def count_ticks(amount: int, most: int) -> list[int]:
    """Round counts from 0 to ``amount``, at most about ``most`` of them."""
    rounds = (digit * 10**power for power in range(12) for digit in (1, 2, 5))
    step = next(step for step in rounds if amount / step <= most)
    return list(range(0, amount + 1, step))

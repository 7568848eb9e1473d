"""What is measured, and what was."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runner.model.words import Goal, Source


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric that the task declares."""

    name: str
    goal: Goal = Goal.MIN
    unit: str = ""
    source: Source = Source.OUTPUT


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of a metric, in the unit that was printed ("" if none was)."""

    name: str
    value: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A wish such as ``vst_commit_us < 70``; ``operator`` is one of ``<``, ``<=``, ``>``, ``>=``."""

    metric: str
    operator: str
    value: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """A paired comparison: ``gain`` over the other side, with its 95 % interval.

    ``metrics`` are the medians of the measured side, ``baseline`` those of the other side.
    ``ratios`` are the pairs' log-ratios in the order they were taken.
    """

    gain: float
    low: float
    high: float
    pairs: int
    metrics: tuple[Metric, ...] = ()
    baseline: tuple[Metric, ...] = ()
    ratios: tuple[float, ...] = ()

    @property
    def delta(self) -> float:
        return math.expm1(self.gain)

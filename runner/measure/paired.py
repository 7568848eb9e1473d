"""Two sides, measured alternately, become a gain with an interval.

The gain is the median of the pairs' log-ratios, in the better direction. Its 95 % interval:

- from 6 pairs on, between two order statistics of the log-ratios, such that a fair coin would put
  the median outside in at most 5 % of all cases (the sign test turned round; W. R. Thompson, "On
  confidence ranges for the median", 1936). It assumes independent pairs and nothing of their
  distribution, so outliers and heavy tails do no harm;
- with 2 to 5 pairs, for which no such statistics exist, Student's t around the mean. It assumes
  normally distributed log-ratios, and is wide;
- one pair says nothing: the interval is unbounded.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from runner.model import Goal, Measurement, Metric, MetricSpec

BASELINE = "baseline"
CANDIDATE = "candidate"

_TAIL_PARTS = 40  # one part in 40, 2.5 %, on each side
_FEWEST_FOR_ORDER = 6  # 2 * 0.5**5 > 0.05 >= 2 * 0.5**6

# The 0.975 quantiles of Student's t for 1 to 4 degrees of freedom.
_STUDENT_T = (12.706205, 4.302653, 3.182446, 2.776445)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``gain`` with its 95 % interval, and the log-ratios of the pairs, in order."""

    gain: float
    low: float
    high: float
    ratios: tuple[float, ...]


def compare(baseline: Sequence[float], child: Sequence[float], goal: Goal) -> Comparison | str:
    """Compare values pair by pair; a positive gain means that ``child`` is better.

    Returns the reason, as a string, where a value that isn't positive and finite leaves no ratio.
    Raises ``ValueError`` for sides of different lengths, or without a value.
    """
    if not baseline or len(baseline) != len(child):
        raise ValueError(f"{len(baseline)} and {len(child)} values are no pairs")
    for value in (*baseline, *child):
        if not (math.isfinite(value) and value > 0.0):
            return f"no ratio can be made of the value {value:g}: it must be above 0"
    sign = 1.0 if goal is Goal.MIN else -1.0
    # A difference of logarithms: the quotient of two finite values may be infinite or 0.
    ratios = tuple(
        sign * (math.log(old) - math.log(new)) for old, new in zip(baseline, child, strict=True)
    )
    low, high = _interval(ratios)
    return Comparison(statistics.median(ratios), low, high, ratios)


def abba(pairs: int) -> tuple[str, ...]:
    """The order of the sides for ``pairs`` pairs: A B B A A B …, A being the baseline.

    A drift that is linear in time then cancels out over each two pairs.
    """
    one, other = (BASELINE, CANDIDATE), (CANDIDATE, BASELINE)
    return tuple(side for i in range(pairs) for side in (other if i % 2 else one))


def medians(samples: Sequence[Sequence[Metric]]) -> tuple[Metric, ...]:
    """The median of each metric over repetitions that all have the same metrics."""
    values: dict[str, list[float]] = {}
    units: dict[str, str] = {}
    for sample in samples:
        for metric in sample:
            values.setdefault(metric.name, []).append(metric.value)
            units[metric.name] = metric.unit
    return tuple(Metric(name, statistics.median(of), units[name]) for name, of in values.items())


def measurement(
    baseline: Sequence[Sequence[Metric]],
    candidate: Sequence[Sequence[Metric]],
    objective: MetricSpec,
) -> Measurement | str:
    """Compare two sides by their objective; each element is what one repetition printed.

    The n-th repetitions of both sides are a pair. Returns the reason, as a string, where the
    values allow no comparison. Raises ``ValueError`` for sides of different lengths, ``KeyError``
    for a repetition without the objective.
    """
    comparison = compare(
        [_value(sample, objective.name) for sample in baseline],
        [_value(sample, objective.name) for sample in candidate],
        objective.goal,
    )
    if isinstance(comparison, str):
        return f"{objective.name}: {comparison}"
    return Measurement(
        gain=comparison.gain,
        low=comparison.low,
        high=comparison.high,
        pairs=len(comparison.ratios),
        metrics=medians(candidate),
        baseline=medians(baseline),
        ratios=comparison.ratios,
    )


def _value(sample: Sequence[Metric], name: str) -> float:
    for metric in sample:
        if metric.name == name:
            return metric.value
    raise KeyError(name)


def _interval(ratios: Sequence[float]) -> tuple[float, float]:
    n = len(ratios)
    if n == 1:
        return -math.inf, math.inf
    if n < _FEWEST_FOR_ORDER:
        middle = statistics.fmean(ratios)
        reach = _STUDENT_T[n - 2] * statistics.stdev(ratios) / math.sqrt(n)
        return middle - reach, middle + reach
    ordered = sorted(ratios)
    rank = _rank(n)
    return ordered[rank - 1], ordered[n - rank]


def _rank(n: int) -> int:
    """The largest r with P(Binomial(n, 1/2) < r) <= 2.5 %: the r-th smallest is the lower end."""
    sequences = 0  # of n coin flips, with at most `rank` heads
    for rank in range(n + 1):
        sequences += math.comb(n, rank)
        if sequences * _TAIL_PARTS > 2**n:
            return rank
    raise AssertionError("all sequences are more than 2.5 % of themselves")

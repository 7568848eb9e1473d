"""Two sides, measured pair by pair in random order, become a gain with an interval.

A pair is one repetition of each side, one right after the other. Its log-ratio is positive where
the candidate is better. Which side goes first is a coin's choice: whatever the machine does
meanwhile (it drifts, it stutters, it remembers), it does to the first or the second, and so to
either side with the same chance. The sign of a pair's error is then a fair coin, which is all that
the signed-rank interval asks for. Where a comparison may stop early, ``sequential`` says.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from runner.measure.plan import fixed_plan
from runner.measure.sequential import Look, look
from runner.measure.units import convert
from runner.model import Goal, Measurement, Metric, MetricSpec

BASELINE = "baseline"
CANDIDATE = "candidate"

_DIGITS = 12  # no clock has more, and the conversion of units leaves dirt behind them


@dataclass(frozen=True, slots=True)
class Comparison:
    """``gain`` with its 95 % interval, and the log-ratios of the pairs, in order."""

    gain: float
    low: float
    high: float
    ratios: tuple[float, ...]


def compare(
    baseline: Sequence[float], child: Sequence[float], goal: Goal, interval: Look | None = None
) -> Comparison | str:
    """Compare values pair by pair; a positive gain means that ``child`` is better.

    ``interval`` is what the last look of a sequential comparison of the same values has shown.
    Without one, the number of pairs must have been fixed before: the gain is the Hodges-Lehmann
    estimate, with its signed-rank interval from 6 pairs on, and Student's below.

    Returns the reason, as a string, where a value that isn't positive and finite leaves no ratio.
    Raises ``ValueError`` for sides of different lengths, or without a value.
    """
    ratios = log_ratios(baseline, child, goal)
    if isinstance(ratios, str):
        return ratios
    seen = interval or look(ratios, fixed_plan(len(ratios)))
    return Comparison(seen.gain, seen.low, seen.high, ratios)


def log_ratios(
    baseline: Sequence[float], child: Sequence[float], goal: Goal
) -> tuple[float, ...] | str:
    """The pairs' log-ratios, in order; positive where ``child`` is better.

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
    return tuple(
        sign * (math.log(old) - math.log(new)) for old, new in zip(baseline, child, strict=True)
    )


def pair_order(seed: str, number: int) -> tuple[str, str]:
    """Which side goes first, and which second, in pair ``number``: a fair coin's choice.

    The same for the same seed. Give each comparison a seed of its own, and one that the measured code
    can't know.
    """
    digest = hashlib.blake2b(f"{seed}/{number}".encode(), digest_size=1).digest()
    return (CANDIDATE, BASELINE) if digest[0] & 1 else (BASELINE, CANDIDATE)


def rounding(values: Sequence[float], unit: str) -> float:
    """How far a coarse clock can put a pair's log-ratio off, judged by the values of one program.

    The clock's step is the smallest difference between any two values; if all are equal, it is one
    in their last digit, and 1 at most (40 ms are taken for 40, not for 30 to 50). A value is off by
    half a step, and so a ratio by one. Only times (``unit``) are rounded: counts and sizes are
    exact. All values must be positive and finite.
    """
    if not unit or convert(1.0, unit, "s") is None:
        return 0.0
    distinct = sorted(set(values))
    gaps = [more - less for less, more in itertools.pairwise(distinct)]
    step = min(gaps) if gaps else min(1.0, _last_digit(distinct[0]))
    return step / distinct[0]


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
    interval: Look | None = None,
) -> Measurement | str:
    """Compare two sides by their objective; each element is what one repetition printed.

    The n-th repetitions of both sides are a pair; for ``interval``, see ``compare``. Returns the
    reason, as a string, where the values allow no comparison. Raises ``ValueError`` for sides of
    different lengths, ``KeyError`` for a repetition without the objective.
    """
    comparison = compare(
        values_of(baseline, objective.name),
        values_of(candidate, objective.name),
        objective.goal,
        interval,
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


def values_of(samples: Sequence[Sequence[Metric]], name: str) -> list[float]:
    """One metric's value in each repetition. Raises ``KeyError`` for a repetition without it."""
    return [_value(sample, name) for sample in samples]


def _value(sample: Sequence[Metric], name: str) -> float:
    for metric in sample:
        if metric.name == name:
            return metric.value
    raise KeyError(name)


def _last_digit(value: float) -> float:
    exponent = Decimal(f"{value:.{_DIGITS}g}").normalize().as_tuple().exponent
    return 10.0 ** int(exponent)

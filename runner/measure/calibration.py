"""A/A: the untouched target against itself says how noisy a benchmark is, and what it can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from runner.measure.intervals import normal_quantile, spread
from runner.measure.plan import MOST_PAIRS, RANKS_EFFICIENCY, Method, Plan, Stage

PAIRS = 10  # of a calibration, unless told otherwise
FEWEST_PAIRS = 5

_DRAWS = 4000


@dataclass(frozen=True, slots=True)
class Calibration:
    """What root against root has shown.

    ``sd`` is the standard deviation of one pair's log-ratio, estimated so that one-off outliers
    don't count. ``rounding`` is how far the log-ratio of one pair can be off because values are
    printed with few digits (0: exact). ``floor`` is the least standard deviation that a few pairs
    are believed to have. ``ratios`` are the pairs' log-ratios, in order.
    """

    pairs: int
    sd: float
    floor: float
    ratios: tuple[float, ...]
    rounding: float = 0.0


def calibrate(ratios: Sequence[float], rounding: float = 0.0) -> Calibration:
    """Calibrate from the log-ratios of root-against-root pairs; see ``paired.rounding``.

    Raises ``ValueError`` for fewer than 5 pairs, or ratios that aren't finite.
    """
    values = np.asarray(ratios, dtype=np.float64)
    if values.size < FEWEST_PAIRS or not np.isfinite(values).all():
        raise ValueError(f"a calibration needs at least {FEWEST_PAIRS} pairs with finite ratios")
    sd = float(spread(values))  # the true gain is 0
    return Calibration(values.size, sd, max(sd, rounding), tuple(map(float, ratios)), rounding)


def smallest_gain(calibration: Calibration, plan: Plan, power: float = 0.9) -> float:
    """The smallest gain (log-ratio) that ``plan`` calls better with a chance of ``power``.

    Infinite if no gain is (one pair). It is reckoned for normal noise, and the last look.
    """
    if not (factor := _factor(plan.stages[-1], power)) < math.inf:
        return math.inf
    return factor * calibration.sd + calibration.rounding


@lru_cache(maxsize=64)
def _factor(stage: Stage, power: float) -> float:
    """The smallest gain in standard deviations of one pair."""
    match stage.method:
        case Method.RANKS:
            return stage.reach + normal_quantile(power) / math.sqrt(stage.pairs * RANKS_EFFICIENCY)
        case Method.STUDENT if stage.pairs == 1:
            return math.inf
        case Method.STUDENT:
            random = np.random.default_rng(0)
            means = random.normal(0.0, 1.0 / math.sqrt(stage.pairs), _DRAWS)
            squares = random.chisquare(stage.pairs - 1, _DRAWS) / (stage.pairs - 1)
            reaches = stage.reach * np.sqrt(np.maximum(squares, 1.0))
            return float(np.quantile(reaches - means, power))


def too_noisy(
    calibration: Calibration, plan: Plan, min_gain: float, rejected_below: float = -0.1
) -> str:
    """Why the benchmark can't show what the task asks for, and what to do; "" if it can.

    ``min_gain`` is a log-ratio (0: none is named), ``rejected_below`` a delta (-0.1: 10 % worse).
    """
    shown = smallest_gain(calibration, plan)
    wanted = min_gain if min_gain > 0.0 else -math.log1p(rejected_below)
    if shown <= wanted:
        return ""
    return f"{_found(calibration, plan, shown)}, {_asked(min_gain, rejected_below)}. " + _advice(
        calibration, plan, shown, wanted
    )


def _found(calibration: Calibration, plan: Plan, shown: float) -> str:
    noise = f"The benchmark is too noisy: against itself it differs by {_percent(calibration.sd)}"
    if math.isinf(shown):
        return f"{noise}, and {plan.cap} pair can show no gain"
    return f"{noise} (standard deviation), so {plan.cap} pairs show gains from {_percent(shown)}"


def _asked(min_gain: float, rejected_below: float) -> str:
    if min_gain > 0.0:
        return f"but gains from {_percent(min_gain)} matter to the task"
    return f"but the task rejects what is {-100.0 * rejected_below:.3g} % worse"


def _advice(calibration: Calibration, plan: Plan, shown: float, wanted: float) -> str:
    if calibration.rounding >= wanted:
        return "Print its values with more digits, or let one repetition do more work."
    ways = "let one repetition do more work, pin it to CPUs of its own, or use a quieter machine"
    pairs = plan.cap * ((shown - calibration.rounding) / (wanted - calibration.rounding)) ** 2
    if pairs <= MOST_PAIRS:
        return f"Allow about {math.ceil(pairs)} pairs, or {ways}."
    return f"More pairs alone won't do: {ways}."


def _percent(gain: float) -> str:
    return f"{100.0 * math.expm1(gain):.2g} %"

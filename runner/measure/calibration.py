"""A/A: the untouched target against itself says how noisy a benchmark is, and what it can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from runner.measure.intervals import (
    normal_quantile,
    pseudo_median,
    ranks_interval,
    spread,
    student_interval,
)
from runner.measure.plan import (
    FEWEST_FOR_RANKS,
    MOST_PAIRS,
    RANKS_EFFICIENCY,
    Method,
    Plan,
    Stage,
)

PAIRS = 10  # of a calibration, unless told otherwise
FEWEST_PAIRS = 5

_POWER = 0.9
_ACCIDENT = 0.01
_DRAWS = 2000
_MOST_DRAWN = 40  # pairs


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


def smallest_gain(calibration: Calibration, plan: Plan) -> float:
    """The smallest gain (log-ratio) that ``plan`` finds with a power of 0.9.

    Reckoned for normal noise, and for the last look by itself. Infinite for one pair.
    """
    if math.isinf(factor := _factor(plan.stages[-1])):
        return math.inf
    return factor * calibration.sd + calibration.rounding


@lru_cache(maxsize=64)
def _factor(stage: Stage) -> float:
    """The smallest gain, in standard deviations of one pair.

    Up to 40 pairs by drawing noise: a gain is found where it lifts the interval's lower end above
    0. Beyond, signed ranks are as good as normal.
    """
    if stage.pairs == 1:
        return math.inf
    if stage.pairs > _MOST_DRAWN:
        return stage.reach + normal_quantile(_POWER) / math.sqrt(stage.pairs * RANKS_EFFICIENCY)
    noise = np.random.default_rng(0).normal(0.0, 1.0, (_DRAWS, stage.pairs))
    match stage.method:
        case Method.RANKS:
            low, _ = ranks_interval(noise, stage.error)
        case Method.STUDENT:
            low, _ = student_interval(noise, stage.error, floor=1.0)
    return float(np.quantile(-low, _POWER))


def too_noisy(
    calibration: Calibration, plan: Plan, min_gain: float, rejected_below: float = -0.1
) -> str:
    """Why the benchmark can't show what the task asks for, and what to do; "" if it can.

    ``min_gain`` is the log-ratio that is to be found. If it is 0, that is the size of a loss for
    which a state is rejected: ``rejected_below`` is a delta above -1 (-0.1: 10 % worse). If that is
    0 as well, nothing is asked.
    """
    shown = smallest_gain(calibration, plan)
    wanted = min_gain if min_gain > 0.0 else -math.log1p(rejected_below)
    if shown <= wanted or wanted <= 0.0:
        return ""
    what = "gains from " + _percent(min_gain) if min_gain > 0.0 else ""
    what = what or f"what is {-100.0 * rejected_below:.3g} % worse"
    able = "show nothing" if math.isinf(shown) else f"show differences from {_percent(shown)}"
    return (
        f"The benchmark is too noisy: against itself it differs by {_percent(calibration.sd)} "
        f"(standard deviation), so with {plan.cap} pair{'s' * (plan.cap > 1)} it can {able}, but "
        f"the task asks for {what}. {_advice(calibration, plan, wanted)}"
    )


def biased(calibration: Calibration) -> str:
    """Why not even the average of A/A is to be believed; "" if nothing speaks against it.

    One calibration in a hundred is called biased by accident. Fewer than 8 pairs can't tell.
    """
    low, high = ranks_interval(np.asarray(calibration.ratios), _ACCIDENT)
    if low <= calibration.rounding and high >= -calibration.rounding:
        return ""
    middle = float(pseudo_median(np.asarray(calibration.ratios)))
    return (
        f"The benchmark differs from itself by {_percent(abs(middle))} on average: its two sides, the "
        "same program, aren't treated alike. Look for what they share or inherit, such as a cache "
        "that one fills for the other, or a container that started with less memory."
    )


def _advice(calibration: Calibration, plan: Plan, wanted: float) -> str:
    if calibration.rounding >= wanted:
        return "Print its values with more digits, or let one repetition do more work."
    ways = "let one repetition do more work, give it CPUs of its own, or use a quieter machine"
    z = normal_quantile(1.0 - plan.stages[-1].error / 2.0) + normal_quantile(_POWER)
    deviations = (wanted - calibration.rounding) / calibration.sd if calibration.sd else math.inf
    pairs = max(FEWEST_FOR_RANKS, math.ceil((z / deviations) ** 2 / RANKS_EFFICIENCY))
    if pairs > MOST_PAIRS:
        return f"More pairs alone won't do: {ways}."
    return f"Allow about {pairs} pairs, {ways}."


def _percent(gain: float) -> str:
    return f"{100.0 * math.expm1(gain):.2g} %"

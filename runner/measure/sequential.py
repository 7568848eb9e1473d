"""After each pair: what is known of the gain, and whether it is worth going on.

    ratios = []
    while True:
        ratios.append(...)                       # one more pair, in the order of paired.pair_order
        seen = look(ratios, plan, calibration)
        if seen.call is not Call.GO_ON:
            break

This is a group-sequential test turned into intervals: the interval of the look at which it stops
holds the true gain with a chance of at least ``1 - plan.error``, as if nobody had peeked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from runner.measure.calibration import Calibration
from runner.measure.intervals import (
    Floats,
    normal_quantile,
    pseudo_median,
    ranks_interval,
    spread,
    student_interval,
)
from runner.measure.plan import FEWEST_FOR_RANKS, Method, Plan, Stage


class Call(StrEnum):
    """What a look says of the comparison. Only ``GO_ON`` asks for another pair."""

    BETTER = "better"  # the whole interval lies above 0
    WORSE = "worse"  # the whole interval lies below 0
    NO_MATTER = "no matter"  # going on won't change any decision of the task, or hardly
    GO_ON = "go on"
    CAP = "cap"  # all pairs are taken, and no difference could be shown


@dataclass(frozen=True, slots=True)
class Look:
    """The gain (log-ratio, positive: the candidate is better), its interval, and what to do.

    They stand on the first ``pairs`` pairs, those of the latest look that was due.
    """

    gain: float
    low: float
    high: float
    pairs: int
    call: Call


def look(ratios: Sequence[float], plan: Plan, calibration: Calibration | None = None) -> Look:
    """Look at the log-ratios of all pairs taken so far, in the order they were taken.

    May be called after each pair; between the plan's looks, and when a comparison is cut short,
    the latest look stands. Before the first, and after one pair, the interval is unbounded. Without
    a calibration the plan's early looks are left out.

    Raises ``ValueError`` for no ratios, or one that isn't finite.
    """
    values = np.asarray(ratios, dtype=np.float64)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError("a look needs one log-ratio or more, and finite ones")
    stage = plan.stage(values.size)
    if stage is None:
        return Look(float(pseudo_median(values)), -math.inf, math.inf, values.size, Call.GO_ON)
    values = values[: stage.pairs]
    off, floor = (calibration.rounding, calibration.floor) if calibration else (0.0, None)
    gain = pseudo_median(values)
    low, high = stage_interval(values, stage, plan, floor)
    futile = math.isfinite(low) and bool(hopeless(values, gain, stage, plan, off))
    bounds = float(low) - off, float(high) + off
    return Look(float(gain), *bounds, stage.pairs, _call(*bounds, stage, plan, futile))


def stage_interval(
    ratios: Floats, stage: Stage, plan: Plan, floor: Floats | float | None
) -> tuple[Floats, Floats]:
    """The interval of one look; ``ratios`` may be many comparisons, with a floor each.

    The last axis holds the pairs. ``floor`` is the least standard deviation of one pair, ``None``
    if it isn't known: an early look then says nothing.
    """
    match stage.method:
        case Method.RANKS:
            return ranks_interval(ratios, stage.error)
        case Method.STUDENT if floor is None and stage is not plan.stages[-1]:
            unbounded = np.full(ratios.shape[:-1], math.inf)
            return -unbounded, unbounded
        case Method.STUDENT:
            return student_interval(ratios, stage.error, 0.0 if floor is None else floor)


def hopeless(
    ratios: Floats, gain: Floats, stage: Stage, plan: Plan, off: Floats | float = 0.0
) -> npt.NDArray[np.bool_]:
    """Whether the last look will show a difference with a chance below ``plan.hopeless``.

    ``ratios`` may be many comparisons, the last axis holding pairs; ``gain`` is their estimate so
    far, ``off`` what rounding can do to it. Reckoned from the estimate and its error as if noise
    were normal (D. J. Spiegelhalter's predictive power, with a flat prior). Looks at fewer than 6
    pairs see no hopelessness.
    """
    last = plan.stages[-1]
    if stage.pairs < FEWEST_FOR_RANKS or not plan.hopeless:
        return np.zeros(np.shape(gain), dtype=bool)
    deviation = spread(ratios - gain[..., None])
    to_come = deviation * math.sqrt(1.0 / stage.pairs - 1.0 / last.pairs)
    hoped = np.abs(gain) + normal_quantile(1.0 - plan.hopeless) * to_come
    return np.asarray(hoped < last.reach * deviation + off)


def seconds_saved(plan: Plan, pairs: int, seconds: float) -> float:
    """What the pairs up to the cap would have cost, if ``pairs`` pairs took ``seconds``."""
    return seconds / pairs * (plan.cap - pairs) if pairs else 0.0


def _call(low: float, high: float, stage: Stage, plan: Plan, futile: bool) -> Call:
    if low > 0.0:
        return Call.BETTER
    if high < 0.0:
        return Call.WORSE
    if low > plan.rejected_gain and high <= plan.min_gain:
        return Call.NO_MATTER
    if stage.pairs == plan.cap:
        return Call.CAP
    return Call.NO_MATTER if futile else Call.GO_ON

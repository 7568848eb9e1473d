"""Estimates and intervals for the centre of log-ratios, for one comparison or many at a time.

Every function takes an array whose last axis holds a comparison's log-ratios, pair by pair, and
gives arrays without that axis. A log-ratio is modelled as the gain plus noise whose sign is a fair
coin, which random order of the two sides makes true (see ``paired.pair_order``).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_WITHIN_ONE_DEVIATION = 0.6827  # of a normal distribution


def pseudo_median(ratios: Floats) -> Floats:
    """The Hodges-Lehmann estimate: the median of the averages of all pairs of log-ratios.

    J. L. Hodges and E. L. Lehmann, "Estimates of location based on rank tests", 1963.
    """
    return np.asarray(np.median(_walsh_averages(ratios), axis=-1))


def spread(errors: Floats) -> Floats:
    """The standard deviation of errors around 0, from which one-off outliers are kept out.

    It is the number that 68 % of them, as of normal ones, don't exceed; or their root mean square,
    where most are 0.
    """
    sizes = np.abs(errors)
    usual = np.quantile(sizes, _WITHIN_ONE_DEVIATION, axis=-1, method="weibull")
    return np.asarray(np.where(usual > 0.0, usual, np.sqrt(np.square(sizes).mean(axis=-1))))


def ranks_interval(ratios: Floats, error: float) -> tuple[Floats, Floats]:
    """The interval of all gains that Wilcoxon's signed-rank test doesn't reject (J. W. Tukey).

    It misses the true gain with a chance of at most ``error``, both sides together, given no more
    than that the signs of the noise are fair coins; ties and zeros only make it safer. It is
    unbounded where there are too few pairs for so small an error.
    """
    cut = ranks_cut(ratios.shape[-1], error)
    if cut == 0:
        unbounded = np.full(ratios.shape[:-1], math.inf)
        return -unbounded, unbounded
    averages = _walsh_averages(ratios)
    ends = (cut - 1, averages.shape[-1] - cut)
    averages.partition(ends, axis=-1)
    return averages[..., ends[0]], averages[..., ends[1]]


def student_interval(
    ratios: Floats, error: float, floor: Floats | float = 0.0
) -> tuple[Floats, Floats]:
    """Student's interval, with a standard deviation of at least ``floor``.

    It misses the true gain with a chance of ``error``, both sides together, if the noise is
    normal, and less often if its tails are heavier; the floor guards against the few pairs that
    agree by accident. It is unbounded for one pair.
    """
    pairs = ratios.shape[-1]
    if pairs == 1:
        unbounded = np.full(ratios.shape[:-1], math.inf)
        return -unbounded, unbounded
    # Rounding may put the mean of equal numbers beside them, and their deviation above 0.
    middle = np.clip(ratios.mean(axis=-1), ratios.min(axis=-1), ratios.max(axis=-1))
    squares = np.square(ratios - middle[..., None]).sum(axis=-1)
    deviation = np.maximum(np.sqrt(squares / (pairs - 1)), floor)
    reach = student_quantile(pairs - 1, error) * deviation / math.sqrt(pairs)
    return middle - reach, middle + reach


@lru_cache(maxsize=256)
def student_quantile(freedom: int, error: float) -> float:
    """Student's t that is exceeded, on both sides together, with a chance of ``error``."""
    from scipy.special import stdtrit  # the import takes 0.2 s

    return float(stdtrit(freedom, 1.0 - error / 2.0))


@lru_cache(maxsize=256)
def normal_quantile(chance: float) -> float:
    """The standard normal number that is undercut with this chance."""
    from scipy.special import ndtri

    return float(ndtri(chance))


@lru_cache(maxsize=256)
def ranks_cut(pairs: int, error: float) -> int:
    """How many of the smallest, and of the largest, averages lie outside; 0 if none may."""
    return int(np.searchsorted(2.0 * _tail(pairs), error, side="right"))


def ranks_error(pairs: int, error: float) -> float:
    """The largest error, at most ``error``, that the signed-rank test of ``pairs`` can have."""
    cut = ranks_cut(pairs, error)
    return 2.0 * float(_tail(pairs)[cut - 1]) if cut else 0.0


def _walsh_averages(ratios: Floats) -> Floats:
    one, other = np.triu_indices(ratios.shape[-1])
    return np.asarray((ratios[..., one] + ratios[..., other]) / 2.0)


@lru_cache(maxsize=64)
def _tail(pairs: int) -> Floats:
    """P(W <= w) for w from 0 to the middle; W sums those of 1 to ``pairs`` that a coin picks.

    W's distribution is built by one coin after the other: 0.2 s for 1000 pairs.
    """
    top = pairs * (pairs + 1) // 4
    chances = np.zeros(top + 1)
    chances[0] = 1.0
    for rank in range(1, pairs + 1):
        halves = chances / 2.0
        chances = halves.copy()
        chances[rank:] += halves[: max(0, top + 1 - rank)]
    return np.asarray(np.cumsum(chances))

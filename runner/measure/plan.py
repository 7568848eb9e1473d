"""When a comparison is looked at, and how much error each look may make.

A plan is fixed before the first pair. Its looks' errors sum to no more than ``error``, so all the
intervals it ever shows hold the true gain, together, with a chance of at least ``1 - error``
(Bonferroni's inequality): whichever look a comparison stops at, and whatever made it stop there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from runner.measure.intervals import normal_quantile, ranks_error, student_quantile

SEARCH_CAP = 12  # pairs
VERIFICATION_CAP = 40  # pairs
MOST_PAIRS = 1000

FEWEST_FOR_RANKS = 6  # fewer allow no error below 5 %: 2 * 0.5**5 > 0.05 >= 2 * 0.5**6
RANKS_EFFICIENCY = 3.0 / math.pi  # of signed ranks against the mean, under normal noise

# The chance of showing a difference that isn't worth the pairs any more. A verification is rare,
# and what it misses is lost.
_HOPELESS_SEARCH = 0.1
_HOPELESS_VERIFICATION = 0.05

# A search looks early, by Student's interval, at so many pairs, and spends this part of its error
# on each such look. One outlier among 12 pairs leaves signed ranks an error of 0.034: nearly all
# that is left must be spent on a single look there.
_EARLY = (4, 6, 9)
_EARLY_PART = 0.1
_FIRST_RANKS_OF_SEARCH = 12

# From one look by signed ranks to the next, and how much more of the error the later ones get: the
# sum spent grows with this power of the pairs. Few and late looks have power, many and early ones
# save pairs; these are a compromise, found by benchmarks.honest_numbers.
_GROWTH = 4 / 3
_SPENDING = 1.5


class Method(StrEnum):
    """How a look makes its interval; see ``runner.measure.intervals``."""

    STUDENT = "student"
    RANKS = "ranks"


@dataclass(frozen=True, slots=True)
class Stage:
    """A look after ``pairs`` pairs, whose interval misses the truth with a chance of ``error``."""

    pairs: int
    method: Method
    error: float

    @property
    def reach(self) -> float:
        """Half the interval's expected width under normal noise, in deviations of one pair.

        For signed ranks by their asymptotic efficiency (E. J. G. Pitman). Infinite for one pair.
        """
        if self.pairs == 1:
            return math.inf
        match self.method:
            case Method.STUDENT:
                return student_quantile(self.pairs - 1, self.error) / math.sqrt(self.pairs)
            case Method.RANKS:
                z = normal_quantile(1.0 - self.error / 2.0)
                return z / math.sqrt(self.pairs * RANKS_EFFICIENCY)


@dataclass(frozen=True, slots=True)
class Plan:
    """The looks of a comparison, and the gains (log-ratios) that matter to who asks for it.

    Going on is pointless once the whole interval lies above ``rejected_gain`` and not above
    ``min_gain``, where no decision changes any more, or once a difference will be shown by the
    last look with a chance below ``hopeless``: see ``sequential.Call.NO_MATTER``. Stopping there
    never harms the intervals.

    Raises ``ValueError`` for no stages, numbers of pairs that don't grow, or errors that sum to
    more than ``error``.
    """

    stages: tuple[Stage, ...]
    error: float = 0.05
    min_gain: float = 0.0
    rejected_gain: float = -math.inf
    hopeless: float = 0.0

    def __post_init__(self) -> None:
        pairs = [stage.pairs for stage in self.stages]
        if not pairs or pairs[0] < 1 or pairs != sorted(set(pairs)):
            raise ValueError(f"the looks of a plan need growing numbers of pairs, not {pairs}")
        if sum(stage.error for stage in self.stages) > self.error * (1.0 + 1e-9):
            raise ValueError(f"the errors of a plan's looks sum to more than {self.error:g}")

    @property
    def cap(self) -> int:
        """The number of pairs after which it ends."""
        return self.stages[-1].pairs

    def stage(self, pairs: int) -> Stage | None:
        """The latest look that is due after ``pairs`` pairs; ``None`` before the first."""
        return next((s for s in reversed(self.stages) if s.pairs <= pairs), None)


def search_plan(
    cap: int = SEARCH_CAP,
    error: float = 0.05,
    min_gain: float = 0.0,
    rejected_gain: float = -math.inf,
) -> Plan:
    """A plan for a search: looks at 4, 6 and 9 pairs end the obvious.

    ``cap`` is a number of pairs, 1 to 1000. The early looks need a calibration, and trust that the
    noise is about what it was then; the others trust nothing. Raises ``ValueError`` for another cap.
    """
    early = tuple(
        Stage(pairs, Method.STUDENT, error * _EARLY_PART) for pairs in _EARLY if pairs < cap
    )
    left = error - sum(stage.error for stage in early)
    ranks = tuple(_ranks(cap, left, _FIRST_RANKS_OF_SEARCH))
    if not ranks:
        return fixed_plan(cap, error, min_gain, rejected_gain)
    return Plan((*early, *ranks), error, min_gain, rejected_gain, _HOPELESS_SEARCH)


def verification_plan(
    cap: int = VERIFICATION_CAP, candidates: int = 1, error: float = 0.05, min_gain: float = 0.0
) -> Plan:
    """A plan for each of ``candidates`` that are verified, and of which the best is reported.

    The error is shared out among them. So all their intervals hold together, and whichever is
    picked by the same samples has an honest one; and if none is better, the chance that one is
    called so is at most ``error / 2``. ``cap`` is a number of pairs, 1 to 1000; up to 6 (more for
    more candidates) are too few for signed ranks, and get Student's interval after the last.
    Raises ``ValueError`` for another cap, or no candidates.
    """
    if candidates < 1:
        raise ValueError("a verification needs a candidate")
    share = error / candidates
    ranks = tuple(_ranks(cap, share, FEWEST_FOR_RANKS))
    if not ranks:
        return fixed_plan(cap, share, min_gain)
    return Plan(ranks, share, min_gain, hopeless=_HOPELESS_VERIFICATION)


def fixed_plan(
    cap: int, error: float = 0.05, min_gain: float = 0.0, rejected_gain: float = -math.inf
) -> Plan:
    """One look, after ``cap`` pairs (1 to 1000). Raises ``ValueError`` for another cap."""
    _check(cap)
    reached = ranks_error(cap, error)
    stage = Stage(cap, Method.RANKS, reached) if reached else Stage(cap, Method.STUDENT, error)
    return Plan((stage,), error, min_gain, rejected_gain)


def _ranks(cap: int, error: float, first: int) -> Iterator[Stage]:
    """Looks by signed ranks. What one leaves of its part of the error, the later ones may spend."""
    _check(cap)
    spent = 0.0
    for pairs in _sizes(cap, first):
        reached = ranks_error(pairs, error * (pairs / cap) ** _SPENDING - spent)
        if reached:
            spent += reached
            yield Stage(pairs, Method.RANKS, reached)


def _sizes(cap: int, first: int) -> Iterator[int]:
    pairs = first
    while (after := round(pairs * _GROWTH)) <= cap:
        yield pairs
        pairs = after
    yield cap


def _check(cap: int) -> None:
    if not 1 <= cap <= MOST_PAIRS:
        raise ValueError(f"{cap} pairs: a comparison takes 1 to {MOST_PAIRS}")

"""Which actions, and which pairs of them, make a state fail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runner.planner.bits import Bits

Matrix = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_GUILT = 0.95  # of a sole suspect: not 1, since a failure may have had a cause of higher order
_ALONE = 0.10  # chance that an action never seen passing fails
_TOGETHER = 0.02  # chance that a pair never seen passing fails


@dataclass(frozen=True, slots=True)
class Suspicion:
    """log(1 - chance of failing) of each action (``alone``) and pair (``pairs``, symmetric)."""

    alone: Matrix
    pairs: Matrix

    def log_pass(self, x: Matrix, action: int) -> float:
        """log of the chance that a passing state ``x`` (0/1) passes with ``action`` added."""
        return float(self.alone[action] + self.pairs[action] @ x)


class Blame:
    """Failures, and the actions and pairs that were seen in a passing state.

    Each failure is shared out equally over its suspects: the singles and pairs of its state that
    no passing state holds. The result depends on the sets only, not on their order.

    What ``earlier`` searches blame is blamed here too, until it passes. What passed there is
    suspected only of failures that have no other suspects: the target may have changed since.
    """

    def __init__(self, actions: int, earlier: Blame | None = None) -> None:
        self._passed = np.zeros((actions, actions), dtype=bool)
        self._failed: list[Bits] = []
        self._earlier = earlier

    def passing(self, x: Bits) -> None:
        """A state passed."""
        on = np.flatnonzero(x)
        self._passed[np.ix_(on, on)] = True

    def failing(self, x: Bits) -> None:
        """A state failed."""
        self._failed.append(x)

    def judge(self) -> Suspicion:
        """Share out the blame."""
        suspects = ~self._passed
        never = suspects if self._earlier is None else suspects & ~self._earlier._passed
        blamed = self._blamed(suspects, never)
        if self._earlier is not None:
            # Its own failures alone: whoever was not seen passing there, nor here.
            blamed = blamed + self._earlier._blamed(never, never)
        alone = np.diag(blamed + np.log1p(-_ALONE) * never)
        pairs = blamed + np.log1p(-_TOGETHER) * never
        np.fill_diagonal(pairs, 0.0)
        return Suspicion(alone, pairs)

    def _blamed(self, suspects: Bools, first: Bools) -> Matrix:
        """The blame of each single (on the diagonal) and pair, as log(1 - chance of failing). Where a
        failure has suspects among the ``first``, nobody else is suspected of it."""
        blamed = np.zeros(suspects.shape)
        if not self._failed:
            return blamed
        x = np.array(self._failed, dtype=float)
        x = x[np.lexsort(x.T)]  # so that the sums below are rounded alike in any order
        counts = _counts(x, first)
        if suspects is not first:
            rest = x[counts == 0.0]
            blamed = _shared(rest, suspects, _counts(rest, suspects))
        return blamed + _shared(x, first, counts)


def _counts(x: Matrix, suspects: Bools) -> Matrix:
    """How many singles and pairs of each state are suspects."""
    singles = x @ np.diag(suspects).astype(float)
    doubles = (((x @ suspects) * x).sum(axis=1) - singles) / 2.0
    counts: Matrix = singles + doubles
    return counts


def _shared(x: Matrix, suspects: Bools, counts: Matrix) -> Matrix:
    share = np.log1p(-_GUILT / np.maximum(counts, 1.0))
    blamed: Matrix = ((x * share[:, None]).T @ x) * suspects
    return blamed

"""Which actions, and which pairs of them, make a state fail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

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
    """

    def __init__(self, actions: int) -> None:
        self._passed = np.zeros((actions, actions), dtype=bool)
        self._failed: list[npt.NDArray[np.uint8]] = []

    def passing(self, x: npt.NDArray[np.uint8]) -> None:
        """A state passed."""
        on = np.flatnonzero(x)
        self._passed[np.ix_(on, on)] = True

    def failing(self, x: npt.NDArray[np.uint8]) -> None:
        """A state failed."""
        self._failed.append(x)

    def judge(self) -> Suspicion:
        """Share out the blame."""
        suspects = (~self._passed).astype(float)
        alone = np.full(len(suspects), np.log1p(-_ALONE))
        pairs = np.full(suspects.shape, np.log1p(-_TOGETHER))
        if self._failed:
            x = np.array(self._failed, dtype=float)
            x = x[np.lexsort(x.T)]  # so that the sums below are rounded alike in any order
            singles = x @ np.diag(suspects)
            doubles = (((x @ suspects) * x).sum(axis=1) - singles) / 2.0
            share = np.log1p(-_GUILT / np.maximum(singles + doubles, 1.0))
            blamed = (x * share[:, None]).T @ x
            alone = alone + np.diag(blamed)
            pairs = pairs + blamed
        np.fill_diagonal(pairs, 0.0)
        return Suspicion(alone * np.diag(suspects), pairs * suspects)

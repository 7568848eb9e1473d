"""How far a memory is believed: by what it foretells of the present search.

Two hypotheses are compared (Kass and Raftery 1995): the memory is about these actions; or it is about
others, and their names were dealt out at random. The second is what a misleading memory would be, and
predicts with the same model, its actions shuffled in a few ways. Each step of the search, one edge of
the tree, adds the log of how much likelier the first makes it. Tails are Cauchy's, so that a few
actions that no longer do what they did cost little of the trust in the others.
"""

from __future__ import annotations

import math

import numpy as np

from runner.planner.bits import Bits
from runner.planner.memory import Remembered
from runner.planner.surrogate import Matrix

_WAYS = 24  # in which the actions are shuffled
_MOST_AT_FIRST = 0.25
_LEAST_AT_FIRST = 0.05
_FEW = 0.15  # at first, where there are too few observations to foretell one by the others
_ENOUGH = 4  # observations
_LEAST_SCALE = 0.25  # of an error, in deviations of the gains
_SURE = 0.95  # of passing or failing: nothing is surer
_MOST_STEP = 2.0  # in log units, that one edge may add or take


class Trust:
    """The chance that a memory is about the present target and its actions.

    It begins with how well the memory's observations foretell each other (leave one out): that is
    nothing where their gains were dealt out at random. The result depends on the set of edges that
    it was shown, not on their order.
    """

    def __init__(self, remembered: Remembered, actions: int) -> None:
        self._terms: list[float] = []
        shuffle = np.random.RandomState(0)
        orders = [np.arange(actions), *(shuffle.permutation(actions) for _ in range(_WAYS))]
        fit = remembered.fit()
        if fit is None or remembered.rows is None:
            alone, pairs = np.zeros(actions), np.zeros((actions, actions))
            self._scale, first = 1.0, _FEW
        else:
            alone, pairs = fit.mean().alone, fit.mean().pairs
            self._scale, first = _foretold(fit.misses(), remembered.rows.gains)
        guilt = remembered.blame.judge()
        self._gains = _Shuffled(alone, pairs, orders)
        self._passes = _Shuffled(guilt.alone, guilt.pairs, orders)
        self._first = math.log(first / (1.0 - first))

    @property
    def value(self) -> float:
        """From 0 to 1."""
        odds = self._first + math.fsum(self._terms)  # exact, so in any order
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))

    def see(self, before: Bits, after: Bits, gain: float | None) -> None:
        """An edge of the present search, from the state ``before``; ``gain`` is what it gained over
        that, or ``None`` if it failed."""
        passes = np.exp(self._passes.of(after) - self._passes.of(before)).clip(1 - _SURE, _SURE)
        if gain is None:
            self._compare(1.0 - passes)
            return
        errors = (gain - self._gains.of(after) + self._gains.of(before)) / self._scale
        self._compare(passes / (1.0 + errors**2))

    def see_proposal(self, foretold: float, common: float, passed: bool) -> None:
        """An open-ended proposal: the chance of passing that the memory has for its like, and for
        all."""
        chances = np.array([foretold, common]).clip(1 - _SURE, _SURE)
        self._compare(chances if passed else 1.0 - chances)

    def _compare(self, likelihoods: Matrix) -> None:
        term = math.log(likelihoods[0]) - math.log(likelihoods[1:].mean())
        self._terms.append(max(-_MOST_STEP, min(_MOST_STEP, term)))


class _Shuffled:
    """alone . x + x' pairs x / 2, under the actions' names in each of some orders."""

    def __init__(self, alone: Matrix, pairs: Matrix, orders: list[np.ndarray]) -> None:
        self._alone = np.array([alone[order] for order in orders])
        self._pairs = np.array([pairs[np.ix_(order, order)] for order in orders])

    def of(self, x: Bits) -> Matrix:
        on = np.flatnonzero(x)
        among = self._pairs[:, on[:, None], on[None, :]]
        values: Matrix = self._alone[:, on].sum(axis=1) + 0.5 * among.sum(axis=(1, 2))
        return values


def _foretold(misses: Matrix, gains: Matrix) -> tuple[float, float]:
    """The scale of a prediction's error, in log units, and the trust to begin with."""
    spread = max(float(gains.std()), 1e-3)
    scale = max(float(np.sqrt((misses**2).mean())), _LEAST_SCALE * spread)
    if len(gains) < _ENOUGH:
        return max(scale, spread), _FEW
    explained = 1.0 - float((misses**2).mean()) / spread**2
    return scale, min(max(explained, _LEAST_AT_FIRST), _MOST_AT_FIRST)

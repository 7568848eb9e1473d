"""A Bayesian linear model of L over the actions of a state and their pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from runner.planner.bits import Bits
from runner.planner.node import fixed, real

Matrix = npt.NDArray[np.float64]
Indexes = npt.NDArray[np.intp]

_SINGLE = 0.30  # prior deviation of an action's weight, in units of the observed spread
_PAIR = 0.15  # of a pair's weight
_NOISE = 0.10  # of an observation, the model's own misfit included
_LEAST_SPREAD = 0.05  # in log units
_MOST_FEATURES = 512
_MOST_ROWS = 384  # for catalogues with more features: only the newest observations count
_BATCH = 4096


@dataclass(frozen=True, slots=True)
class Weights:
    """L(x) = alone . x + x' pairs x / 2 for a state x (0/1); ``pairs`` is symmetric, its
    diagonal is 0."""

    alone: Matrix
    pairs: Matrix

    def value(self, x: Matrix) -> float:
        return float(self.alone @ x + 0.5 * (x @ self.pairs @ x))

    def slopes(self, x: Matrix) -> Matrix:
        """What adding each single action to ``x`` changes (for actions not in ``x``)."""
        slopes: Matrix = self.alone + self.pairs @ x
        return slopes


class Posterior(Protocol):
    """What the model believes after some observations."""

    def draw(self, random: np.random.RandomState) -> Weights:
        """One sample of the weights."""

    def mean(self) -> Weights: ...


@dataclass(frozen=True, slots=True)
class _Prior:
    mean: Matrix  # of the single weights
    single: float
    pair: float
    noise: float


class ByRows:
    """The posterior by the observations' covariance: cheap while they are fewer than features.

    A sample is the prior's sample, corrected by what it mispredicts (Matheron's rule).
    """

    def __init__(self, x: Matrix, y: Matrix, weights: Matrix, prior: _Prior) -> None:
        self._x, self._y, self._prior = x, y, prior
        self._noise = prior.noise / np.sqrt(weights)
        common = x @ x.T
        kernel = prior.single**2 * common + prior.pair**2 * common * (common - 1.0) / 2.0
        self._inverse = np.linalg.inv(kernel + np.diag(self._noise**2))

    def draw(self, random: np.random.RandomState) -> Weights:
        prior, actions = self._prior, self._x.shape[1]
        alone = prior.mean + prior.single * random.standard_normal(actions)
        upper = np.triu(random.standard_normal((actions, actions)), 1)
        pairs = prior.pair * (upper + upper.T)
        error = self._noise * random.standard_normal(len(self._y))
        return self._corrected(alone, pairs, error)

    def mean(self) -> Weights:
        actions = self._x.shape[1]
        return self._corrected(
            self._prior.mean, np.zeros((actions, actions)), np.zeros(len(self._y))
        )

    def misses(self) -> Matrix:
        """What each observation is, less what the others alone predict of it: leave-one-out
        residuals (Rasmussen and Williams 2006, equation 5.12)."""
        off = self._y - self._x @ self._prior.mean
        misses: Matrix = (self._inverse @ off) / np.diag(self._inverse)
        return misses

    def _corrected(self, alone: Matrix, pairs: Matrix, error: Matrix) -> Weights:
        x, prior = self._x, self._prior
        predicted = x @ alone + 0.5 * ((x @ pairs) * x).sum(axis=1) + error
        weight = self._inverse @ (self._y - predicted)
        correction = prior.pair**2 * ((x * weight[:, None]).T @ x)
        np.fill_diagonal(correction, 0.0)
        return Weights(alone + prior.single**2 * (x.T @ weight), pairs + correction)


class _ByFeatures:
    """The posterior by the features' precision: cheap while they are fewer than observations."""

    def __init__(
        self, pairs: tuple[Indexes, Indexes], gram: Matrix, moment: Matrix, prior: _Prior
    ) -> None:
        self._i, self._j = pairs
        self._prior = prior
        actions = len(prior.mean)
        precision = np.concatenate(
            [np.full(actions, prior.single**-2.0), np.full(len(self._i), prior.pair**-2.0)]
        )
        centre = np.concatenate([prior.mean, np.zeros(len(self._i))])
        covariance = np.linalg.inv(gram / prior.noise**2 + np.diag(precision))
        self._mean = covariance @ (moment / prior.noise**2 + precision * centre)
        self._root = np.linalg.cholesky((covariance + covariance.T) / 2.0)

    def draw(self, random: np.random.RandomState) -> Weights:
        return self._weights(self._mean + self._root @ random.standard_normal(len(self._mean)))

    def mean(self) -> Weights:
        return self._weights(self._mean)

    def _weights(self, flat: Matrix) -> Weights:
        actions = len(self._prior.mean)
        pairs = np.zeros((actions, actions))
        pairs[self._i, self._j] = flat[actions:]
        pairs[self._j, self._i] = flat[actions:]
        return Weights(flat[:actions], pairs)


@dataclass(frozen=True, slots=True)
class Rows:
    """Observations of earlier searches: states (0/1), gains in log units, and what one of them
    counts beside one of the present search (above 0)."""

    x: Matrix
    gains: Matrix
    weights: Matrix


class Surrogate:
    """Collects observations, and fits them on demand, together with those of earlier searches.

    The fit is a function of the set of observations: counts and sums are integers, and rows are
    put into a canonical order before anything is rounded.
    """

    def __init__(self, priors: list[float], earlier: Rows | None = None) -> None:
        self._priors = np.array(priors, dtype=float)
        self._earlier = earlier
        self._rows: list[tuple[bytes, int]] = []
        self._gram: Matrix = np.zeros(())  # sum of x x' over the first _summed rows
        self._moment: npt.NDArray[np.int64] = np.zeros((), dtype=np.int64)  # sum of x * gain
        self._summed = 0
        gains = [0.0] if earlier is None else [0.0, *earlier.gains.tolist()]
        self._low, self._high = fixed(min(gains)), fixed(max(gains))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def spread(self) -> float:
        """The range of the observed gains and 0, in log units, at least 0.05."""
        return max(_LEAST_SPREAD, real(self._high - self._low))

    def observe(self, x: Bits, gain: int) -> None:
        """One observation of the gain (fixed point) of state ``x``."""
        self._rows.append((x.tobytes(), gain))
        self._low, self._high = min(self._low, gain), max(self._high, gain)

    def fit(self) -> Posterior:
        """The posterior given everything observed."""
        actions = len(self._priors)
        features = actions * (actions + 1) // 2
        earlier = 0 if self._earlier is None else len(self._earlier.gains)
        if len(self._rows) + earlier <= features or features > _MOST_FEATURES:
            return self.by_rows()
        return self._by_features(self._prior())

    def by_rows(self) -> ByRows:
        """The posterior in the form that is cheap for few observations."""
        x, gains = self._matrices(sorted(self._rows[-_MOST_ROWS:]))
        own = gains / fixed(1.0)
        weights = np.ones(len(own))
        if self._earlier is not None:
            old = self._earlier
            x = np.concatenate([old.x, x])
            own = np.concatenate([old.gains, own])
            weights = np.concatenate([old.weights, weights])
        return ByRows(x, own, weights, self._prior())

    def _prior(self) -> _Prior:
        spread = self.spread
        return _Prior(self._priors, _SINGLE * spread, _PAIR * spread, _NOISE * spread)

    def _by_features(self, prior: _Prior) -> _ByFeatures:
        i, j = pairs = np.triu_indices(len(self._priors), 1)
        for start in range(self._summed, len(self._rows), _BATCH):
            x, gains = self._matrices(self._rows[start : start + _BATCH])
            full = np.concatenate([x, x[:, i] * x[:, j]], axis=1)
            self._gram = self._gram + full.T @ full  # integers: exact in any order
            self._moment = self._moment + full.astype(np.int64).T @ gains
        self._summed = len(self._rows)
        gram, moment = self._gram, self._moment / fixed(1.0)
        if self._earlier is not None:
            old = self._earlier
            full = np.concatenate([old.x, old.x[:, i] * old.x[:, j]], axis=1)
            weighted = full.T * old.weights
            gram, moment = gram + weighted @ full, moment + weighted @ old.gains
        return _ByFeatures(pairs, gram, moment, prior)

    def _matrices(self, rows: list[tuple[bytes, int]]) -> tuple[Matrix, npt.NDArray[np.int64]]:
        flat = np.frombuffer(b"".join([row[0] for row in rows]), dtype=np.uint8)
        x = flat.reshape(len(rows), len(self._priors)).astype(float)
        return x, np.array([row[1] for row in rows], dtype=np.int64)

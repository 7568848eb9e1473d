"""Made-up noise of a machine, repetition by repetition, to try the statistics on.

Each kind draws the logarithm of what the machine does to a repetition's time: an array of machines
by repetitions. ``sd`` is the standard deviation of the difference of two repetitions in a row, or
what comes near it where that has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int], float], Floats]

VALUE_MS = 20.0  # of the undisturbed benchmark


@dataclass(frozen=True, slots=True)
class Noise:
    """A kind of noise; values are rounded to whole ``step_ms``, if that isn't 0."""

    draw: Draw
    step_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class World:
    """What many machines do to the pairs of repetitions they run, one row each.

    ``first`` and ``second`` are the logarithms of what befalls the two repetitions of a pair;
    ``coin`` is true where the first is the baseline's. Values are printed in ``step_ms``.
    """

    first: Floats
    second: Floats
    coin: npt.NDArray[np.bool_]
    step_ms: float

    def part(self, start: int, groups: int, size: int) -> World:
        """``groups`` comparisons of ``size`` pairs from each row, one after the other."""

        def cut(whole: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return whole[:, start : start + groups * size].reshape(-1, size)

        return World(cut(self.first), cut(self.second), cut(self.coin), self.step_ms)

    def printed(self, gain: Floats | float) -> tuple[Floats, Floats]:
        """The values (ms) of baseline and candidate; ``gain`` is one for all, or one per row."""
        gains = np.broadcast_to(np.asarray(gain), self.first.shape[:1])[:, None]
        baseline = np.where(self.coin, self.first, self.second)
        candidate = np.where(self.coin, self.second, self.first) - gains
        return self._rounded(baseline), self._rounded(candidate)

    def ratios(self, gain: Floats | float) -> Floats:
        """The pairs' log-ratios."""
        baseline, candidate = self.printed(gain)
        return np.asarray(np.log(baseline) - np.log(candidate))

    def _rounded(self, logs: Floats) -> Floats:
        values = VALUE_MS * np.exp(logs)
        if self.step_ms:
            values = np.maximum(1.0, np.round(values / self.step_ms)) * self.step_ms
        return np.asarray(values)


def world(noise: Noise, sd: float, shape: tuple[int, int], random: np.random.Generator) -> World:
    """Draw so many machines (rows) and pairs, each pair in random order."""
    rows, pairs = shape
    series = noise.draw(random, (rows, 2 * pairs), sd)
    return World(series[:, 0::2], series[:, 1::2], random.random(shape) < 0.5, noise.step_ms)


def normal(random: np.random.Generator, shape: tuple[int, int], sd: float) -> Floats:
    return random.normal(0.0, sd / math.sqrt(2.0), shape)


def heavy(random: np.random.Generator, shape: tuple[int, int], sd: float) -> Floats:
    """Student's t with 2 degrees of freedom: its variance is infinite."""
    return np.clip(random.standard_t(2, shape) * sd / 2.0, -50.0, 50.0)


def spikes(random: np.random.Generator, shape: tuple[int, int], sd: float) -> Floats:
    """One repetition in ten is held up, by 20 % or many times that."""
    held_up = random.random(shape) < 0.1
    return normal(random, shape, sd) + held_up * 0.2 * random.lognormal(0.0, 1.0, shape)


def autoregressive(random: np.random.Generator, shape: tuple[int, int], sd: float) -> Floats:
    """Each repetition inherits 0.9 of the one before."""
    level = random.normal(0.0, sd / math.sqrt(0.2), shape[0])
    inherits, own = 0.9, math.sqrt(1.0 - 0.9**2)
    series = np.empty(shape)
    for place in range(shape[1]):
        series[:, place] = level
        fresh = random.normal(0.0, sd / math.sqrt(0.2), shape[0])
        level = inherits * level + own * fresh
    return series


def linear(random: np.random.Generator, shape: tuple[int, int], sd: float) -> Floats:
    """The machine becomes slower by one deviation from each repetition to the next."""
    return normal(random, shape, sd / 3.0) + sd * np.arange(shape[1])


def steps(random: np.random.Generator, shape: tuple[int, int], sd: float) -> Floats:
    """The machine changes its speed by about 15 %, once in twenty repetitions."""
    changes = (random.random(shape) < 0.05) * random.normal(0.0, 0.15, shape)
    return normal(random, shape, sd) + np.cumsum(changes, axis=1)


def walk(random: np.random.Generator, shape: tuple[int, int], sd: float) -> Floats:
    """The speed walks at random, and never comes back."""
    return np.cumsum(random.normal(0.0, sd, shape), axis=1)


def mixed(random: np.random.Generator, shape: tuple[int, int], sd: float) -> Floats:
    """A bit of all of it."""
    smooth = autoregressive(random, shape, sd / 2.0) + linear(random, shape, sd / 4.0)
    rough = heavy(random, shape, sd / 2.0) + spikes(random, shape, sd / 4.0)
    return smooth + rough + steps(random, shape, sd / 4.0)


def restless(random: np.random.Generator, shape: tuple[int, int], sd: float) -> Floats:
    """Quiet at first, as a calibration finds it, and three times as noisy from then on."""
    louder = np.where(np.arange(shape[1]) < 20, 1.0, 3.0)
    return normal(random, shape, sd) * louder


NOISES = {
    "normal": Noise(normal),
    "student t, 2 df": Noise(heavy),
    "lognormal spikes": Noise(spikes),
    "AR(1) 0.9": Noise(autoregressive),
    "linear drift": Noise(linear),
    "stepwise drift": Noise(steps),
    "random walk": Noise(walk),
    "mixed": Noise(mixed),
    "rounded to 2.5 %": Noise(normal, step_ms=0.5),
    "rounded to 10 %": Noise(normal, step_ms=2.0),
    "thrice the A/A noise": Noise(restless),
}

"""Random numbers that a resumed search draws again exactly as an undisturbed one would."""

from __future__ import annotations

import numpy as np

from runner.planner.tree import Tree

_MASK = (1 << 64) - 1


class Draws:
    """The random numbers of one policy: a function of its seed and of how much was started.

    ``RandomState`` rather than ``Generator``, because numpy guarantees that its streams stay
    the same from version to version.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._random = np.random.RandomState(0)

    def at(self, tree: Tree) -> np.random.RandomState:
        """The generator for the selection that the tree is ready for."""
        self._random.seed(_mixed(_mixed(self._seed) + tree.started) >> 32)
        return self._random


def _mixed(number: int) -> int:
    """splitmix64 (Steele et al. 2014): near numbers become unrelated ones, of 64 bits."""
    z = (number + 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & _MASK
    return z ^ z >> 31

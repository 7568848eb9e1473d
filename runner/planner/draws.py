"""Random numbers that a resumed search draws again exactly as an undisturbed one would."""

from __future__ import annotations

import numpy as np

from runner.planner.tree import Tree


def generator(seed: int, tree: Tree) -> np.random.RandomState:
    """The generator of one selection, a function of the seed and of how much was started.

    ``RandomState`` rather than ``Generator``, because numpy guarantees that its streams stay
    the same from version to version.
    """
    seed &= (1 << 64) - 1
    return np.random.RandomState([seed & 0xFFFFFFFF, seed >> 32, tree.started])

"""What the closed nodes of a tree teach about the actions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.model import Action, Outcome
from runner.planner.bits import bits
from runner.planner.blame import Blame, Suspicion
from runner.planner.combine import Belief
from runner.planner.node import Node
from runner.planner.strategies import Strategies
from runner.planner.surrogate import Posterior, Surrogate
from runner.planner.tree import Tree

_FEAR = 0.1  # of a failure, in units of the observed spread
_ALWAYS_FIT = 256  # closings; from then on, batches of 1/64 of what is known


class Knowledge:
    """The surrogate, the blame for failures, and the strategies' records.

    The models take in what was closed in batches: one by one at first, then at intervals that
    grow with what is known, so that the cost per node stays bounded. They are fitted when they
    are asked for. Both depend on the tree's closings only, not on who asked when.
    """

    def __init__(self, actions: Sequence[Action]) -> None:
        self.strategies = Strategies()
        self._count = len(actions)
        self._surrogate = Surrogate([action.prior for action in actions])
        self._blame = Blame(len(actions))
        self._cursor = 0
        self._taken = 0
        self._closed: set[int] = {0}
        self._fit: tuple[Posterior, Suspicion] | None = None

    def read(self, tree: Tree) -> None:
        """Take in what was closed since the last call."""
        closings = tree.closings
        for index, _ in closings[self._cursor :]:
            node = tree.nodes[index]
            if node.outcome is not Outcome.BUDGET:  # nothing of the idea was seen
                self.strategies.observe(tree, node)
        self._cursor = len(closings)
        while True:
            batch = 1 if self._taken < _ALWAYS_FIT else self._taken // 64
            if self._taken + batch > len(closings):
                return
            for index, gain in closings[self._taken : self._taken + batch]:
                self._take(tree, tree.nodes[index], gain)
            self._taken += batch
            self._fit = None

    def draw(self, random: np.random.RandomState) -> Belief:
        """A draw of what may be believed after what was taken in."""
        if self._fit is None:
            self._fit = self._surrogate.fit(), self._blame.judge()
        posterior, suspicion = self._fit
        return Belief(posterior.draw(random), suspicion, _FEAR * self._surrogate.spread)

    def _take(self, tree: Tree, node: Node, gain: int | None) -> None:
        x = bits(tree.added(node), self._count)
        if gain is not None and x.any():
            self._surrogate.observe(x, gain - node.lineage.first)
        if node.index in self._closed:
            return
        self._closed.add(node.index)
        if node.outcome is Outcome.BUDGET:
            return
        if gain is None:
            self._blame.failing(x)
        else:
            self._blame.passing(x)

"""What the closed nodes of a tree teach about the actions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.model import Action, Outcome
from runner.planner.bits import Bits, bits
from runner.planner.blame import Blame, Suspicion
from runner.planner.combine import Belief
from runner.planner.memory import Memory, Place, Remembered
from runner.planner.node import Node, real
from runner.planner.strategies import Strategies
from runner.planner.surrogate import Posterior, Surrogate
from runner.planner.tree import Tree
from runner.planner.trust import Trust

_FEAR = 0.1  # of a failure, in units of the observed spread
_ALWAYS_FIT = 256  # closings; from then on, batches of 1/64 of what is known


class Knowledge:
    """The surrogate, the blame for failures, and the strategies' records: of this search alone,
    and, where there is a memory of earlier ones, of all together.

    The models take in what was closed in batches: one by one at first, then at intervals that
    grow with what is known, so that the cost per node stays bounded. They are fitted when they
    are asked for. Both depend on the tree's closings only, not on who asked when.
    """

    def __init__(self, actions: Sequence[Action], memory: Memory | None = None) -> None:
        self._count = len(actions)
        self._remembered = Remembered(actions, memory) if memory else None
        earlier = self._remembered
        self.trust = Trust(earlier, self._count) if earlier else None
        self.strategies = Strategies(earlier.used if earlier else ())
        priors = [action.prior for action in actions]
        self._models = [_Models(Surrogate(priors), Blame(self._count))]
        if earlier:
            self._models.append(
                _Models(Surrogate(priors, earlier.rows), Blame(self._count, earlier.blame))
            )
        self._cursor = 0
        self._taken = 0
        self._closed: set[int] = {0}
        self._compared: set[int] = {0}

    @property
    def places(self) -> tuple[Place, ...]:
        """What passed in earlier searches, best first."""
        return self._remembered.places if self._remembered else ()

    def informed(self, random: np.random.RandomState) -> bool:
        """Whether to believe the memory this time: drawn with the trust that it has earned."""
        return self.trust is not None and random.random_sample() < self.trust.value

    def read(self, tree: Tree) -> None:
        """Take in what was closed since the last call."""
        closings = tree.closings
        for index, _ in closings[self._cursor :]:
            node = tree.nodes[index]
            if node.outcome is not Outcome.BUDGET:  # nothing of the idea was seen
                self._compare(tree, node)
                self.strategies.observe(tree, node)
        self._cursor = len(closings)
        while True:
            batch = 1 if self._taken < _ALWAYS_FIT else self._taken // 64
            if self._taken + batch > len(closings):
                return
            for index, gain in closings[self._taken : self._taken + batch]:
                self._take(tree, tree.nodes[index], gain)
            self._taken += batch

    def draw(self, random: np.random.RandomState, informed: bool = False) -> Belief:
        """A draw of what may be believed after what was taken in."""
        return self._models[informed].draw(random)

    def _compare(self, tree: Tree, node: Node) -> None:
        """Show the trust what became of a step that the memory may have foretold."""
        if self.trust is None or node.parent is None or node.index in self._compared:
            return
        self._compared.add(node.index)
        if (foretold := self.strategies.foretold(tree, node)) is not None:
            self.trust.see_proposal(*foretold, passed=node.observations > 0)
        if node.lineage is node.parent.lineage and not node.twin:
            before, after = (bits(tree.added(each), self._count) for each in (node.parent, node))
            gain = real(node.first - node.parent.first) if node.observations else None
            self.trust.see(before, after, gain)

    def _take(self, tree: Tree, node: Node, gain: int | None) -> None:
        x = bits(tree.added(node), self._count)
        first = node.index not in self._closed
        self._closed.add(node.index)
        judged = first and node.outcome is not Outcome.BUDGET
        for models in self._models:
            if gain is not None and x.any():
                models.observe(x, gain - node.lineage.first)
            if judged:
                models.judge(x, passed=gain is not None)


class _Models:
    """A surrogate and the blame, fitted when they are asked for."""

    def __init__(self, surrogate: Surrogate, blame: Blame) -> None:
        self._surrogate, self._blame = surrogate, blame
        self._fit: tuple[Posterior, Suspicion] | None = None

    def observe(self, x: Bits, gain: int) -> None:
        self._surrogate.observe(x, gain)
        self._fit = None

    def judge(self, x: Bits, passed: bool) -> None:
        if passed:
            self._blame.passing(x)
        else:
            self._blame.failing(x)
        self._fit = None

    def draw(self, random: np.random.RandomState) -> Belief:
        if self._fit is None:
            self._fit = self._surrogate.fit(), self._blame.judge()
        posterior, suspicion = self._fit
        return Belief(posterior.draw(random), suspicion, _FEAR * self._surrogate.spread)

"""What open-ended proposals are worth, by their strategy tag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.planner.node import Node, real
from runner.planner.tree import Tree

_BELIEF = 2.0  # proposals that the common mean is worth
_DEPTH_BELIEF = 3.0  # proposals that a tag's own mean is worth, where the tag was used n times
_FIRST_GUESS = 0.1  # the gain of a proposal, in log units, before any was measured


@dataclass(slots=True)
class _Record:
    tried: int = 0
    passed: int = 0
    gains: int = 0  # fixed point; a loss counts as 0, since nobody has to build upon it

    def mean(self, belief: float, otherwise: float) -> float:
        """The mean gain of those that passed, shrunk."""
        return (real(self.gains) + belief * otherwise) / (self.passed + belief)

    def rate(self, belief: float, otherwise: float) -> float:
        """The share that passed, shrunk."""
        return (self.passed + belief * otherwise) / (self.tried + belief)


class Strategies:
    """Counts and sums over the whole tree: by tag, and by tag and how often it was used before.

    The second is what tells that a strategy is used up: its first proposals on a path may gain
    most, and later ones fail or repeat what is known.
    """

    def __init__(self) -> None:
        self._counted: set[int] = set()
        self._all = _Record()
        self._tags: dict[str, _Record] = {}
        self._uses: dict[tuple[str, int], _Record] = {}
        self._here: dict[tuple[int, str], list[int]] = {}  # closed, of which duplicates

    def observe(self, tree: Tree, node: Node) -> None:
        """Count the closed node ``node``, if its edge was open-ended."""
        if node.lineage is not node or node.parent is None or node.index in self._counted:
            return
        self._counted.add(node.index)
        tag = _tag_of(tree, node.actions[-1])
        of_tag = self._tags.setdefault(tag, _Record())
        of_use = self._uses.setdefault((tag, _uses_above(tree, node.parent, tag)), _Record())
        for record in (self._all, of_tag, of_use):
            record.tried += 1
            if node.observations:
                record.passed += 1
                record.gains += max(node.first - node.parent.first, 0)
        here = self._here.setdefault((node.parent.index, tag), [0, 0])
        here[0] += 1
        here[1] += bool(node.twin)

    def draw(
        self, tree: Tree, node: Node, actions: list[int], random: np.random.RandomState
    ) -> tuple[int, float]:
        """One of some open-ended actions, each drawn in proportion to the gain that one more
        proposal of it at this node promises, and this gain, in log units."""
        worths = np.array([self._worth(tree, node, action) for action in actions])
        pick = int(np.searchsorted(np.cumsum(worths), random.random_sample() * worths.sum()))
        pick = min(pick, len(actions) - 1)
        return actions[pick], float(worths[pick])

    def _worth(self, tree: Tree, node: Node, action: int) -> float:
        """The mean gain, shrunk towards the tag's and that towards all tags', times the rate of
        success, times the share of its proposals at this very node that weren't duplicates."""
        tag = _tag_of(tree, action)
        common = self._all.mean(1.0, _FIRST_GUESS) + tree.actions[action].prior
        of_tag = self._tags.get(tag, _Record())
        of_use = self._uses.get((tag, _uses_above(tree, node, tag)), _Record())
        mean = of_use.mean(_DEPTH_BELIEF, of_tag.mean(_BELIEF, max(common, 0.1 * _FIRST_GUESS)))
        rate = of_use.rate(_DEPTH_BELIEF, of_tag.rate(2.0, 0.5))
        closed, twins = self._here.get((node.index, tag), (0, 0))
        return mean * rate * (1.0 + closed - twins) / (1.0 + closed)


def _tag_of(tree: Tree, action: int) -> str:
    """The strategy tag of an action; one without a tag is a strategy of its own."""
    return tree.actions[action].tag or tree.actions[action].key


def _uses_above(tree: Tree, node: Node, tag: str) -> int:
    """How many open-ended edges of this tag lead to ``node``."""
    uses = 0
    step: Node | None = node
    while step is not None and step.parent is not None:
        uses += step.lineage is step and _tag_of(tree, step.actions[-1]) == tag
        step = step.parent
    return uses

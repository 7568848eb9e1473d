"""What open-ended proposals are worth, by their strategy tag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.planner.node import Node, real
from runner.planner.tree import Tree

_BELIEF = 2.0  # proposals that the common mean is worth
_FIRST_GUESS = 0.1  # the gain of a proposal, in log units, before any was measured


@dataclass(slots=True)
class _Record:
    tried: int = 0
    passed: int = 0
    gains: int = 0  # fixed point; a loss counts as 0, since nobody has to build upon it

    def add(self, passed: bool, gain: int) -> None:
        self.tried += 1
        if passed:
            self.passed += 1
            self.gains += max(gain, 0)


class Strategies:
    """Counts and sums by tag over the whole tree, and freshness by node and tag."""

    def __init__(self) -> None:
        self._counted: set[int] = set()
        self._all = _Record()
        self._tags: dict[str, _Record] = {}
        self._here: dict[tuple[int, str], list[int]] = {}  # closed, of which duplicates

    def observe(self, tree: Tree, node: Node) -> None:
        """Count the closed node ``node``, if its edge was open-ended."""
        if node.lineage is not node or node.parent is None or node.index in self._counted:
            return
        self._counted.add(node.index)
        tag = tag_of(tree, node.actions[-1])
        passed = node.observations > 0
        gain = node.first - node.parent.first
        for record in (self._all, self._tags.setdefault(tag, _Record())):
            record.add(passed, gain)
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
        """The tag's mean gain, shrunk towards that of all tags, times its rate of success, times
        the share of its proposals at this very node that weren't duplicates."""
        tag = tag_of(tree, action)
        record, everything = self._tags.get(tag, _Record()), self._all
        common = (real(everything.gains) + _FIRST_GUESS) / (everything.passed + 1.0)
        common = max(common + tree.actions[action].prior, _FIRST_GUESS * 0.1)
        mean = (real(record.gains) + _BELIEF * common) / (record.passed + _BELIEF)
        rate = (1.0 + record.passed) / (2.0 + record.tried)
        closed, twins = self._here.get((node.index, tag), (0, 0))
        return mean * rate * (1.0 + closed - twins) / (1.0 + closed)


def tag_of(tree: Tree, action: int) -> str:
    """The strategy tag of an action; one without a tag is a strategy of its own."""
    return tree.actions[action].tag or tree.actions[action].key

"""What open-ended proposals are worth, by their strategy tag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.planner.node import Node, fixed, real
from runner.planner.tree import Tree

_BELIEF = 2.0  # proposals that the common mean is worth
_LEAST_SD = 0.05  # of a proposal's gain, in log units


@dataclass(slots=True)
class _Record:
    tried: int = 0
    passed: int = 0
    gains: int = 0  # fixed point; a loss counts as 0, since nobody has to build upon it
    squares: int = 0  # fixed point

    def add(self, passed: bool, gain: int) -> None:
        self.tried += 1
        if passed:
            useful = max(gain, 0)
            self.passed += 1
            self.gains += useful
            self.squares += fixed(real(useful) ** 2)


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

    def draw(self, tree: Tree, node: Node, action: int, random: np.random.RandomState) -> float:
        """A draw of what one more proposal of this action at this node will gain, in log units.

        The tag's mean gain, shrunk towards that of all tags, times its rate of success, times the
        share of proposals at this very node that weren't duplicates.
        """
        tag = tag_of(tree, action)
        record, everything = self._tags.get(tag, _Record()), self._all
        common = (real(everything.gains) + 0.1) / (everything.passed + 1.0)
        common += tree.actions[action].prior
        variance = max(real(everything.squares) / max(everything.passed, 1), _LEAST_SD**2)
        weight = record.passed + _BELIEF
        mean = (real(record.gains) + _BELIEF * common) / weight
        drawn = mean + random.standard_normal() * (variance / weight) ** 0.5
        rate = random.beta(1.0 + record.passed, 1.0 + record.tried - record.passed)
        closed, twins = self._here.get((node.index, tag), (0, 0))
        return float(max(drawn, 0.0) * rate) * (1.0 + closed - twins) / (1.0 + closed)


def tag_of(tree: Tree, action: int) -> str:
    """The strategy tag of an action; one without a tag is a strategy of its own."""
    return tree.actions[action].tag or tree.actions[action].key

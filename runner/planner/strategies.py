"""What open-ended proposals are worth, by their strategy tag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.planner.memory import Used
from runner.planner.node import Node, fixed
from runner.planner.tree import Tree

_BELIEF = 2.0  # proposals that the common mean is worth
_DEPTH_BELIEF = 3.0  # proposals that a tag's own mean is worth, where the tag was used n times
_FIRST_GUESS = 0.1  # the gain of a proposal, in log units, before any was measured


@dataclass(slots=True)
class _Record:
    tried: float = 0
    passed: float = 0
    gains: float = 0  # fixed point; a loss counts as 0, since nobody has to build upon it

    def count(self, passed: bool, gain: int, weight: float = 1) -> None:
        self.tried += weight
        if passed:
            self.passed += weight
            self.gains += max(gain, 0) * weight

    def __add__(self, other: _Record) -> _Record:
        return _Record(
            self.tried + other.tried, self.passed + other.passed, self.gains + other.gains
        )

    def mean(self, belief: float, otherwise: float) -> float:
        """The mean gain of those that passed, shrunk."""
        return (self.gains / fixed(1.0) + belief * otherwise) / (self.passed + belief)

    def rate(self, belief: float, otherwise: float) -> float:
        """The share that passed, shrunk."""
        return (self.passed + belief * otherwise) / (self.tried + belief)


class _Records:
    """Counts and sums: of all proposals, by tag, and by tag and how often it was used before.

    The last is what tells that a strategy is used up: its first proposals on a path may gain most,
    and later ones fail or repeat what is known.
    """

    def __init__(self) -> None:
        self.all = _Record()
        self.tags: defaultdict[str, _Record] = defaultdict(_Record)
        self.uses: defaultdict[tuple[str, int], _Record] = defaultdict(_Record)

    def of(self, tag: str, before: int) -> tuple[_Record, _Record, _Record]:
        return self.all, self.tags[tag], self.uses[tag, before]


class Strategies:
    """What came of the proposals of the whole tree, and of those of earlier searches."""

    def __init__(self, used: Sequence[Used] = ()) -> None:
        self._counted: set[int] = set()
        self._own = _Records()
        self._earlier = _Records()
        self._here: dict[tuple[int, str], list[int]] = {}  # closed, of which duplicates
        for each in sorted(used, key=str):  # sums are then rounded alike in any order
            for record in self._earlier.of(each.tag, each.before):
                record.count(each.gain is not None, fixed(each.gain or 0.0), each.weight)

    def observe(self, tree: Tree, node: Node) -> None:
        """Count the closed node ``node``, if its edge was open-ended."""
        if node.lineage is not node or node.parent is None or node.index in self._counted:
            return
        self._counted.add(node.index)
        tag = tag_of(tree, node.actions[-1])
        gain = node.first - node.parent.first
        for record in self._own.of(tag, uses_above(tree, node.parent, tag)):
            record.count(node.observations > 0, gain)
        here = self._here.setdefault((node.parent.index, tag), [0, 0])
        here[0] += 1
        here[1] += bool(node.twin)

    def foretold(self, tree: Tree, node: Node) -> tuple[float, float] | None:
        """The share of earlier proposals like this node's that passed, and that of all earlier ones;
        ``None`` if the node isn't one, or there were none."""
        if node.lineage is not node or node.parent is None or not self._earlier.all.tried:
            return None
        tag = tag_of(tree, node.actions[-1])
        every, of_tag, of_use = self._earlier.of(tag, uses_above(tree, node.parent, tag))
        common = every.rate(2.0, 0.5)
        return of_use.rate(1.0, of_tag.rate(1.0, common)), common

    def draw(
        self,
        tree: Tree,
        node: Node,
        actions: list[int],
        random: np.random.RandomState,
        informed: bool = False,
    ) -> tuple[int, float]:
        """One of some open-ended actions, each drawn in proportion to the gain that one more
        proposal of it at this node promises, and this gain, in log units; ``informed`` by earlier
        searches too, or by this one alone."""
        worths = np.array([self._worth(tree, node, action, informed) for action in actions])
        pick = int(np.searchsorted(np.cumsum(worths), random.random_sample() * worths.sum()))
        pick = min(pick, len(actions) - 1)
        return actions[pick], float(worths[pick])

    def _worth(self, tree: Tree, node: Node, action: int, informed: bool) -> float:
        """The mean gain, shrunk towards the tag's and that towards all tags', times the rate of
        success, times the share of its proposals at this very node that weren't duplicates."""
        tag = tag_of(tree, action)
        before = uses_above(tree, node, tag)
        records = self._own.of(tag, before)
        if informed:
            pairs = zip(records, self._earlier.of(tag, before), strict=True)
            every, of_tag, of_use = (own + earlier for own, earlier in pairs)
        else:
            every, of_tag, of_use = records
        common = every.mean(1.0, _FIRST_GUESS) + tree.actions[action].prior
        mean = of_use.mean(_DEPTH_BELIEF, of_tag.mean(_BELIEF, max(common, 0.1 * _FIRST_GUESS)))
        rate = of_use.rate(_DEPTH_BELIEF, of_tag.rate(2.0, 0.5))
        closed, twins = self._here.get((node.index, tag), (0, 0))
        return mean * rate * (1.0 + closed - twins) / (1.0 + closed)


def tag_of(tree: Tree, action: int) -> str:
    """The strategy tag of an action; one without a tag is a strategy of its own."""
    return tree.actions[action].tag or tree.actions[action].key


def uses_above(tree: Tree, node: Node, tag: str) -> int:
    """How many open-ended edges of this tag lead to ``node``."""
    uses = 0
    step: Node | None = node
    while step is not None and step.parent is not None:
        uses += step.lineage is step and tag_of(tree, step.actions[-1]) == tag
        step = step.parent
    return uses

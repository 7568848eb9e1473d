"""The plain policies, to compare with: greedy, beam and random.

They share with ``frontier`` what isn't its own merit: no state is measured twice, cumulative
gain is a node's value, work in flight is counted, and the node of highest L is recommended.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from runner.model import JobKind
from runner.planner.draws import Draws
from runner.planner.node import Node
from runner.planner.tree import Choice, Tree

_DRAWS = 256


def expand_at_random(tree: Tree, node: Node, untried: list[int], draws: Draws) -> Choice:
    """Try one of the untried actions, all being equally likely."""
    pick = untried[draws.at(tree).randint(len(untried))]
    return Choice(JobKind.EXPAND, node.label, (tree.actions[pick].key,))


class _Changed:
    """The nodes that changed since the last look."""

    def __init__(self) -> None:
        self._cursor = 0

    def read(self, tree: Tree) -> Iterator[Node]:
        changes = tree.changes
        while self._cursor < len(changes):
            yield tree.nodes[changes[self._cursor]]
            self._cursor += 1


class Greedy:
    """Hill climbing with backtracking: expand the best node that has an untried action."""

    name = "greedy"

    def __init__(self, seed: int) -> None:
        self._draws = Draws(seed)
        self._changed = _Changed()
        self._heap: list[tuple[float, int]] = []

    def select(self, tree: Tree, progress: float) -> Choice | None:  # noqa: ARG002
        for node in self._changed.read(tree):
            if node.passed:
                heapq.heappush(self._heap, (-node.value, node.index))
        while self._heap:
            key, index = self._heap[0]
            node = tree.nodes[index]
            if node.passed and -key == node.value:
                untried = tree.untried(node)
                if untried:
                    return expand_at_random(tree, node, untried, self._draws)
            heapq.heappop(self._heap)
        return None

    def recommend(self, tree: Tree) -> str:
        return tree.best


class Beam:
    """Expand every action of the ``width`` best nodes of a level, then go one level down.

    Where the deepest level has nothing to expand, the best of the rest is expanded, so that a
    budget that is left is used. An open-ended action counts as one for each node of the beam.
    """

    name = "beam"

    def __init__(self, seed: int, width: int) -> None:
        self._draws = Draws(seed)
        self._width = width
        self._changed = _Changed()
        self._levels: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
        self._entries: dict[int, tuple[float, int]] = {}
        self._deepest = 0  # level that holds a node, passed or not
        self._rest = Greedy(seed)

    def select(self, tree: Tree, progress: float) -> Choice | None:
        for node in self._changed.read(tree):
            self._place(node)
        current = max(self._deepest - 1, 0)
        for level in (current, current + 1):
            beam = [tree.nodes[index] for _, index in self._levels[level][: self._width]]
            for node in beam:
                untried = tree.untried(node)
                if untried and node.started < len(tree.actions):
                    return expand_at_random(tree, node, untried, self._draws)
            if any(tree.nodes[i].open for node in beam for i in node.children):
                return None  # the next level is chosen when all of it has been measured
        return self._rest.select(tree, progress)

    def recommend(self, tree: Tree) -> str:
        return tree.best

    def _place(self, node: Node) -> None:
        """Put a node where it belongs in its level, whether it was there before or not."""
        depth = node.label.count(".")
        self._deepest = max(self._deepest, depth)
        level = self._levels[depth]
        old = self._entries.pop(node.index, None)
        if old is not None:
            del level[bisect_left(level, old)]
        if node.passed:
            self._entries[node.index] = entry = (-node.value, node.index)
            insort(level, entry)


class Random:
    """A random untried action of a random node that has one."""

    name = "random"

    def __init__(self, seed: int) -> None:
        self._draws = Draws(seed)

    def select(self, tree: Tree, progress: float) -> Choice | None:  # noqa: ARG002
        draws, count = self._draws.at(tree), len(tree.nodes)
        # Most nodes have something left to try, until nearly all states are known.
        for place in chain(draws.randint(count, size=_DRAWS).tolist(), range(count)):
            node = tree.nodes[place]
            untried = tree.untried(node) if node.passed else ()
            if untried:
                pick = untried[draws.randint(len(untried))]
                return Choice(JobKind.EXPAND, node.label, (tree.actions[pick].key,))
        return None

    def recommend(self, tree: Tree) -> str:
        return tree.best

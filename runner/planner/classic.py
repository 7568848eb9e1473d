"""The plain policies, to compare with: greedy, beam and random.

They share with ``frontier`` what isn't its own merit: no state is measured twice, cumulative
gain is a node's value, work in flight is counted, and the node of highest L is recommended.
"""

from __future__ import annotations

import heapq

from runner.model import JobKind
from runner.planner.draws import generator
from runner.planner.node import Node
from runner.planner.tree import Choice, Tree


def expand_at_random(tree: Tree, node: Node, untried: list[int], seed: int) -> Choice:
    """Try one of the untried actions, all being equally likely."""
    pick = untried[generator(seed, tree).randint(len(untried))]
    return Choice(JobKind.EXPAND, node.label, (tree.actions[pick].key,))


class _News:
    """The nodes that passed since the last look, each once."""

    def __init__(self) -> None:
        self._cursor = 0
        self._seen: set[int] = set()

    def read(self, tree: Tree) -> list[Node]:
        changes, found = tree.changes, []
        while self._cursor < len(changes):
            node = tree.nodes[changes[self._cursor]]
            self._cursor += 1
            if node.passed and node.index not in self._seen:
                self._seen.add(node.index)
                found.append(node)
        return found


class Greedy:
    """Hill climbing with backtracking: expand the best node that has an untried action."""

    name = "greedy"

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._news = _News()
        self._heap: list[tuple[float, int]] = []

    def select(self, tree: Tree, progress: float) -> Choice | None:  # noqa: ARG002
        for node in self._news.read(tree):
            heapq.heappush(self._heap, (-node.value, node.index))
        while self._heap:
            node = tree.nodes[self._heap[0][1]]
            untried = tree.untried(node)
            if node.passed and untried:
                return expand_at_random(tree, node, untried, self._seed)
            heapq.heappop(self._heap)
        return None

    def recommend(self, tree: Tree) -> str:
        return tree.best


class Beam:
    """Expand every action of ``width`` nodes, then of the best ``width`` among their children.

    Where a beam ends, the best nodes that no beam has held yet form the next one, so that a
    budget that is left is used. An open-ended action counts as one per node and turn.
    """

    name = "beam"

    def __init__(self, seed: int, width: int) -> None:
        self._seed = seed
        self._width = width
        self._news = _News()
        self._beam: list[Node] = []
        self._next: list[tuple[float, int]] = []  # heap of the beam's children
        self._rest: list[tuple[float, int]] = []  # heap of what no beam has held
        self._turns = 1

    def select(self, tree: Tree, progress: float) -> Choice | None:  # noqa: ARG002
        while True:
            for node in self._news.read(tree):
                heapq.heappush(self._next, (-node.value, node.index))
            for node in self._beam:
                untried = self._left(tree, node)
                if untried:
                    return expand_at_random(tree, node, untried, self._seed)
            if any(tree.nodes[i].open for node in self._beam for i in node.children):
                return None  # the next level is chosen when this one has been measured
            if not self._advance(tree):
                return None

    def recommend(self, tree: Tree) -> str:
        return tree.best

    def _left(self, tree: Tree, node: Node) -> list[int]:
        if not node.passed or node.started >= self._turns * len(tree.actions):
            return []
        return tree.untried(node)

    def _advance(self, tree: Tree) -> bool:
        self._beam = []
        for source in (self._next, self._rest):
            while source and len(self._beam) < self._width:
                node = tree.nodes[heapq.heappop(source)[1]]
                if self._left(tree, node):
                    self._beam.append(node)
            if self._beam:
                break
        for entry in self._next:
            heapq.heappush(self._rest, entry)
        self._next = []
        if not self._beam and any(action.open_ended for action in tree.actions):
            self._turns += 1
            self._next = sorted((-node.value, node.index) for node in tree.nodes if node.passed)
            return True
        return bool(self._beam)


class Random:
    """A random untried action of a random node that has one."""

    name = "random"

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._news = _News()
        self._live: list[int] = []

    def select(self, tree: Tree, progress: float) -> Choice | None:  # noqa: ARG002
        self._live.extend(node.index for node in self._news.read(tree))
        draws = generator(self._seed, tree)
        while self._live:
            place = draws.randint(len(self._live))
            node = tree.nodes[self._live[place]]
            untried = tree.untried(node)
            if node.passed and untried:
                pick = untried[draws.randint(len(untried))]
                return Choice(JobKind.EXPAND, node.label, (tree.actions[pick].key,))
            self._live[place] = self._live[-1]
            self._live.pop()
        return None

    def recommend(self, tree: Tree) -> str:
        return tree.best

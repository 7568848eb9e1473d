"""Which node to expand next: UCB1 over the arms "expand s once more"."""

from __future__ import annotations

import heapq
import math

from runner.planner.node import Node
from runner.planner.tree import Tree

_WORST_STEP = math.log(0.9)  # a node this much below its parent is not built upon
_LEAST_SPREAD = 0.05  # in log units, so that noise is not blown up to differences


class Arms:
    """Live nodes in one heap of -L for each k, the number of expansions that were started there.

    score(s) = L(s)/R + c * sqrt(ln(1 + nodes) / (1 + k(s))): among equal k only the highest L
    can win, so a selection looks at one node per k. Entries that are out of date, and nodes that
    have nothing left to try, are dropped when they come up.
    """

    def __init__(self, c: float) -> None:
        self._c = c
        self._buckets: dict[int, list[tuple[float, int]]] = {}
        self._high: list[tuple[float, int]] = []  # heap of (-L, index)
        self._low: list[tuple[float, int]] = []  # heap of (L, index)

    def update(self, node: Node) -> None:
        """Take note of a node that changed."""
        if not is_live(node):
            return
        heapq.heappush(self._high, (-node.value, node.index))
        heapq.heappush(self._low, (node.value, node.index))
        bucket = self._buckets.setdefault(node.started, [])
        heapq.heappush(bucket, (-node.value, node.index))

    def select(self, tree: Tree) -> tuple[Node, list[int]] | None:
        """The node to expand and its untried actions, or ``None`` if no live node has any."""
        bonus = self._c * math.sqrt(math.log(1.0 + len(tree.nodes)))
        spread = self._spread(tree)
        best: tuple[Node, list[int]] | None = None
        best_score = -math.inf
        for k in sorted(self._buckets):
            head = self._head(tree, k)
            if head is None:
                continue
            score = head[0].value / spread + bonus / math.sqrt(1.0 + k)
            if score > best_score:
                best, best_score = head, score
        return best

    def _spread(self, tree: Tree) -> float:
        """R, the range of L over the nodes that may be built upon, at least 0.05."""
        high, low = self._high, self._low
        while high and not _is_current(tree, high[0][1], -high[0][0]):
            heapq.heappop(high)
        while low and not _is_current(tree, low[0][1], low[0][0]):
            heapq.heappop(low)
        return max(_LEAST_SPREAD, -high[0][0] - low[0][0]) if high and low else _LEAST_SPREAD

    def _head(self, tree: Tree, k: int) -> tuple[Node, list[int]] | None:
        bucket = self._buckets[k]
        while bucket:
            key, index = bucket[0]
            node = tree.nodes[index]
            if node.started == k and _is_current(tree, index, -key):
                untried = tree.untried(node)
                if untried:
                    return node, untried
            heapq.heappop(bucket)
        del self._buckets[k]
        return None


def _is_current(tree: Tree, index: int, value: float) -> bool:
    node = tree.nodes[index]
    return node.value == value and is_live(node)


def is_live(node: Node) -> bool:
    """Whether a node may be built upon: it passed, and isn't far worse than its parent."""
    if not node.passed:
        return False
    return node.parent is None or node.value - node.parent.value >= _WORST_STEP

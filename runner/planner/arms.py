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
        self._high = 0.0
        self._low = 0.0

    @property
    def spread(self) -> float:
        """R, the range of L over the nodes that were ever live, at least 0.05."""
        return max(_LEAST_SPREAD, self._high - self._low)

    def update(self, node: Node) -> None:
        """Take note of a node that changed."""
        if not is_live(node):
            return
        self._high = max(self._high, node.value)
        self._low = min(self._low, node.value)
        bucket = self._buckets.setdefault(node.started, [])
        heapq.heappush(bucket, (-node.value, node.index))

    def select(self, tree: Tree) -> tuple[Node, list[int]] | None:
        """The node to expand and its untried actions, or ``None`` if no live node has any."""
        bonus = self._c * math.sqrt(math.log(1.0 + len(tree.nodes)))
        best: tuple[Node, list[int]] | None = None
        best_score = -math.inf
        for k in list(self._buckets):
            head = self._head(tree, k)
            if head is None:
                continue
            score = head[0].value / self.spread + bonus / math.sqrt(1.0 + k)
            if score > best_score:
                best, best_score = head, score
        return best

    def _head(self, tree: Tree, k: int) -> tuple[Node, list[int]] | None:
        bucket = self._buckets[k]
        while bucket:
            key, index = bucket[0]
            node = tree.nodes[index]
            if node.started == k and -key == node.value and is_live(node):
                untried = tree.untried(node)
                if untried:
                    return node, untried
            heapq.heappop(bucket)
        del self._buckets[k]
        return None


def is_live(node: Node) -> bool:
    """Whether a node may be built upon: it passed, and isn't far worse than its parent."""
    if not node.passed:
        return False
    return node.parent is None or node.value - node.parent.value >= _WORST_STEP

"""Nodes by their L, highest first."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from runner.planner.node import Node


class Ranking:
    """The nodes that passed, in a heap; of equal ones the older is first.

    L changes when a node is measured again: the entry that is out of date is dropped when it
    comes up. The root is always in it.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._heap: list[tuple[float, int]] = []

    def add(self, node: Node) -> None:
        """Rank a node that was measured, anew if need be."""
        heapq.heappush(self._heap, (-node.value, node.index))

    def first(self) -> Node:
        """The node of highest L."""
        heap = self._heap
        while not self._is_current(heap[0]):
            heapq.heappop(heap)
        return self._nodes[heap[0][1]]

    def top(self, count: int) -> list[Node]:
        """The ``count`` nodes of highest L, best first; fewer if there are fewer."""
        heap = self._heap
        found: dict[int, tuple[float, int]] = {}
        while heap and len(found) < count:
            entry = heapq.heappop(heap)
            if self._is_current(entry):
                found[entry[1]] = entry
        for entry in found.values():
            heapq.heappush(heap, entry)
        return [self._nodes[index] for index in found]

    def _is_current(self, entry: tuple[float, int]) -> bool:
        node = self._nodes[entry[1]]
        return node.passed and -entry[0] == node.value

"""Textbook UCT on the same tree, rewards and statistics: the special case to compare with."""

from __future__ import annotations

import math

from runner.planner.classic import expand_at_random
from runner.planner.draws import Draws
from runner.planner.node import Node, real
from runner.planner.tree import Choice, Tree

_C = math.sqrt(2.0)


class Ucb1:
    """Descend from the root by UCB1; at a node with untried actions, try one of those first.

    A child's score is its mean reward plus sqrt(2) * sqrt(ln N / n) (Auer et al. 2002; Kocsis and
    Szepesvari 2006). Visits in flight count in N and n, as in WU-UCT (Liu et al. 2020). Children
    that failed, and subtrees with nothing left to try, are never entered. Where an action is
    open-ended the untried ones would never end, so a node then gets ceil(sqrt(N)) children
    (progressive widening, Coulom 2007).
    """

    name = "ucb1"

    def __init__(self, seed: int) -> None:
        self._draws = Draws(seed)
        self._exhausted: set[int] = set()
        self._full: set[int] = set()

    def select(self, tree: Tree, progress: float) -> Choice | None:  # noqa: ARG002
        waiting: set[int] = set()  # nodes below which only work in flight may open something
        while True:
            node: Node = tree.root
            child: Node | None = node
            while child is not None:
                node = child
                untried = self._untried(tree, node)
                first = self._goes_first(tree, node, untried)
                child = None if first else self._descend(tree, node, waiting)
            if untried:
                return expand_at_random(tree, node, untried, self._draws)
            (waiting if node.in_flight else self._exhausted).add(node.index)
            if node.parent is None:
                return None

    def recommend(self, tree: Tree) -> str:
        return tree.best

    def _untried(self, tree: Tree, node: Node) -> list[int]:
        if node.index in self._full:
            return []
        untried = tree.untried(node)
        if not untried:
            self._full.add(node.index)  # known states stay known
        return untried

    def _goes_first(self, tree: Tree, node: Node, untried: list[int]) -> bool:
        if untried and all(tree.actions[i].open_ended for i in untried):
            return node.started**2 <= node.visits + node.in_flight
        return bool(untried)

    def _descend(self, tree: Tree, node: Node, waiting: set[int]) -> Node | None:
        best, best_score = None, -math.inf
        log_n = math.log(max(node.visits + node.in_flight, 1))
        for index in node.children:
            child = tree.nodes[index]
            if child.visits == 0 or index in self._exhausted or index in waiting:
                continue
            if not child.passed:
                continue
            mean = real(child.reward_sum) / child.visits
            score = mean + _C * math.sqrt(log_n / (child.visits + child.in_flight))
            if score > best_score:
                best, best_score = child, score
        return best

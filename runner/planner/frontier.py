"""The default policy: UCB1 over nodes, a surrogate over actions, and whole states at times."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from runner.model import Action, JobKind
from runner.planner.arms import Arms
from runner.planner.bits import bits
from runner.planner.combine import Climb
from runner.planner.draws import generator
from runner.planner.knowledge import Knowledge
from runner.planner.node import Node
from runner.planner.tree import Choice, Tree

_COMBINE_FROM = 8  # evaluations
_COMBINE = 0.5  # chance that a selection proposes a whole state
_TOP = 6  # of the best nodes, one is where the climb to a whole state starts
_CONFIRM_FROM = 0.9  # of the budget: the rest measures the best again
_CONFIRM = 3


class Frontier:
    """Expands the node that promises most by the action that a draw of the model likes best.

    Every selection reads the tree's log from where the last one stopped; nothing else is kept.
    """

    name = "frontier"

    def __init__(self, actions: Sequence[Action], seed: int, c: float) -> None:
        self._seed = seed
        self._arms = Arms(c)
        self._knowledge = Knowledge(actions)
        self._cursor = 0
        self._combines = any(not action.open_ended for action in actions)

    def select(self, tree: Tree, progress: float) -> Choice | None:
        self._read(tree)
        random = generator(self._seed, tree)
        if progress >= _CONFIRM_FROM:
            again = self._confirm(tree)
            if again is not None:
                return again
        if tree.evaluations >= _COMBINE_FROM and random.random_sample() < _COMBINE:
            whole = self._combine(tree, random)
            if whole is not None:
                return whole
        chosen = self._arms.select(tree)
        if chosen is None:
            return self._combine(tree, random)
        return self._step(tree, *chosen, random)

    def recommend(self, tree: Tree) -> str:
        return tree.best

    def _read(self, tree: Tree) -> None:
        changes = tree.changes
        while self._cursor < len(changes):
            node = tree.nodes[changes[self._cursor]]
            self._cursor += 1
            self._arms.update(node)
        self._knowledge.read(tree)

    def _confirm(self, tree: Tree) -> Choice | None:
        """Measure the best nodes again, those first that were measured least."""
        top = [n for n in tree.top(_CONFIRM) if n.parent is not None and not n.open]
        if not top:
            return None
        return Choice(JobKind.REMEASURE, min(top, key=lambda n: n.observations).label)

    def _combine(self, tree: Tree, random: np.random.RandomState) -> Choice | None:
        """The best unseen state by a draw of the model, climbing from one of the best nodes."""
        if not self._combines:
            return None
        weights, suspicion = self._knowledge.draw(random)
        top = tree.top(_TOP)
        start = top[random.randint(len(top))]
        edge = Climb(tree, weights, suspicion).best_unseen(start)
        if edge is None:
            return None
        keys = tuple([tree.actions[i].key for i in edge.actions])
        gain = start.value + edge.gain - edge.node.value
        return Choice(JobKind.EXPAND, edge.node.label, keys, gain)

    def _step(
        self, tree: Tree, node: Node, untried: list[int], random: np.random.RandomState
    ) -> Choice:
        """The untried action of highest drawn gain, by its chance of passing."""
        weights, suspicion = self._knowledge.draw(random)
        count = len(tree.actions)
        now = tree.added(node)
        base = weights.value(bits(now, count).astype(float))
        best, best_score, best_gain = untried[0], -math.inf, 0.0
        for action in untried:
            if tree.actions[action].open_ended:
                gain = score = self._knowledge.strategies.draw(tree, node, action, random)
            else:
                after = bits(tree.successor(now, action), count).astype(float)
                gain = weights.value(after) - base
                score = gain * math.exp(suspicion.log_pass(after, action))
            if score > best_score:
                best, best_score, best_gain = action, score, gain
        return Choice(JobKind.EXPAND, node.label, (tree.actions[best].key,), best_gain)

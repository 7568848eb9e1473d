"""The default policy: UCB1 over nodes, a model of the actions, and leaps to whole states."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from runner.model import Action, JobKind
from runner.planner.arms import Arms
from runner.planner.combine import Climb, Edge, edge_to
from runner.planner.draws import Draws
from runner.planner.knowledge import Knowledge
from runner.planner.memory import Memory
from runner.planner.node import Node
from runner.planner.tree import Choice, Tree

_LEAP_FROM = 8  # evaluations
_LEAP = 0.5  # chance that a selection leaves the arms aside
_CLIMB_TOP = 6  # of so many best nodes, one is where a climb starts
_DRAW_TOP = 12  # of so many best nodes, one is expanded where there is nothing to combine
_CONFIRM_FROM = 0.9  # of the budget: the rest measures the best again
_CONFIRM_TOP = 3
_ENOUGH = 3  # measurements of each of the best, where nothing else is left to do
_DOUBT = 2.5  # standard deviations of a difference within which two nodes may be equal


class Frontier:
    """Expands the node that promises most, by the action that a draw of the model likes best.

    Half of the time it leaps instead: to the best unseen state by a draw of the model, in one
    edge; or, where all actions are open-ended, to a random one of the best nodes. Every selection
    reads the tree's logs from where the last one stopped; all that is kept follows from them.

    With a ``memory`` of earlier searches, each selection is informed by it or not, at random, as the
    memory is trusted. One that is goes to the best state that is remembered and promises more than
    what was found here; it leaps from the start; and its draws are of a model of everything.
    """

    name = "frontier"

    def __init__(
        self, actions: Sequence[Action], seed: int, c: float, memory: Memory | None = None
    ) -> None:
        self._draws = Draws(seed)
        self._arms = Arms(c)
        self._knowledge = Knowledge(actions, memory)
        self._climb = Climb(actions)
        self._combines = any(not action.open_ended for action in actions)
        self._cursor = 0

    def select(self, tree: Tree, progress: float) -> Choice | None:
        self._read(tree)
        random = self._draws.at(tree)
        informed = self._knowledge.informed(random)
        choice: Choice | None = None
        if progress >= _CONFIRM_FROM:
            choice = _confirm(tree)
        if choice is None and informed:
            choice = self._recall(tree)
        may_leap = informed or tree.evaluations >= _LEAP_FROM
        if choice is None and may_leap and random.random_sample() < _LEAP:
            choice = self._leap(tree, random, informed)
        if choice is None:
            arm = self._arms.select(tree)
            if arm:
                choice = self._step(tree, *arm, random, informed)
            else:
                choice = self._last_resort(tree, random, informed)
        return choice

    def recommend(self, tree: Tree) -> str:
        return tree.best

    def _read(self, tree: Tree) -> None:
        changes = tree.changes
        while self._cursor < len(changes):
            self._arms.update(tree.nodes[changes[self._cursor]])
            self._cursor += 1
        self._knowledge.read(tree)

    def _recall(self, tree: Tree) -> Choice | None:
        """The best remembered state that nobody has opened, if it promises more than the best node.

        One at a time: what comes of it tells how far the others may be believed.
        """
        least = tree.node(tree.best).value
        for place in self._knowledge.places:
            if place.gain <= least:
                break
            node = tree.at(place.state)
            if node is None:
                return _along(tree, edge_to(tree, tree.root, place.state, place.gain), place.gain)
            if node.open:
                break
        return None

    def _leap(self, tree: Tree, random: np.random.RandomState, informed: bool) -> Choice | None:
        if self._combines:
            top = tree.top(_CLIMB_TOP)
            return self._combine(tree, top[random.randint(len(top))], random, informed)
        top = tree.top(_DRAW_TOP)
        # A tournament of two, so that the better ones are drawn more often.
        node = top[min(random.randint(len(top), size=2))]
        return self._step(tree, node, tree.untried(node), random, informed)

    def _last_resort(
        self, tree: Tree, random: np.random.RandomState, informed: bool
    ) -> Choice | None:
        """No single action leads anywhere new: whole states may, and so may measuring again."""
        for node in tree.top(_CLIMB_TOP) if self._combines else ():
            choice = self._combine(tree, node, random, informed)
            if choice is not None:
                return choice
        return _confirm(tree, _ENOUGH)

    def _combine(
        self, tree: Tree, start: Node, random: np.random.RandomState, informed: bool
    ) -> Choice | None:
        belief = self._knowledge.draw(random, informed)
        edge = self._climb.best_unseen(tree, start, belief)
        if edge is None:
            return None
        return _along(tree, edge, start.value + edge.gain)

    def _step(
        self,
        tree: Tree,
        node: Node,
        untried: list[int],
        random: np.random.RandomState,
        informed: bool,
    ) -> Choice:
        """The untried action of highest drawn gain times its chance of passing."""
        proposing = [action for action in untried if tree.actions[action].open_ended]
        closed = [action for action in untried if not tree.actions[action].open_ended]
        promises: list[tuple[float, int, float]] = []
        if proposing:
            strategies = self._knowledge.strategies
            action, gain = strategies.draw(tree, node, proposing, random, informed)
            promises.append((gain, action, gain))
        if closed:
            belief = self._knowledge.draw(random, informed)
            gains, worths = self._climb.steps(tree.added(node), belief)
            action = max(closed, key=lambda a: (worths[a], -a))
            promises.append((float(worths[action]), action, float(gains[action])))
        _, action, gain = max(promises)
        return Choice(JobKind.EXPAND, node.label, (tree.actions[action].key,), gain)


def _along(tree: Tree, edge: Edge, gain: float) -> Choice:
    """To go along an edge to a state whose gain from the root is believed to be ``gain``."""
    keys = tuple([tree.actions[i].key for i in edge.actions])
    return Choice(JobKind.EXPAND, edge.node.label, keys, gain - edge.node.value)


def _confirm(tree: Tree, enough: float = math.inf) -> Choice | None:
    """Measure the best nodes again, those first that were measured least.

    ``None`` if no other node could be the best one, or all were measured ``enough`` times.
    """
    top = tree.top(_CONFIRM_TOP)
    first = top[0]
    rivals = [
        node
        for node in top
        if first.value - node.value < _DOUBT * math.hypot(first.deviation, node.deviation)
    ]
    if len(rivals) < 2:
        return None
    waiting = [n for n in rivals if n.parent is not None and not n.open and n.observations < enough]
    if not waiting:
        return None
    return Choice(JobKind.REMEASURE, min(waiting, key=lambda n: n.observations).label)

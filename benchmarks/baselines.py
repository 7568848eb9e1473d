"""Two further baselines, as other tools search: an evolutionary one, and one like AIDE."""

from __future__ import annotations

import numpy as np

from runner.model import JobKind
from runner.planner.draws import Draws
from runner.planner.node import Node
from runner.planner.tree import Choice, Tree


class Evolutionary:
    """A steady-state genetic algorithm over sets of actions.

    Two parents are drawn by tournament among the best ``population`` states; the child has each
    action of theirs with chance 1/2, and each action is flipped with chance 1/n. It is built
    from the root in one edge. Where actions are open-ended there is nothing to cross over, so a
    tournament's winner is mutated by one action.
    """

    name = "evolutionary"

    def __init__(self, seed: int, population: int = 12) -> None:
        self._draws = Draws(seed)
        self._population = population

    def select(self, tree: Tree, progress: float) -> Choice | None:  # noqa: ARG002
        draws = self._draws.at(tree)
        pool = tree.top(self._population)
        for _ in range(50):
            first, second = (self._winner(pool, draws) for _ in range(2))
            choice = (
                self._mutate(tree, first, draws)
                if any(action.open_ended for action in tree.actions)
                else self._cross(tree, first, second, draws)
            )
            if choice is not None:
                return choice
        return next(filter(None, (self._mutate(tree, node, draws) for node in pool)), None)

    def recommend(self, tree: Tree) -> str:
        return tree.best

    def _winner(self, pool: list[Node], draws: np.random.RandomState) -> Node:
        return pool[min(draws.randint(len(pool)), draws.randint(len(pool)))]

    def _mutate(self, tree: Tree, node: Node, draws: np.random.RandomState) -> Choice | None:
        untried = tree.untried(node)
        if not untried:
            return None
        pick = untried[draws.randint(len(untried))]
        return Choice(JobKind.EXPAND, node.label, (tree.actions[pick].key,))

    def _cross(
        self, tree: Tree, first: Node, second: Node, draws: np.random.RandomState
    ) -> Choice | None:
        count = len(tree.actions)
        order = draws.permutation(count)
        keep, flip = draws.random_sample(count), draws.random_sample(count)
        state, edge = 0, []
        for i in order:
            parent = first if keep[i] < 0.5 else second
            if bool(parent.state >> int(i) & 1) != (flip[i] < 1.0 / count):
                state = tree.states.after(state, int(i))
                edge.append(int(i))
        edge = [i for i in edge if state >> i & 1]  # what a later one of its group replaced
        if not edge or tree.at(state) is not None:
            return None
        return Choice(JobKind.EXPAND, tree.root.label, tuple(tree.actions[i].key for i in edge))


class Drafting:
    """Like AIDE (Jiang et al. 2025): five drafts from the root, then the best one is improved by
    a random action, over and over; half of the time, a random one of the five best."""

    name = "aide-like"

    def __init__(self, seed: int, drafts: int = 5) -> None:
        self._draws = Draws(seed)
        self._drafts = drafts

    def select(self, tree: Tree, progress: float) -> Choice | None:  # noqa: ARG002
        draws = self._draws.at(tree)
        nodes = tree.top(len(tree.nodes) if tree.started > 150 else 60)
        if tree.root.started < self._drafts:
            nodes = [tree.root]
        elif draws.random_sample() < 0.5:
            place = draws.randint(min(5, len(nodes)))
            nodes = nodes[place:] + nodes[:place]
        for node in nodes:
            untried = tree.untried(node)
            if untried:
                pick = untried[draws.randint(len(untried))]
                return Choice(JobKind.EXPAND, node.label, (tree.actions[pick].key,))
        return None

    def recommend(self, tree: Tree) -> str:
        return tree.best

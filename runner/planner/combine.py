"""Whole states: what the surrogate holds to be the best that nobody has opened."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from runner.model import Action
from runner.planner.bits import bits
from runner.planner.blame import Suspicion
from runner.planner.node import Node
from runner.planner.surrogate import Matrix, Weights
from runner.planner.tree import Tree

_STEPS = 30  # a climb over single changes is over long before
_LEAST_GAIN = 1e-12


@dataclass(frozen=True, slots=True)
class Edge:
    """A state to be reached from ``node`` by ``actions`` (indexes, in order) in one container.

    ``gain`` is the drawn model's, over the node that the climb started at.
    """

    node: Node
    actions: tuple[int, ...]
    gain: float


class Climb:
    """Local search over states, by adding, replacing and removing single actions.

    A state is worth p * (V - V(start)), with V the drawn model's value and p the chance that the
    state passes. What an open-ended action made stays: only what was added since can change.
    """

    def __init__(self, actions: Sequence[Action]) -> None:
        self._mates = np.array(
            [
                [a is not b and a.group != "" and a.group == b.group for b in actions]
                for a in actions
            ],
            dtype=float,
        ).reshape(len(actions), len(actions))
        self._open_ended = np.array([action.open_ended for action in actions], dtype=bool)

    def steps(self, added: int, weights: Weights, suspicion: Suspicion) -> tuple[Matrix, Matrix]:
        """For a passing state, what toggling each single action gains, and what that is worth."""
        x = bits(added, len(self._mates)).astype(float)
        gains = self._changes(weights.alone, weights.pairs, x)
        logs = self._changes(suspicion.alone, suspicion.pairs, x)
        return gains, _worth(gains, logs)

    def best_unseen(
        self, tree: Tree, start: Node, weights: Weights, suspicion: Suspicion
    ) -> Edge | None:
        """The best state that no node was opened for, or ``None`` if none came up."""
        lineage, states, count = start.lineage, tree.states, len(tree.actions)
        frozen = self._open_ended | (bits(lineage.state, count) > 0)
        state, value, worth, log_pass = tree.added(start), 0.0, 0.0, 0.0
        found: tuple[int, float] | None = None
        found_worth = -math.inf
        for _ in range(_STEPS):
            x = bits(state, count).astype(float)
            values = value + self._changes(weights.alone, weights.pairs, x)
            logs = log_pass + self._changes(suspicion.alone, suspicion.pairs, x)
            worths = _worth(values, logs)
            worths[frozen] = -math.inf
            order = np.argsort(-worths, kind="stable").tolist()
            for i in order:
                if worths[i] <= found_worth:
                    break
                moved = states.toggled(state, i)
                if tree.at(states.combined(lineage.state, moved)) is None:
                    found, found_worth = (moved, float(values[i])), float(worths[i])
                    break
            i = order[0]
            if worths[i] <= worth + _LEAST_GAIN:
                break
            state, value = states.toggled(state, i), float(values[i])
            worth, log_pass = float(worths[i]), float(logs[i])
        return None if found is None else _edge(tree, lineage, *found)

    def _changes(self, alone: Matrix, pairs: Matrix, x: Matrix) -> Matrix:
        """What toggling each action adds to alone . x + x' pairs x / 2, where an action that is
        added replaces its mates."""
        slopes = alone + pairs @ x
        mates = self._mates * x
        replaced = mates @ slopes + (mates * pairs).sum(axis=1)
        changes: Matrix = np.where(x > 0, -slopes, slopes - replaced)
        return changes


def _worth(values: Matrix, logs: Matrix) -> Matrix:
    worth: Matrix = np.exp(np.minimum(logs, 0.0)) * values
    return worth


def _edge(tree: Tree, lineage: Node, state: int, gain: float) -> Edge:
    """From the nearest committed state with one or two actions less, or else the lineage."""
    on = tree.states.actions_in(state)
    for rest, without in _less(state, on):
        node = tree.at(tree.states.combined(lineage.state, without))
        if node is not None and node.passed:
            return Edge(node, rest, gain)
    return Edge(lineage, tuple(on), gain)


def _less(state: int, on: list[int]) -> Iterator[tuple[tuple[int, ...], int]]:
    for i in on:
        yield (i,), state & ~(1 << i)
    for place, i in enumerate(on):
        for j in on[place + 1 :]:
            yield (i, j), state & ~(1 << i | 1 << j)

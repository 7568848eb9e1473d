"""Whole states: what the surrogate holds to be the best that nobody has opened."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runner.model import Action
from runner.planner.bits import bits
from runner.planner.blame import Suspicion
from runner.planner.node import Node
from runner.planner.states import States
from runner.planner.surrogate import Matrix, Weights
from runner.planner.tree import Tree

Frozen = npt.NDArray[np.bool_]

_STEPS = 30  # a climb over single changes is over long before
_DETOURS = 6  # steps that lead down, before a climb that found nothing is given up
_LEAST_GAIN = 1e-12


@dataclass(frozen=True, slots=True)
class Belief:
    """One draw of what is believed: gains, what fails, and what a failure costs (log units)."""

    weights: Weights
    suspicion: Suspicion
    fear: float


@dataclass(frozen=True, slots=True)
class Edge:
    """A state to be reached from ``node`` by ``actions`` (indexes, in order) in one container.

    ``gain`` is the drawn model's, over the node that the climb started at.
    """

    node: Node
    actions: tuple[int, ...]
    gain: float


@dataclass(frozen=True, slots=True)
class _Place:
    """A state that a climb may pass: the bits added since the lineage, and what is believed of it
    relative to the start."""

    state: int
    value: float = 0.0
    log_pass: float = 0.0
    worth: float = 0.0


class Climb:
    """Local search over states, by adding, replacing and removing single actions.

    A state is worth p * (V - V(start)) - (1 - p) * fear, with V the drawn model's value and p the
    chance that the state passes. What an open-ended action made stays: only what was added since
    can change.
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

    def steps(self, added: int, belief: Belief) -> tuple[Matrix, Matrix]:
        """For a passing state, what toggling each single action gains, and what that is worth."""
        gains, _, worths = self._neighbours(_Place(added), belief)
        return gains, worths

    def best_unseen(self, tree: Tree, start: Node, belief: Belief) -> Edge | None:
        """The best unseen state next to the way up, or ``None`` if none came up.

        Where the way ends and all about it is known, it goes on through the least bad of what it
        hasn't passed yet.
        """
        lineage, states = start.lineage, tree.states
        frozen = self._open_ended | (bits(lineage.state, len(tree.actions)) > 0)
        here = _Place(tree.added(start))
        best: _Place | None = None
        passed, detours = {here.state}, 0
        for _ in range(_STEPS):
            onward: _Place | None = None
            for place in self._around(here, states, frozen, belief):
                if onward is None and place.state not in passed:
                    onward = place
                if best is not None and place.worth <= best.worth:
                    break
                if tree.at(states.combined(lineage.state, place.state)) is None:
                    best = place
                    break
            detours += onward is not None and onward.worth <= here.worth + _LEAST_GAIN
            if onward is None or detours > (_DETOURS if best is None else 0):
                break
            here = onward
            passed.add(here.state)
        return None if best is None else edge_to(tree, lineage, best.state, best.value)

    def _around(
        self, here: _Place, states: States, frozen: Frozen, belief: Belief
    ) -> Iterator[_Place]:
        """The states one toggle away, best first."""
        values, logs, worths = self._neighbours(here, belief)
        worths[frozen] = -math.inf
        for i in np.argsort(-worths, kind="stable").tolist():
            if frozen[i]:
                return
            state = states.toggled(here.state, i)
            yield _Place(state, float(values[i]), float(logs[i]), float(worths[i]))

    def _neighbours(self, here: _Place, belief: Belief) -> tuple[Matrix, Matrix, Matrix]:
        """Value, log of the chance to pass, and worth of each state that is one toggle away."""
        x = bits(here.state, len(self._mates)).astype(float)
        weights, suspicion = belief.weights, belief.suspicion
        values = here.value + self._changes(weights.alone, weights.pairs, x)
        logs = here.log_pass + self._changes(suspicion.alone, suspicion.pairs, x)
        passes = np.exp(np.minimum(logs, 0.0))
        return values, logs, passes * values - (1.0 - passes) * belief.fear

    def _changes(self, alone: Matrix, pairs: Matrix, x: Matrix) -> Matrix:
        """What toggling each action adds to alone . x + x' pairs x / 2, where an action that is
        added replaces its mates."""
        slopes = alone + pairs @ x
        mates = self._mates * x
        replaced = mates @ slopes + (mates * pairs).sum(axis=1)
        changes: Matrix = np.where(x > 0, -slopes, slopes - replaced)
        return changes


def edge_to(tree: Tree, lineage: Node, state: int, gain: float) -> Edge:
    """To a state whose bits are those added since the lineage: from the nearest committed state with one or two actions less, or else the lineage."""
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

"""The default policy: UCB over nodes, a surrogate over actions, blame for failures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.model import Action, JobKind, Outcome
from runner.planner.arms import Arms
from runner.planner.blame import Blame, Suspicion
from runner.planner.draws import generator
from runner.planner.node import Node
from runner.planner.surrogate import Bits, Posterior, Surrogate
from runner.planner.tree import Choice, Tree

_FAILED = (Outcome.FAILED, Outcome.TIMEOUT, Outcome.OOM, Outcome.DISK, Outcome.TAMPERED)
_FEAR = 0.3  # what a certain failure costs, in units of the spread
_CONFIRM_FROM = 0.9  # of the budget: the rest measures the best again
_CONFIRM = 3
_ALWAYS_FIT = 256  # observations; above, fit whenever 1/128 more are there


class Frontier:
    """See the design notes; every part keeps only what it read from the tree's log."""

    name = "frontier"

    def __init__(self, actions: Sequence[Action], seed: int, c: float) -> None:
        self._seed = seed
        self._arms = Arms(c)
        self._blame = Blame(len(actions))
        self._surrogate = Surrogate([action.prior for action in actions])
        self._cursor = 0
        self._seen: dict[int, tuple[int, int]] = {}
        self._failed: set[int] = set()
        self._fitted = -1
        self._posterior: Posterior | None = None
        self._suspicion: Suspicion | None = None

    def select(self, tree: Tree, progress: float) -> Choice | None:
        self._read(tree)
        if progress >= _CONFIRM_FROM:
            again = self._confirm(tree)
            if again is not None:
                return again
        chosen = self._arms.select(tree)
        if chosen is None:
            return None
        node, untried = chosen
        action, gain = self._act(tree, node, untried)
        return Choice(JobKind.EXPAND, node.label, (tree.actions[action].key,), gain)

    def recommend(self, tree: Tree) -> str:
        return tree.best

    def _confirm(self, tree: Tree) -> Choice | None:
        top = [n for n in tree.top(_CONFIRM) if n.parent is not None and not n.open]
        if not top:
            return None
        node = min(top, key=lambda n: n.observations)
        return Choice(JobKind.REMEASURE, node.label)

    def _act(self, tree: Tree, node: Node, untried: list[int]) -> tuple[int, float]:
        posterior, suspicion = self._models()
        weights = posterior.draw(generator(self._seed, tree))
        x = _bits(node.state, len(tree.actions)).astype(float)
        base = weights.value(x)
        best, best_score, best_gain = untried[0], -np.inf, 0.0
        for action in untried:
            state = tree.successor(node.state, action)
            after = _bits(state, len(tree.actions)).astype(float)
            gain = weights.value(after) - base
            fails = -np.expm1(suspicion.log_pass(after, action))
            score = (1.0 - fails) * gain - _FEAR * fails * self._arms.spread
            if score > best_score:
                best, best_score, best_gain = action, score, gain
        return best, float(best_gain)

    def _models(self) -> tuple[Posterior, Suspicion]:
        known = len(self._seen) + len(self._failed)
        due = self._fitted + max(1, known // 128 if known > _ALWAYS_FIT else 1)
        if self._posterior is None or self._suspicion is None or known >= due:
            self._posterior = self._surrogate.fit()
            self._suspicion = self._blame.judge()
            self._fitted = known
        return self._posterior, self._suspicion

    def _read(self, tree: Tree) -> None:
        changes = tree.changes
        while self._cursor < len(changes):
            node = tree.nodes[changes[self._cursor]]
            self._cursor += 1
            self._arms.update(node)
            self._learn(tree, node)

    def _learn(self, tree: Tree, node: Node) -> None:
        count = len(tree.actions)
        if node.outcome in _FAILED and node.index not in self._failed:
            self._failed.add(node.index)
            self._blame.failing(_bits(node.state, count))
        seen, total = self._seen.get(node.index, (0, 0))
        if node.observations > seen:
            if seen == 0:
                self._blame.passing(_bits(node.state, count))
            self._seen[node.index] = (node.observations, node.observation_sum)
            before = node.lineage
            added = node.state & ~before.state
            extra = node.observations - seen
            offset = before.first * extra
            gained = node.observation_sum - total - offset
            self._surrogate.observe(_bits(added, count), extra, gained)


def _bits(state: int, count: int) -> Bits:
    size = (count + 7) // 8
    raw = (state & ((1 << count) - 1)).to_bytes(size, "little")
    return np.unpackbits(np.frombuffer(raw, dtype=np.uint8), bitorder="little")[:count]

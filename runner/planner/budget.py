"""What a search may spend, and when it has what it wanted."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from dataclasses import dataclass

from runner.model import Metric, Stopped, StopReason, Target
from runner.planner.node import Node
from runner.planner.tree import Tree

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """The limits of a search; ``None`` is no limit. ``targets`` must all be met by one node.
    ``cost_usd`` is what models may cost."""

    nodes: int | None = None
    wall_time_s: float | None = None
    container_s: float | None = None
    snapshot_bytes: int | None = None
    targets: tuple[Target, ...] = ()
    cost_usd: float | None = None


class Budget:
    """Compares a tree with its limits. ``spent_s`` is the time an earlier part of the run took,
    ``before_s`` the container seconds of that part, the root's included, ``before_usd`` what its
    models have cost.

    Raises ``ValueError`` for a target whose operator isn't one of ``<``, ``<=``, ``>``, ``>=``.
    """

    def __init__(
        self,
        limits: BudgetLimits,
        clock: Callable[[], float] = time.monotonic,
        spent_s: float = 0.0,
        before_s: float = 0.0,
        before_usd: float = 0.0,
    ) -> None:
        for target in limits.targets:
            if target.operator not in _COMPARE:
                raise ValueError(
                    f"operator {target.operator!r} is not one of {', '.join(_COMPARE)}"
                )
        self.limits = limits
        self._clock = clock
        self._start_s = clock() - spent_s
        self._before_s = before_s
        self._before_usd = before_usd
        self._cursor = 0  # into the tree's log: nodes before it met no target
        self._met: str | None = None

    @property
    def elapsed_s(self) -> float:
        """The wall time of the search, earlier parts of the run included."""
        return self._clock() - self._start_s

    def spent(self, tree: Tree) -> Stopped | None:
        """Why nothing more may be started, or ``None``.

        Evaluations count when they are started, so that exactly ``nodes`` of them happen.
        """
        limits = self.limits
        met = self._target_met_by(tree)
        if met is not None:
            wishes = ", ".join(f"{t.metric} {t.operator} {t.value:g}" for t in limits.targets)
            return Stopped(StopReason.TARGET, f"{met}: {wishes}")
        if limits.nodes is not None and tree.started >= limits.nodes:
            return Stopped(StopReason.NODES, f"{tree.started} of {limits.nodes} evaluations")
        if limits.wall_time_s is not None and self.elapsed_s >= limits.wall_time_s:
            return Stopped(
                StopReason.TIME, f"{self.elapsed_s:.1f} of {limits.wall_time_s:g} seconds"
            )
        if limits.container_s is not None and tree.container_s + self._before_s >= limits.container_s:
            spent_s = tree.container_s + self._before_s
            return Stopped(
                StopReason.CONTAINERS, f"{spent_s:.1f} of {limits.container_s:g} container seconds"
            )
        if limits.cost_usd is not None and tree.cost_usd + self._before_usd >= limits.cost_usd:
            spent_usd = tree.cost_usd + self._before_usd
            return Stopped(StopReason.COST, f"{spent_usd:.2f} of {limits.cost_usd:.2f} US dollars")
        if limits.snapshot_bytes is not None and tree.snapshot_bytes >= limits.snapshot_bytes:
            return Stopped(
                StopReason.BYTES, f"{tree.snapshot_bytes} of {limits.snapshot_bytes} bytes"
            )
        return None

    def progress(self, tree: Tree) -> float:
        """The share of the scarcest limit that is used, 0 to 1; 0 without limits."""
        limits = self.limits
        used = 0.0
        if limits.nodes is not None:
            used = max(used, tree.started / max(limits.nodes, 1))
        if limits.wall_time_s is not None:
            used = max(used, self.elapsed_s / max(limits.wall_time_s, 1e-9))
        if limits.container_s is not None:
            spent_s = tree.container_s + self._before_s
            used = max(used, spent_s / max(limits.container_s, 1e-9))
        if limits.cost_usd is not None:
            used = max(used, (tree.cost_usd + self._before_usd) / limits.cost_usd)
        if limits.snapshot_bytes is not None:
            used = max(used, tree.snapshot_bytes / max(limits.snapshot_bytes, 1))
        return min(used, 1.0)

    def _target_met_by(self, tree: Tree) -> str | None:
        if not self.limits.targets:
            return None
        while self._met is None and self._cursor < len(tree.changes):
            node = tree.nodes[tree.changes[self._cursor]]
            self._cursor += 1
            if self._meets(node):
                self._met = node.label
        return self._met

    def _meets(self, node: Node) -> bool:
        return node.passed and all(_holds(target, node.metrics) for target in self.limits.targets)


def _holds(target: Target, metrics: tuple[Metric, ...]) -> bool:
    compare = _COMPARE[target.operator]
    return any(m.name == target.metric and compare(m.value, target.value) for m in metrics)

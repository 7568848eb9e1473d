"""What the planner itself costs per node, in trees of 100 to 100,000 nodes.

    python -m benchmarks.planner_scale [--quick] [--actions N]

Each policy grows its own tree over a made-up landscape of 20 actions. The cost of a node is that
of one select, open and close in processor time, averaged over the last tenth of the nodes that lead to each size;
the landscape's own cost is left out. ``growth`` is the cost over that at the first size, and
``over log`` is that growth over the growth of log(nodes): at most 1 means no worse than
logarithmic.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402

from runner.model import (  # noqa: E402
    ROOT,
    Action,
    Expansion,
    Job,
    Measurement,
    Outcome,
    Snapshot,
    State,
)
from runner.planner.policy import POLICIES, make_policy  # noqa: E402
from runner.planner.reward import judge, verdict_of  # noqa: E402
from runner.planner.tree import Tree  # noqa: E402

SIZES = (100, 1_000, 10_000, 100_000)
LIMIT_MS = 1.0  # at 10,000 nodes


@dataclass(frozen=True, slots=True)
class Row:
    """The cost of a node for one policy at one size, in milliseconds."""

    policy: str
    nodes: int
    cost_ms: float
    growth: float
    over_log: float


class Landscape:
    """Random weights of the actions and their pairs; a tenth of the pairs fail together."""

    def __init__(self, count: int, seed: int) -> None:
        random = np.random.RandomState(seed)
        self.actions = tuple(Action(f"a{i}") for i in range(count))
        self._place = {action.key: i for i, action in enumerate(self.actions)}
        self._alone = random.normal(0.0, 0.05, count)
        self._pairs = np.triu(random.normal(0.0, 0.02, (count, count)), 1)
        self._fails = np.triu(random.random_sample((count, count)) < 0.02, 1)
        self._noise = random
        self._states: dict[str, tuple[int, ...]] = {ROOT: ()}

    def expand(self, job: Job) -> Expansion:
        """What a worker would have found."""
        before = self._states[job.origin.label]
        state = (*before, *(self._place[action.key] for action in job.actions))
        self._states[job.label] = state
        x = np.zeros(len(self.actions))
        x[list(state)] = 1.0
        if x @ self._fails @ x > 0:
            verdict = verdict_of(Outcome.FAILED)
            return Expansion(job, verdict.outcome, verdict.decision, verdict.reward)
        y = np.zeros(len(self.actions))
        y[list(before)] = 1.0
        gain = self._value(x) - self._value(y) + float(self._noise.normal(0.0, 0.01))
        measurement = Measurement(gain, gain - 0.02, gain + 0.02, 1)
        verdict = judge(measurement)
        snapshot = Snapshot(job.label, job.label, job.origin.label, len(state), 1)
        return Expansion(
            job, verdict.outcome, verdict.decision, verdict.reward, "", measurement, snapshot
        )

    def _value(self, x: npt.NDArray[np.float64]) -> float:
        return float(self._alone @ x + x @ self._pairs @ x)


def grow(policy: str, sizes: Sequence[int], actions: int = 20, seed: int = 1) -> list[Row]:
    """The costs of one policy at all sizes; fewer rows if its space is exhausted before."""
    landscape = Landscape(actions, seed)
    chooser = make_policy(policy, landscape.actions, seed)
    tree = Tree(State(ROOT), landscape.actions)
    costs: list[tuple[int, float]] = []
    for size in sizes:
        start = size - max(size // 10, 50)
        spent_s, counted = 0.0, 0
        while tree.started < size:
            at = time.process_time()
            choice = chooser.select(tree, 0.0)
            if choice is None:
                return _rows(policy, costs)
            job = tree.open(choice)
            passed_s = time.process_time() - at
            expansion = landscape.expand(job)
            at = time.process_time()
            tree.close(expansion)
            passed_s += time.process_time() - at
            if tree.started > start:
                spent_s, counted = spent_s + passed_s, counted + 1
        costs.append((size, spent_s / counted * 1e3))
    return _rows(policy, costs)


def _rows(policy: str, costs: Sequence[tuple[int, float]]) -> list[Row]:
    rows = []
    for size, cost_ms in costs:
        growth = cost_ms / costs[0][1]
        over_log = growth / (math.log(size) / math.log(costs[0][0]))
        rows.append(Row(policy, size, cost_ms, growth, over_log))
    return rows


def run(sizes: Sequence[int] = SIZES, actions: int = 20) -> list[Row]:
    """The costs of all policies at all sizes."""
    return [row for policy in POLICIES for row in grow(policy, sizes, actions)]


def table(rows: Sequence[Row]) -> str:
    """The rows as text."""
    lines = [f"{'policy':10} {'nodes':>8} {'ms/node':>9} {'growth':>7} {'over log':>9}"]
    lines += [
        f"{r.policy:10} {r.nodes:8d} {r.cost_ms:9.3f} {r.growth:7.2f} {r.over_log:9.2f}"
        for r in rows
    ]
    return "\n".join(lines)


def broken(rows: Sequence[Row]) -> list[str]:
    """Which promises the rows break: the cost at 10,000 nodes, and the growth from there on."""
    found = []
    for row in rows:
        if row.nodes == 10_000 and row.cost_ms > LIMIT_MS:
            found.append(f"{row.policy}: {row.cost_ms:.2f} ms at 10,000 nodes")
        if row.nodes >= 10_000 and row.over_log > 1.0:
            found.append(f"{row.policy}: grows faster than log up to {row.nodes:,} nodes")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="up to 10,000 nodes only")
    parser.add_argument("--actions", type=int, default=20)
    options = parser.parse_args()
    rows = run(SIZES[:3] if options.quick else SIZES, options.actions)
    print(table(rows))
    print(f"\npromised: at most {LIMIT_MS:g} ms at 10,000 nodes, growth over log at most 1")
    failures = broken(rows)
    print("\n".join(f"BROKEN {failure}" for failure in failures) or "kept")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

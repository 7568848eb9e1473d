"""How many evaluations a policy needs to find 95 % of the best gain.

    python -m benchmarks.search_efficiency [--quick] [--seeds N] [--first SEED] [--nodes N]

Each policy searches the same generated spaces (see ``benchmarks.families``) with 4 workers that
finish out of order, and noisy measurements. A search succeeds at the first completed evaluation
after which the state that it *would return* has at least 95 % of the best gain. The figure is the
evaluations of all searches (a search that fails counts its whole budget) over the number of
successes. Losses are listed: searches where another policy was faster than ``frontier``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

# One thread per process: the matrices are small, and the processes share the cores.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from benchmarks.baselines import Drafting, Evolutionary  # noqa: E402
from benchmarks.families import FAMILIES  # noqa: E402
from runner.planner.policy import POLICIES, Policy, make_policy  # noqa: E402
from runner.planner.space import Space  # noqa: E402
from runner.simulate import SimulationResult, simulate_policy  # noqa: E402

WORKERS = 4
SHARE = 0.95
FIRST_SEED = 200_000  # development used seeds below 10,000
BASELINES: dict[str, Callable[[int], Policy]] = {
    "evolutionary": Evolutionary,
    "aide-like": Drafting,
}
NAMES = (*POLICIES, *BASELINES)


@dataclass(frozen=True, slots=True)
class Row:
    """A policy over the seeds of one family, or of all. ``cost`` is evaluations per success;
    ``losses`` are the seeds where this policy needed fewer evaluations than ``frontier``."""

    family: str
    policy: str
    cost: float
    ratio: float
    median: float
    success: float
    losses: int


def needed(result: SimulationResult, space: Space) -> int | None:
    """The number of the first evaluation after which the search would return a good state."""
    wanted = SHARE * result.best_gain
    for evaluation in result.evaluations:
        if space.gain(evaluation.recommended_true) >= wanted - 1e-12:
            return evaluation.n
    return None


def run(
    seeds: Sequence[int], nodes: int = 200, names: Sequence[str] = NAMES, processes: int = 2
) -> list[Row]:
    """Search all families with all policies; rows by family, then over all of them."""
    tasks = [(family, seed, nodes, tuple(names)) for family in FAMILIES for seed in seeds]
    with ProcessPoolExecutor(processes) as pool:
        found = list(pool.map(_search, tasks, chunksize=4))
    rows: list[Row] = []
    for family in (*FAMILIES, "all"):
        chosen = [
            counts for task, counts in zip(tasks, found, strict=True) if family in (task[0], "all")
        ]
        rows.extend(_rows(family, chosen, nodes, names))
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows as text; ``ratio`` is frontier's cost over this policy's (below 1: it is ahead)."""
    lines = [
        f"{'family':10} {'policy':13} {'evals/success':>13} {'frontier/it':>11} "
        f"{'median':>7} {'success':>8} {'losses':>7}"
    ]
    lines += [
        f"{r.family:10} {r.policy:13} {r.cost:13.1f} {r.ratio:11.2f} "
        f"{r.median:7.0f} {r.success:8.0%} {r.losses:7d}"
        for r in rows
    ]
    return "\n".join(lines)


def _search(task: tuple[str, int, int, tuple[str, ...]]) -> dict[str, int | None]:
    family, seed, nodes, names = task
    space = FAMILIES[family](seed)
    found: dict[str, int | None] = {}
    for name in names:
        policy = (
            BASELINES[name](seed) if name in BASELINES else make_policy(name, space.actions, seed)
        )
        found[name] = needed(simulate_policy(space, policy, nodes, WORKERS, seed), space)
    return found


def _rows(
    family: str, found: Sequence[dict[str, int | None]], nodes: int, names: Sequence[str]
) -> list[Row]:
    costs = {name: _cost([counts[name] for counts in found], nodes) for name in names}
    rows = []
    for name in names:
        counts = _counts(found, name, nodes)
        reference = _counts(found, "frontier", nodes)
        rows.append(
            Row(
                family,
                name,
                costs[name],
                costs["frontier"] / costs[name],
                statistics.median(counts),
                sum(c[name] is not None for c in found) / len(found),
                sum(a < b for a, b in zip(counts, reference, strict=True)),
            )
        )
    return rows


def _counts(found: Sequence[dict[str, int | None]], name: str, nodes: int) -> list[int]:
    """The evaluations of each search; one that fails counts its whole budget."""
    counts = [entry[name] for entry in found]
    return [nodes if count is None else count for count in counts]


def _cost(counts: Sequence[int | None], nodes: int) -> float:
    successes = sum(count is not None for count in counts)
    total = sum(nodes if count is None else count for count in counts)
    return total / successes if successes else float("inf")


def promises(rows: Sequence[Row]) -> list[tuple[str, float, float]]:
    """What was promised: a name, frontier's ratio, and the most that it may be."""
    cost = {(row.family, row.policy): row.cost for row in rows}

    def over_best(family: str) -> float:
        single = [c for (f, policy), c in cost.items() if f == family and policy != "frontier"]
        return cost[family, "frontier"] / min(single)

    return [
        ("all families, over the best single baseline", over_best("all"), 0.75),
        ("patch catalogues, over the best single baseline", over_best("catalogue"), 0.70),
        ("all families, over textbook ucb1", cost["all", "frontier"] / cost["all", "ucb1"], 0.10),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="20 seeds, nothing is judged")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    count = 20 if options.quick else options.seeds
    seeds = range(options.first, options.first + count)
    rows = run(seeds, options.nodes, processes=options.processes)
    print(table(rows))
    if options.quick:
        return 0  # too few seeds to tell
    print(f"\n{'promised':50} {'found':>6} {'most':>6}")
    found = promises(rows)
    for name, ratio, most in found:
        print(f"{name:50} {ratio:6.2f} {most:6.2f}{'' if ratio <= most else '  BROKEN'}")
    return 0 if all(ratio <= most for _, ratio, most in found) else 1


if __name__ == "__main__":
    sys.exit(main())

"""What a second search of the same target gains by the knowledge of the first one.

    python -m benchmarks.knowledge [--quick] [--seeds N] [--first SEED] [--nodes N]

On each generated space (see ``benchmarks.families``), and on the shipped example's recorded one, a
first search has 200 evaluations; its visits become lessons, and these a memory. Then others search
it, with other seeds and other noise, each until the state that it would return has at least 95 % of
the best gain. The figure is, as in ``benchmarks.search_efficiency``, the evaluations of all searches
(one that fails counts its whole budget) over the number of successes.

    first      the first search
    none       a second one that knows nothing
    memory     a second one that knows what the first has seen
    short      what the first has seen in its first 25 evaluations
    gains      misled: which state had which gain is shuffled
    names      misled: which action did what is shuffled
    drift      a third of the actions no longer do anything; knows what was seen before that
    drift none the same, knowing nothing
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

# One thread per process: the matrices are small, and the processes share the cores.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from benchmarks.families import FAMILIES  # noqa: E402
from runner.knowledge import About, lesson_of, memory_of  # noqa: E402
from runner.model import ROOT, Closed, Metric, State  # noqa: E402
from runner.planner.budget import Budget, BudgetLimits  # noqa: E402
from runner.planner.memory import Memory, Seen, Used  # noqa: E402
from runner.planner.policy import make_policy  # noqa: E402
from runner.planner.space import Space, load_space  # noqa: E402
from runner.planner.tree import Tree  # noqa: E402
from runner.search import search  # noqa: E402
from runner.simulate import Forgetful, SpacePool  # noqa: E402
from runner.store import Lesson  # noqa: E402

WORKERS = 4
SHARE = 0.95
SHORT = 25  # evaluations
FIRST_SEED = 400_000  # development used seeds below 10,000
EXAMPLE = Path(__file__).parents[1] / "examples" / "helios" / "space.json"
HELIOS = "helios"
PLACES = (*FAMILIES, HELIOS)
SEARCHES = ("first", "none", "memory", "short", "gains", "names", "drift", "drift none")
# What was promised: a search's cost over another's, and the most that it may be.
PROMISES = (("memory", "first", 0.6), ("gains", "none", 1.1), ("names", "none", 1.1))

Counts = dict[str, int | None]


@dataclass(frozen=True, slots=True)
class Row:
    """The searches of one place: for each the evaluations per success."""

    place: str
    costs: Mapping[str, float]

    def ratio(self, search: str, other: str) -> float:
        return self.costs[search] / self.costs[other]


def space_of(place: str, seed: int) -> Space:
    """A generated space; the example has one, whatever the seed."""
    if place == HELIOS:
        return load_space(EXAMPLE.read_text(encoding="utf-8"))
    return FAMILIES[place](seed)


def searched(
    space: Space, seed: int, nodes: int, memory: Memory | None = None, to_the_end: bool = False
) -> tuple[int | None, list[Lesson]]:
    """The number of the first evaluation after which the search would return a good state, and the
    lessons of all that it made. It ends there, unless it is to go on to the end of its budget."""
    about = About("space", f"run-{seed}", "space", space.metric)
    tree = Tree(State(ROOT), space.actions, (Metric(space.metric.name, space.root),))
    pool = SpacePool(space, WORKERS, seed)
    policy = make_policy("frontier", space.actions, seed, memory=memory)
    wanted = SHARE * space.gain(space.best()[1])
    budget = Budget(BudgetLimits(nodes=nodes), lambda: pool.now_s)
    found: int | None = None
    lessons: list[Lesson] = []
    for event in search(tree, policy, budget, pool, Forgetful()):
        if not isinstance(event, Closed):
            continue
        lesson = lesson_of(event.expansion, tree, about)
        lessons += [lesson] if lesson else []
        value = space.value(pool.state(policy.recommend(tree)))
        if found is None and value is not None and space.gain(value) >= wanted - 1e-12:
            found = tree.evaluations
        if found is not None and not to_the_end:
            break
    return found, lessons


def measure(place: str, seed: int, nodes: int) -> Counts:
    """All searches of one space."""
    space = space_of(place, seed)
    found, lessons = searched(space, seed, nodes, to_the_end=True)
    memory = memory_of(lessons, "space")
    rng = random.Random(f"knowledge {place} {seed}")
    changed = drifted(space, rng)
    other = seed + 1_000_000
    later = {
        "none": (space, None),
        "memory": (space, memory),
        "short": (space, memory_of(lessons[:SHORT], "space")),
        "gains": (space, shuffled_gains(memory, rng)),
        "names": (space, shuffled_names(memory, space, rng)),
        "drift": (changed, memory),
        "drift none": (changed, None),
    }
    counts: Counts = {"first": found}
    for name, (where, knows) in later.items():
        counts[name], _ = searched(where, other, nodes, knows)
    return counts


def shuffled_gains(memory: Memory, rng: random.Random) -> Memory:
    """Which state had which gain, or failed, dealt out anew; so with the proposals."""
    gains = [each.gain for each in memory.seen]
    others = [each.gain for each in memory.used]
    rng.shuffle(gains)
    rng.shuffle(others)
    return Memory(
        tuple(replace(each, gain=gain) for each, gain in zip(memory.seen, gains, strict=True)),
        tuple(replace(each, gain=gain) for each, gain in zip(memory.used, others, strict=True)),
    )


def shuffled_names(memory: Memory, space: Space, rng: random.Random) -> Memory:
    """The actions' keys dealt out anew: groups among those of equal size, and within each group; so
    with the strategies' tags."""
    names: dict[str, str] = {}
    for _, equal in groupby(sorted(_groups(space), key=len), key=len):
        groups = list(equal)
        for old, new in zip(groups, rng.sample(groups, len(groups)), strict=True):
            names.update(zip(old, rng.sample(new, len(new)), strict=True))
    tags = sorted({action.tag for action in space.actions if action.tag})
    other = dict(zip(tags, rng.sample(tags, len(tags)), strict=True))
    return Memory(
        tuple(Seen(frozenset(names[k] for k in s.keys), s.gain, s.weight) for s in memory.seen),
        tuple(Used(other.get(u.tag, u.tag), u.before, u.gain, u.weight) for u in memory.used),
    )


def _groups(space: Space) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for action in space.actions:
        if not action.open_ended:
            groups.setdefault(action.group or f"\0{action.key}", []).append(action.key)
    return list(groups.values())


def drifted(space: Space, rng: random.Random) -> Space:
    """The same target after a change: a third of the actions no longer do anything."""
    everything = [a.key for a in (*space.actions, *space.drawn) if not a.open_ended]
    idle = frozenset(rng.sample(everything, len(everything) // 3))
    return replace(space, values={keys: space.value(keys - idle) for keys in space.values})


def run(places: Sequence[str], seeds: Sequence[int], nodes: int, processes: int) -> list[Row]:
    """All searches of all places, and of all together."""
    tasks = [(place, seed, nodes) for place in places for seed in seeds]
    with ProcessPoolExecutor(processes) as pool:
        found = list(pool.map(measure, *zip(*tasks, strict=True), chunksize=4))
    rows = []
    for place in (*places, "all"):
        chosen = [c for task, c in zip(tasks, found, strict=True) if place in (task[0], "all")]
        rows.append(Row(place, {name: _cost(chosen, name, nodes) for name in SEARCHES}))
    return rows


def _cost(found: Sequence[Counts], name: str, nodes: int) -> float:
    counts = [counts[name] for counts in found]
    successes = sum(count is not None for count in counts)
    total = sum(nodes if count is None else count for count in counts)
    return total / successes if successes else float("inf")


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The costs, and then their ratios."""
    ratios = (*PROMISES, ("short", "none", 0.0), ("drift", "drift none", 0.0))
    heads = [f"{a}/{b}" for a, b, _ in ratios]
    yield f"{'':10} " + " ".join(f"{name:>10}" for name in SEARCHES)
    for row in rows:
        yield f"{row.place:10} " + " ".join(f"{row.costs[name]:10.1f}" for name in SEARCHES)
    yield ""
    yield f"{'':10} " + " ".join(f"{head:>16}" for head in heads)
    for row in rows:
        yield f"{row.place:10} " + " ".join(f"{row.ratio(a, b):16.2f}" for a, b, _ in ratios)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="10 seeds, nothing is judged")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--places", nargs="+", choices=PLACES, default=PLACES)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    count = 10 if options.quick else options.seeds
    seeds = range(options.first, options.first + count)
    rows = run(options.places, seeds, options.nodes, options.processes)
    print("\n".join(table(rows)))
    if options.quick:
        return 0  # too few seeds to tell
    print(f"\n{'promised of all':30} {'found':>6} {'most':>6}")
    broken = False
    for search_, other, most in PROMISES:
        ratio = rows[-1].ratio(search_, other)
        broken |= ratio > most
        print(
            f"{search_ + ' over ' + other:30} {ratio:6.2f} {most:6.2f}{'  BROKEN' * (ratio > most)}"
        )
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())

"""How well the estimated complexity tells when one loop of one agent is enough.

    python -m benchmarks.complexity [--quick] [--tasks N] [--fit]

A task is a recorded or generated space as an agent meets it: the agent proposes one of the task's
hidden changes at a time. Helios: those patches of its catalogue that touch nothing outside of some
of its files, with what can be looked up of these files. Families: some of a generated space's
changes, each taken for a file. A loop is 3 evaluations in a row, a search 60 by ``frontier``; the
loop suffices if it reaches 95 % of the search's gain. The task is called hard by the share of
loops that don't; some tasks know how up to 3 other loops of theirs went. ``--fit`` prints the weights that the first half of the tasks asks for; the
tables are of the second half, which no weight was fitted to.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import random
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from scipy.optimize import minimize  # noqa: E402

from benchmarks.families import FAMILIES  # noqa: E402
from runner.evidence.surroundings import speaking_of  # noqa: E402
from runner.model import Action  # noqa: E402
from runner.planner.complexity import (  # noqa: E402
    RECORD_WEIGHT,
    SCALES,
    Features,
    complexity,
    values,
)
from runner.planner.policy import make_policy  # noqa: E402
from runner.planner.space import Space, load_space  # noqa: E402
from runner.simulate import simulate_policy  # noqa: E402

HELIOS = Path(__file__).parents[1] / "examples" / "helios"
LIMIT = 0.8
SHARE = 0.95
LOOP, SEARCH = 3, 60  # evaluations
LOOPS = 15  # of each task; up to 3 of them were before, and are known
WORTH = 0.01  # where a search gains less than this, a loop is enough
STEEPNESS = 10.0  # of the chance that a loop doesn't suffice, over the score

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Task:
    """``hard`` is the share of loops that didn't suffice."""

    kind: str
    features: Features
    hard: float


def tasks(count: int, processes: int) -> list[Task]:
    """``count`` tasks of each kind, the same ones each time."""
    jobs = [(kind, number) for number in range(count) for kind in ("helios", "catalogue", "nk")]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(_task, jobs, chunksize=4))


def _task(job: tuple[str, int]) -> Task:
    kind, number = job
    rng = random.Random(f"{kind} {number}")
    features, space = _helios(rng) if kind == "helios" else _generated(kind, number, rng)
    searched = _gain(space, "frontier", SEARCH, 4, number)
    loops = [_gain(space, "greedy", LOOP, 1, 1000 * number + seed) for seed in range(LOOPS)]
    enough = [searched <= WORTH or loop >= SHARE * searched for loop in loops]
    earlier, judged = enough[: rng.choice((0, 0, 1, 3))], enough[3:]
    features = replace(features, wins=sum(earlier), losses=len(earlier) - sum(earlier))
    return Task(kind, features, 1.0 - sum(judged) / len(judged))


def _gain(space: Space, policy: str, nodes: int, workers: int, seed: int) -> float:
    """The true gain of what a search returns (log-ratio)."""
    chooser = make_policy(policy, space.actions, seed)
    return simulate_policy(space, chooser, nodes, workers, seed).final_gain


def _generated(kind: str, number: int, rng: random.Random) -> tuple[Features, Space]:
    space = FAMILIES[kind](number)
    keys = [action.key for action in space.actions]
    hidden = rng.sample(keys, rng.randint(1, len(keys)))
    agents = rng.randint(1, min(3, len(hidden)))
    return Features(files=len(hidden), agents=agents), _as_agents(space, hidden, agents)


def _helios(rng: random.Random) -> tuple[Features, Space]:
    space, touched = _recorded()
    files = sorted(set().union(*touched.values()))
    while True:
        region = set(rng.sample(files, rng.randint(1, len(files))))
        hidden = sorted(key for key, paths in touched.items() if paths <= region)
        if hidden:
            break
    texts = [(HELIOS / path).read_text(encoding="utf-8") for path in region]
    tests = [str(path.relative_to(HELIOS)) for path in sorted(HELIOS.glob("tests/test_*.py"))]
    features = Features(
        files=len(region),
        lines=sum(text.count("\n") for text in texts),
        tests=len(speaking_of(HELIOS, tests, region)),
    )
    return features, _as_agents(space, hidden, 1)


@cache
def _recorded() -> tuple[Space, dict[str, set[str]]]:
    """Helios's space, and the files of the untouched target that each of its patches changes."""
    space = load_space((HELIOS / "space.json").read_text(encoding="utf-8"))
    touched = {}
    for patch in sorted((HELIOS / "catalogue").glob("*.patch")):
        paths = re.findall(r"^--- a/(helios/\S+)", patch.read_text(encoding="utf-8"), re.MULTILINE)
        touched[patch.stem] = {path for path in paths if (HELIOS / path).exists()}
    return space, {key: paths for key, paths in touched.items() if paths}


def _as_agents(space: Space, hidden: Sequence[str], count: int) -> Space:
    """The space as ``count`` agents meet it, each of which proposes its share of ``hidden``."""
    agents = tuple(Action(f"agent{i}", open_ended=True) for i in range(count))
    proposals = {agent.key: tuple(hidden[i::count]) for i, agent in enumerate(agents)}
    drawn = tuple(action for action in space.actions if action.key in set(hidden))
    return replace(space, actions=agents, proposals=proposals, drawn=drawn)


def fitted(found: Sequence[Task]) -> dict[str, float]:
    """The weights of highest likelihood, none below 0; those without data (history, and folders, of
    which Helios has one) stay as they are.

    The chance that a loop doesn't suffice is taken for 1 / (1 + exp(-10 * (score - 0.8))).
    """
    names = [*SCALES, "record"]
    before = np.array([*(scale.weight for scale in SCALES.values()), RECORD_WEIGHT])
    x = np.array([[values(task.features)[name] for name in names] for task in found])
    hard = np.array([task.hard for task in found])

    def loss(weights: Floats) -> float:
        steps = STEEPNESS * (x @ weights - LIMIT)
        missed = hard * np.logaddexp(0.0, -steps) + (1.0 - hard) * np.logaddexp(0.0, steps)
        return float(missed.mean() + 1e-3 * np.square(weights - before).sum())

    result = minimize(loss, before, bounds=[(0.0, 2.0)] * len(names))
    return dict(zip(names, result.x, strict=True))


def agreement(found: Sequence[Task]) -> tuple[float, float, float]:
    """Of the loops: the share that the score tells rightly, the share told by the commoner answer
    alone, and the chance that of two tasks, one harder than the other, the harder scores more."""
    scores = [complexity(task.features).score for task in found]
    right = [t.hard if s > LIMIT else 1.0 - t.hard for s, t in zip(scores, found, strict=True)]
    share = sum(task.hard for task in found) / len(found)
    order, pairs = 0.0, 0
    for i, one in enumerate(found):
        for j, other in enumerate(found):
            if one.hard > other.hard:
                order += (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])
                pairs += 1
    return sum(right) / len(right), max(share, 1.0 - share), order / max(pairs, 1)


def tables(found: Sequence[Task]) -> Iterator[str]:
    """How often a loop doesn't suffice by the score, and how far the score can be relied on."""
    scored = [(complexity(task.features).score, task) for task in found]
    yield f"{'score':12} {'tasks':>6} {'loops that did not suffice':>27}"
    edges = (0.0, 0.2, 0.4, 0.6, LIMIT, 1.0, math.inf)
    for low, high in itertools.pairwise(edges):
        here = [task.hard for score, task in scored if low < score <= high or score == low == 0.0]
        if here:
            yield f"{low:.1f} to {high:<5.1f} {len(here):6d} {sum(here) / len(here):27.0%}"
    yield ""
    yield f"{'tasks of':12} {'tasks':>6} {'told rightly':>13} {'commoner answer':>16} {'order':>6}"
    for kind in ("helios", "catalogue", "nk", "all"):
        chosen = [task for task in found if kind in (task.kind, "all")]
        right, common, order = agreement(chosen)
        yield f"{kind:12} {len(chosen):6d} {right:13.0%} {common:16.0%} {order:6.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="40 tasks of each kind")
    parser.add_argument("--tasks", type=int, default=300, help="of each kind")
    parser.add_argument(
        "--fit", action="store_true", help="print the weights that the tasks ask for"
    )
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    found = tasks(40 if options.quick else options.tasks, options.processes)
    half = len(found) // 2
    if options.fit:
        for name, weight in fitted(found[:half]).items():
            print(f"{name:12} {weight:.3f}")
        print()
    print("\n".join(tables(found[half:])))
    right, common, _ = agreement(found[half:])
    return 0 if options.quick or right > common else 1


if __name__ == "__main__":
    sys.exit(main())

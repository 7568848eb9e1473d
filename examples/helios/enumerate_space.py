"""Measures every state that the catalogue can reach, once, and writes ``space.json``.

    python examples/helios/enumerate_space.py

No containers: each state is built in a scratch git repository, tested, and benchmarked several times
among the others and the untouched target. States that fail are left out, which is what failing means
in a space. Takes about ten minutes of an idle machine.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from space_tools import (
    OBJECTIVE,
    Workshop,
    benchmark,
    is_idle,
    scratch_folder,
    tampers,
    tests_pass,
)

from runner.agents.catalogue import load_catalogue
from runner.model import Action, Goal, MetricSpec
from runner.planner.space import Space, dump_space

HERE = Path(__file__).parent
TESTERS = 2
PASSES = 3
BLOCK = 4  # states to one benchmark of the root
PAIRS = 6  # of one evaluation, as in oppie.toml
EVALUATIONS = 12  # for the noise

Keys = frozenset[str]


@dataclass(frozen=True, slots=True)
class Kinds:
    """The catalogue by what its actions are good for. ``live`` ones make states of their own,
    ``idle`` ones leave every state's value as it is, ``failing`` ones make every state fail."""

    live: tuple[Action, ...]
    idle: tuple[Action, ...]
    failing: tuple[Action, ...]


def sort_out(shop: Workshop, actions: tuple[Action, ...]) -> Kinds:
    """Look at each action alone, and at those that fail beside each of the others, too."""
    idle = [action for action in actions if is_idle(shop, action)]
    rest = [action for action in actions if action not in idle]
    tampering = [action for action in rest if tampers(shop, action)]
    suspects = [
        action
        for action in rest
        if action not in tampering and shop.build([action]) is not None and fails(shop, [action])
    ]
    sound = [action for action in rest if action not in tampering and action not in suspects]
    failing = tampering + [
        suspect
        for suspect in suspects
        if all(fails(shop, [a for a in actions if a in (suspect, other)]) for other in sound)
    ]
    live = [action for action in rest if action not in failing]
    return Kinds(tuple(live), tuple(idle), tuple(failing))


def fails(shop: Workshop, actions: list[Action]) -> bool:
    commit = shop.build(actions)
    if commit is None:
        return True
    folder = shop.folder(commit)
    return not tests_pass(folder) or benchmark(folder) is None


def states(
    shop: Workshop, live: tuple[Action, ...], commit: str, keys: Keys = frozenset()
) -> Iterator[tuple[Keys, str]]:
    """Every set of actions that applies, with the commit it leads to; the empty one first."""
    yield keys, commit
    for index, action in enumerate(live):
        changed = shop.apply(commit, action)
        if changed is not None:
            yield from states(shop, live[index + 1 :], changed, keys | {action.key})


def measure(root: Path, folders: list[Path]) -> tuple[float, list[float | None]]:
    """The objective of the root and of each folder; ``None`` without valid metrics.

    Everything is measured in several passes, minutes apart, one benchmark at a time. The fastest
    of a folder's passes counts, since a busy machine can only make one slower. The root, measured
    many times in each pass, must not profit from that: its value is the median of such minima.
    """
    blocks = [[root, *folders[start : start + BLOCK]] for start in range(0, len(folders), BLOCK)]
    passes = [[benchmark(folder) for block in blocks for folder in block] for _ in range(PASSES)]
    least = iter([fastest(repetitions) for repetitions in zip(*passes, strict=True)])
    roots: list[float] = []
    values: list[float | None] = []
    for block in blocks:
        base = next(least)
        if base is None:
            raise SystemExit("the untouched target has no valid metrics")
        roots.append(base)
        values += [next(least) for _ in block[1:]]
    return statistics.median(roots), values


def fastest(repetitions: tuple[float | None, ...]) -> float | None:
    """The least of some values; ``None`` if one is missing."""
    values = [value for value in repetitions if value is not None]
    return min(values) if len(values) == len(repetitions) else None


def noise(root: Path, folder: Path) -> float:
    """The standard deviation of the log of one side of an evaluation.

    An evaluation's gain is the median of ``PAIRS`` log-ratios, taken in the order ABBA; it has the
    noise of both sides, hence the root of 2.
    """
    gains = []
    for _ in range(EVALUATIONS):
        ratios = []
        for pair in range(PAIRS):
            # ABBA; the same folder may stand on both sides.
            sides = ((0, root), (1, folder)) if pair % 2 else ((1, folder), (0, root))
            us = {side: benchmark(where) or math.nan for side, where in sides}
            ratios.append(math.log(us[0] / us[1]))
        gains.append(statistics.median(ratios))
    return statistics.stdev(gains) / math.sqrt(2)


def enumerate_space(shop: Workshop, actions: tuple[Action, ...]) -> Space:
    """Build, test and measure everything."""
    parts = sort_out(shop, actions)
    for name in ("live", "idle", "failing"):
        say(f"{name}: {', '.join(action.key for action in getattr(parts, name))}")
    found = dict(states(shop, parts.live, shop.root))
    say(f"{len(found)} sets of actions apply")
    commits = sorted(set(found.values()) - {shop.root})
    folders = {commit: shop.folder(commit) for commit in commits}
    with ThreadPoolExecutor(TESTERS) as testers:
        passed = dict(zip(commits, testers.map(tests_pass, folders.values()), strict=True))
    passing = [commit for commit in commits if passed[commit]]
    say(f"{len(passing)} of {len(commits)} source trees pass the tests")
    root = shop.folder(shop.root)
    us, measured = measure(root, [folders[commit] for commit in passing])
    by_commit = dict(zip(passing, measured, strict=True))
    best = min(passing, key=lambda commit: by_commit[commit] or math.inf)
    sigma = max(noise(root, root), noise(root, folders[best]))
    values: dict[Keys, float | None] = {}
    for keys, commit in found.items():
        value = us if commit == shop.root else by_commit.get(commit)
        if value is not None:
            for extra in subsets([action.key for action in parts.idle]):
                if keys | extra:
                    values[keys | extra] = round(value, 2)
    return Space(
        MetricSpec(OBJECTIVE, Goal.MIN, "us"), round(us, 2), actions, round(sigma, 4), values
    )


def subsets(keys: list[str]) -> Iterator[Keys]:
    for bits in range(1 << len(keys)):
        yield frozenset(key for n, key in enumerate(keys) if bits >> n & 1)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr)


def main() -> None:
    with scratch_folder() as scratch:
        space = enumerate_space(Workshop(HERE, scratch), load_catalogue(HERE / "catalogue"))
    (HERE / "space.json").write_text(dump_space(space))
    keys, value = space.best()
    say(
        f"root {space.root} us, best {value} us with {', '.join(sorted(keys))}; noise {space.noise}"
    )


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{error}\n{error.stderr}") from error

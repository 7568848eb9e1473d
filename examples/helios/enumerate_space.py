"""Measures every state that the catalogue can reach, once, and writes ``space.json``.

    python examples/helios/enumerate_space.py

No containers: each state is built in a scratch git repository, tested, and benchmarked a few times
between benchmarks of the untouched target, so that a machine that gets slower halfway slows both.
A state's value is the root's, divided by the median of those ratios. States that fail are left out,
which is what failing means in a space. Takes about five minutes of two idle cores.
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from space_tools import (
    OBJECTIVE,
    Change,
    Workshop,
    benchmark,
    is_idle,
    read_catalogue,
    tampers,
    tests_pass,
)

from runner.model import Goal, MetricSpec
from runner.planner.space import Space, dump_space

HERE = Path(__file__).parent
LANES = 2
REPETITIONS = 3
BLOCK = 3  # states between two benchmarks of the root
PAIRS = 6  # of one evaluation, as in oppie.toml
EVALUATIONS = 12  # for the noise

Keys = frozenset[str]


@dataclass(frozen=True, slots=True)
class Sorted:
    """The catalogue by what its changes are good for. ``live`` ones make states of their own,
    ``idle`` ones leave every state's value as it is, ``failing`` ones make every state fail."""

    live: tuple[Change, ...]
    idle: tuple[Change, ...]
    failing: tuple[Change, ...]


def sort_out(shop: Workshop, changes: list[Change]) -> Sorted:
    """Look at each change alone, and at the failing ones beside each of the others, too."""
    idle = [change for change in changes if is_idle(shop, change)]
    rest = [change for change in changes if change not in idle]
    suspects = [
        change
        for change in rest
        if tampers(shop, change) or (applies(shop, [change]) and fails(shop, [change]))
    ]
    sound = [change for change in rest if change not in suspects]
    failing = [
        suspect
        for suspect in suspects
        if tampers(shop, suspect)
        or all(fails(shop, sorted([suspect, other])) for other in sound if other != suspect)
    ]
    live = [change for change in rest if change not in failing]
    return Sorted(tuple(live), tuple(idle), tuple(failing))


def applies(shop: Workshop, changes: list[Change]) -> bool:
    return shop.build(changes) is not None


def fails(shop: Workshop, changes: list[Change]) -> bool:
    commit = shop.build(changes)
    if commit is None:
        return True
    folder = shop.folder(commit)
    return not tests_pass(folder) or benchmark(folder) is None


def states(
    shop: Workshop, live: tuple[Change, ...], commit: str, keys: Keys = frozenset()
) -> Iterator[tuple[Keys, str]]:
    """Every set of changes that applies, with the commit it leads to; the empty one first."""
    yield keys, commit
    for index, change in enumerate(live):
        changed = shop.apply(commit, change)
        if changed is not None:
            yield from states(shop, live[index + 1 :], changed, keys | {change.key})


def measure(root: Path, folders: list[Path]) -> list[float | None]:
    """The gain of each folder over the root, as a log-ratio; ``None`` without valid metrics."""
    ratios: list[list[float]] = [[] for _ in folders]
    for _ in range(REPETITIONS):
        for start in range(0, len(folders), BLOCK):
            before = benchmark(root)
            values = [benchmark(folder) for folder in folders[start : start + BLOCK]]
            after = benchmark(root)
            if before is None or after is None:
                raise SystemExit("the untouched target has no valid metrics")
            for index, value in enumerate(values, start):
                if value is not None:
                    ratios[index].append(math.log(math.sqrt(before * after) / value))
    return [statistics.median(found) if len(found) == REPETITIONS else None for found in ratios]


def noise(root: Path, folder: Path) -> float:
    """The standard deviation of the log of one side of an evaluation.

    An evaluation's gain is the median of ``PAIRS`` log-ratios, taken in the order ABBA; it has the
    noise of both sides, hence the root of 2.
    """
    gains = []
    for _ in range(EVALUATIONS):
        ratios = []
        for pair in range(PAIRS):
            sides = (root, folder) if pair % 2 else (folder, root)
            values = {side: benchmark(side) for side in sides}
            ratios.append(math.log((values[root] or math.nan) / (values[folder] or math.nan)))
        gains.append(statistics.median(ratios))
    return statistics.stdev(gains) / math.sqrt(2)


def in_lanes(root: Path, folders: list[Path]) -> list[float | None]:
    """``measure`` with ``LANES`` at a time; neighbours go to different lanes."""
    with ThreadPoolExecutor(LANES) as lanes:
        parts = list(lanes.map(lambda n: measure(root, folders[n::LANES]), range(LANES)))
    return [parts[index % LANES][index // LANES] for index in range(len(folders))]


def enumerate_space(shop: Workshop, changes: list[Change]) -> Space:
    """Build, test and measure everything."""
    parts = sort_out(shop, changes)
    for name in ("live", "idle", "failing"):
        say(f"{name}: {', '.join(change.key for change in getattr(parts, name))}")
    found = dict(states(shop, parts.live, shop.root))
    say(f"{len(found)} sets of changes apply")
    commits = sorted(set(found.values()) - {shop.root})
    folders = {commit: shop.folder(commit) for commit in commits}
    with ThreadPoolExecutor(LANES) as lanes:
        passed = dict(zip(commits, lanes.map(tests_pass, folders.values()), strict=True))
    passing = [commit for commit in commits if passed[commit]]
    say(f"{len(passing)} of {len(commits)} source trees pass the tests")
    root = shop.folder(shop.root)
    gains = dict(zip(passing, in_lanes(root, [folders[c] for c in passing]), strict=True))
    us = statistics.median(value for _ in range(15) if (value := benchmark(root)) is not None)
    best = max(passing, key=lambda commit: gains[commit] or -math.inf)
    sigma = max(noise(root, root), noise(root, folders[best]))
    values: dict[Keys, float | None] = {}
    for keys, commit in found.items():
        gain = 0.0 if commit == shop.root else gains.get(commit)
        if gain is not None:
            for extra in subsets([change.key for change in parts.idle]):
                if keys | extra:
                    values[keys | extra] = round(us * math.exp(-gain), 2)
    actions = tuple(change.action for change in changes)
    return Space(MetricSpec(OBJECTIVE, Goal.MIN, "us"), round(us, 2), actions, round(sigma, 4), values)


def subsets(keys: list[str]) -> Iterator[Keys]:
    for bits in range(1 << len(keys)):
        yield frozenset(key for n, key in enumerate(keys) if bits >> n & 1)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr)


def main() -> None:
    # In memory, as /tmp is in the sandbox: no disk is to be measured.
    fast = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=fast if fast.is_dir() else None) as scratch:
        os.environ["TMPDIR"] = scratch
        os.nice(5)
        space = enumerate_space(Workshop(HERE, Path(scratch)), read_catalogue(HERE / "catalogue"))
    (HERE / "space.json").write_text(dump_space(space))
    keys, value = space.best()
    say(f"root {space.root} us, best {value} us with {', '.join(sorted(keys))}; noise {space.noise}")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{error}\n{error.stderr}") from error

"""Planners that are killed and resumed: is each visit counted once, and is nothing left behind?

    python -m benchmarks.crashes [--fake 260] [--worktree 40] [--tempdir 20] [--engine 40]
                                 [--seed 0] [--at-once 2]
    python -m benchmarks.crashes --only fake full 17       one seed again, and its place is kept

Two of three seeds are killed (``kill -9``, of the planner alone or with its children) before or after
a step of a run, by its name: each step of the write order (docs/decisions/001), root building,
verification and publishing, one seed after another; then at others, drawn by the seed. The third is
killed from outside at any moment, several times. In some the engine loses an answer as well. Each is
resumed to its end, and then looked at:

- its tree is that of a calm run with the same seed (with one worker), and its verified result too;
- each attempt that counts has one visit, statistics rebuilt from the visits are those that are stored,
  and nothing is in flight;
- no command whose end was written down began again, nor one that could be adopted, as a witness
  outside has it (a file on the host where there is no engine, the engine's own events for the engine);
- there is no container, process, image, volume, evidence ref, lock or scratch file that no row
  explains, no node whose image or ref is gone, and no attempt's evidence that no ref holds.

``wrong`` counts the runs of which one of these is not so: 0 is demanded.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from runner.images import ensure_agent_image
from runner.model import SandboxKind
from runner.sandbox.connect import connect
from tests.crash.campaign import (
    ENGINE_SCENES,
    FAKE_SCENES,
    SHORT_ENGINE_SCENES,
    SHORT_SCENES,
    TEMPDIR_SCENES,
    WORKTREE_SCENES,
    Campaign,
    quick_folder,
)
from tests.crash.on_engine import on_engine
from tests.crash.ordeal import Ordeal
from tests.crash.points import Side
from tests.crash.scenes import ENGINE, FAKE
from tests.crash.witness import Starts

SCENES = {
    (FAKE, "full"): FAKE_SCENES,
    (FAKE, "short"): SHORT_SCENES,
    (SandboxKind.WORKTREE, "full"): WORKTREE_SCENES,
    (SandboxKind.WORKTREE, "short"): WORKTREE_SCENES,
    (SandboxKind.TEMPDIR, "full"): TEMPDIR_SCENES,
    (SandboxKind.TEMPDIR, "short"): TEMPDIR_SCENES,
    (ENGINE, "full"): ENGINE_SCENES,
    (ENGINE, "short"): SHORT_ENGINE_SCENES,
}


@dataclass
class Tally:
    """What came of one world's runs."""

    world: str
    runs: int = 0
    outside: int = 0
    faults: int = 0
    wrong: list[Ordeal] = field(default_factory=list)
    points: Counter[tuple[str, Side]] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, ordeal: Ordeal) -> None:
        self.runs += 1
        self.seconds += ordeal.seconds
        traps = [life.traps[0] for life in ordeal.kills if life.traps]
        self.outside += len(ordeal.kills) - len(traps)
        self.points.update((trap.point, trap.side) for trap in traps)
        self.faults += sum(len(life.traps) > 1 for life in ordeal.lives)
        if ordeal.wrong:
            self.wrong.append(ordeal)

    @property
    def at_points(self) -> int:
        return self.points.total()


def ordeals(
    world: str, size: str, seeds: Sequence[int], at_once: int, folder: Path
) -> Iterator[Ordeal]:
    """The ordeals of one world; the place of what went wrong stays in ``folder``."""
    scenes = SCENES[world, size]
    if world != ENGINE:
        yield from Campaign(folder, scenes).ordeals(seeds, at_once)
        return
    with closing(connect()) as client:
        image = ensure_agent_image(client)
    with Starts.watched() as starts:
        mark = f"crash-{secrets.token_hex(3)}"
        yield from on_engine(folder, scenes, starts, image, mark).ordeals(seeds, at_once)


def tallied(world: str, seeds: Sequence[int], at_once: int) -> Tally:
    """One world's runs; what goes wrong is told at once."""
    tally = Tally(world)
    with quick_folder() as folder:
        for ordeal in ordeals(world, "full", seeds, at_once, folder):
            tally.add(ordeal)
            if ordeal.wrong:
                print(told(ordeal), flush=True)
    return tally


def told(ordeal: Ordeal) -> str:
    """A run that went wrong, or that was asked for."""
    lines = [f"seed {ordeal.seed} on {ordeal.scene}"]
    lines += [f"  life   {life}" for life in ordeal.lives]
    lines += [f"  wrong  {each}" for each in ordeal.wrong] or ["  nothing is wrong"]
    return "\n".join([*lines, f"  again  {ordeal.again}"])


def show(tallies: Sequence[Tally]) -> None:
    print(f"\n{'':10}{'runs':>6}{'kills':>8}{'at points':>11}{'any moment':>12}"
          f"{'answers lost':>14}{'wrong':>7}{'s a run':>9}")  # fmt: skip
    for tally in tallies:
        kills = tally.at_points + tally.outside
        print(f"{tally.world:10}{tally.runs:>6}{kills:>8}{tally.at_points:>11}{tally.outside:>12}"
              f"{tally.faults:>14}{len(tally.wrong):>7}{tally.seconds / tally.runs:>9.1f}")  # fmt: skip
    hit = Counter[tuple[str, Side]]()
    for tally in tallies:
        hit += tally.points
    print(f"\n{'killed at':22}{'before':>8}{'after':>8}")
    for point in dict.fromkeys(point for point, _ in sorted(hit)):
        print(f"{point:22}{hit[point, Side.BEFORE]:>8}{hit[point, Side.AFTER]:>8}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--fake", type=int, default=260)
    parser.add_argument("--worktree", type=int, default=40)
    parser.add_argument("--tempdir", type=int, default=20)
    parser.add_argument("--engine", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--only", nargs=3, metavar=("WORLD", "SIZE", "SEED"))
    options = parser.parse_args()
    if options.only:
        world, size, seed = options.only
        folder = Path(tempfile.mkdtemp(prefix="crashes-"))
        (ordeal,) = ordeals(world, size, [int(seed)], 1, folder)
        print(told(ordeal), f"  place  {folder}", sep="\n")
        return 1 if ordeal.wrong else 0
    counts = {world: getattr(options, world) for world, _ in SCENES}
    tallies = [
        tallied(world, range(options.seed, options.seed + count), options.at_once)
        for world, count in counts.items()
        if count
    ]
    show(tallies)
    return 1 if any(tally.wrong for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())

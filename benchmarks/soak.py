"""A long run, killed every few seconds: what its planner holds, and what it leaves behind.

    python -m benchmarks.soak [--nodes 1000] [--calm 300] [--engine 60] [--every 4] [--seed 0]

Three runs: one of many nodes over the fake sandbox whose planner is killed with -9 about every so many
seconds; one that nobody kills, so that what a planner loses over time shows; and a shorter one on the
engine, killed as well. None of the actions ever runs out, and each process is looked at twice a second:

``RSS``          the planner's resident memory, in MB
``fds``          its open file descriptors
``threads``
``containers``   of the run, on the engine or in the folder that plays one
``images``       beyond those of the root and the committed nodes

The first tenth of the nodes is warm-up. Of what is left the first and the last third are compared, by
their medians: memory, descriptors and threads may grow by a tenth at most, and when a run is over
nothing that no row explains may be there. (Attempts under way explain some images meanwhile.)
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from runner.images import ensure_agent_image
from runner.sandbox.connect import connect
from tests.crash.campaign import quick_folder
from tests.crash.on_engine import clean
from tests.crash.planner import DONE
from tests.crash.scenes import ENGINE, FAKE, Scene
from tests.crash.soaking import Sample, SoakPlace, soak
from tests.crash.sound import Kept, unsound
from tests.crash.witness import Lines, Starts, Witness

GROWTH = 0.10
# Of a process: before that it isn't all there. On an engine its workers take turns to start.
_WARM_S = {FAKE: 1.0, ENGINE: 6.0}
WATCHED: dict[str, Callable[[Sample], float]] = {
    "RSS": lambda each: each.rss_mb,
    "fds": lambda each: each.fds,
    "threads": lambda each: each.threads,
    "containers": lambda each: each.containers,
    "images": lambda each: each.unexplained,
}
BOUNDED = ("RSS", "fds", "threads")


@dataclass(frozen=True, slots=True)
class Soaked:
    """One run and what it showed."""

    name: str
    world: str
    nodes: int
    kills: int
    seconds: float
    samples: tuple[Sample, ...]
    wrong: tuple[str, ...]

    def third(self, last: bool) -> tuple[Sample, ...]:
        """The samples of the first or the last third after the warm-up."""
        begin, span = 0.1 * self.nodes, 0.3 * self.nodes
        low = self.nodes - span if last else begin
        found = [each for each in self.samples if low <= each.nodes <= low + span]
        return tuple(each for each in found if each.age_s >= _WARM_S[self.world]) or self.samples

    def medians(self, of: Callable[[Sample], float]) -> tuple[float, float]:
        first, last = (statistics.median(map(of, self.third(end))) for end in (False, True))
        return first, last

    @property
    def grown(self) -> list[str]:
        pairs = {name: self.medians(WATCHED[name]) for name in BOUNDED}
        return [name for name, (first, last) in pairs.items() if last > first * (1 + GROWTH)]


def soaked(name: str, place: SoakPlace, every_s: float, seed: int, witness: Witness) -> Soaked:
    """One run to its end."""
    place.make()
    began, samples, kept = time.monotonic(), list[Sample](), list[Kept]()
    codes = list[int]()
    for each in soak(place, every_s, seed, witness, kept):
        if isinstance(each, Sample):
            samples.append(each)
        else:
            codes.append(each)
    wrong = unsound(place, (), kept, witness.starts(place))
    if codes[-1] != DONE:
        wrong.append(f"it ended with {codes[-1]}: {(place.folder / 'said').read_text()[-400:]}")
    seconds = time.monotonic() - began
    kills = sum(code < 0 for code in codes)
    scene = place.scene
    return Soaked(name, scene.world, scene.nodes, kills, seconds, tuple(samples), tuple(wrong))


def on_fake(name: str, nodes: int, every_s: float, seed: int) -> Soaked:
    with quick_folder() as folder:
        scene = Scene(FAKE, "random", seed, nodes, workers=2)
        place = SoakPlace(folder / "place", scene, "soak")
        return soaked(name, place, every_s, seed, Lines())


def on_engine(nodes: int, every_s: float, seed: int) -> Soaked:
    with closing(connect()) as client:
        image = ensure_agent_image(client)
    with quick_folder() as folder, Starts.watched() as starts:
        scene = Scene(ENGINE, "random", seed, nodes, workers=2)
        place = SoakPlace(folder / "place", scene, f"soak-{secrets.token_hex(3)}", image)
        try:
            return soaked("engine, killed", place, every_s, seed, starts)
        finally:
            clean(place)


def show(runs: Sequence[Soaked]) -> None:
    print(f"\n{'':18}{'nodes':>7}{'kills':>7}{'seconds':>9}{'wrong':>7}")
    for run in runs:
        print(f"{run.name:18}{run.nodes:>7}{run.kills:>7}{run.seconds:>9.0f}{len(run.wrong):>7}")
    print(f"\n{'first third -> last':18}" + "".join(f"{name:>19}" for name in WATCHED))
    for run in runs:
        pairs = [run.medians(of) for of in WATCHED.values()]
        print(f"{run.name:19}" + "".join(f"{f'{a:.4g} -> {b:.4g}':>19}" for a, b in pairs))
    print(f"\n{'at most, ever':19}" + "".join(f"{name:>19}" for name in WATCHED))
    for run in runs:
        most = [max(map(of, run.samples)) for of in WATCHED.values()]
        print(f"{run.name:19}" + "".join(f"{value:>19.4g}" for value in most))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000, help="on the fake, killed")
    parser.add_argument("--calm", type=int, default=300, help="on the fake, by one process")
    parser.add_argument("--engine", type=int, default=60, help="on the engine, killed")
    parser.add_argument("--every", type=float, default=4.0, help="seconds between kills")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    runs = []
    if options.nodes:
        runs.append(on_fake("fake, killed", options.nodes, options.every, options.seed))
    if options.calm:
        runs.append(on_fake("fake, left alone", options.calm, 0.0, options.seed))
    if options.engine:
        runs.append(on_engine(options.engine, 3 * options.every, options.seed))
    for run in runs:
        for each in (*run.wrong, *(f"{name} has grown" for name in run.grown)):
            print(f"{run.name}: {each}")
    show(runs)
    return 1 if any(run.wrong or run.grown for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())

"""A long run that is killed every few seconds, and what its planner holds meanwhile."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from runner.errors import OppieError
from runner.model import Decision
from runner.store import Store
from runner.task import Task
from tests.crash import left
from tests.crash.ordeal import Life, ended, started
from tests.crash.planner import BROKEN, DONE
from tests.crash.scenes import Place
from tests.crash.sound import Kept, kept_at
from tests.crash.witness import Witness
from tests.runs import action, make_task

_SAMPLE_S = 0.5
# None of these ever comes to an end, and none is an improvement: HOME tells attempts apart.
_ENDLESS = (
    ("neutral", 'echo "# $HOME $(cat /proc/sys/kernel/random/uuid)" >> state'),
    ("worse", 'echo "# $(cat /proc/sys/kernel/random/uuid)" >> state; echo 500 >> costs'),
    ("broken", 'echo "broken $(cat /proc/sys/kernel/random/uuid)" > state'),
    ("fails", "exit 9"),
)


@dataclass(frozen=True, slots=True)
class SoakPlace(Place):
    """A place whose actions never run out."""

    def task(self) -> Task:
        usual = super(SoakPlace, self).task()
        actions = tuple(
            replace(self.told(action(key, command)), open_ended=True) for key, command in _ENDLESS
        )
        small = make_task(self.folder / "target", actions, nodes=self.scene.nodes)
        benchmark = replace(small.benchmark, pairs=4)
        return replace(usual, actions=actions, budget=small.budget, benchmark=benchmark)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one moment showed. ``age_s`` is the planner's; ``unexplained`` counts images."""

    nodes: int
    age_s: float
    rss_mb: float
    fds: int
    threads: int
    containers: int
    unexplained: int


def soak(
    place: Place, every_s: float, seed: int, witness: Witness, kept: list[Kept]
) -> Iterator[Sample | int]:
    """Run a place to its end, killed about every ``every_s`` seconds, if that isn't 0: samples, and
    the exit code of each process. ``kept`` gets what each kill left."""
    chance, code = random.Random(seed), -9
    while code not in (DONE, BROKEN):
        process, born = started(place, Life()), time.monotonic()
        ends_s = chance.uniform(0.5, 1.5) * every_s if every_s else float("inf")
        while process.exitcode is None and time.monotonic() - born < ends_s:
            process.join(_SAMPLE_S)
            with suppress(FileNotFoundError, ProcessLookupError, KeyError, OppieError):  # it is gone
                yield _sample(place, process.pid or 0, time.monotonic() - born)
        code = ended(place, process)
        kept.append(kept_at(place, witness.now(place)))
        yield code


def _sample(place: Place, pid: int, age_s: float) -> Sample:
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    fds = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    with Store.read(place.state / "journal.db") as store:
        view = store.run(place.run_id)
    explained = 1 + sum(node.decision is Decision.COMMIT for node in view.nodes[1:])
    rss_mb = int(status["VmRSS"].split()[0]) / 1024
    there = len(left.images(place)) - explained
    containers = len(left.containers(place))
    return Sample(view.evaluations, age_s, rss_mb, fds, int(status["Threads"]), containers, there)

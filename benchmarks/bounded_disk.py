"""A long run on a small disk: what its snapshots take, against what they may take.

A catalogue of patches whose states are all different, each node about as large as the next; the cap
is a fraction of what all nodes together would take. Whenever something has come back, all snapshots
that are there are listed, and their bytes are added up. What was evicted and is needed again is
rebuilt, and recorded once more: its tree has to be the node's.

    python -m benchmarks.bounded_disk [--nodes 500] [--held 25] [--workers 2] [--fake]

Targets: never more bytes than the cap; every rebuilt tree the node's own; no node failed by the
engine.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.cli.conduct import conduct
from runner.expand.evicting import stored_of
from runner.images import ensure_agent_image
from runner.measure.judge import Benchmark, Trials
from runner.model import Action, Event, Phase, Retried, RunView, Snapshot
from runner.planner.policy import SearchSettings
from runner.planner.watermarks import DiskRules
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.fake import FakeSandbox
from runner.sandbox.protocol import Sandbox
from runner.task import Task
from tests.runs import OBJECTIVE, Bench, make_task

PART_BYTES = 32 << 10
# Each gains or loses something of its own; some lead so far down that nothing is built on them.
WEIGHTS = (30, 24, 19, 15, 12, 9, 7, 5, 3, 2, -4, -9, -90)
# What a node adds to what it is built on: a combination brings several parts.
NODE_BYTES = 4 * PART_BYTES


@dataclass
class Told:
    """What a run has said and held. ``held_bytes`` and ``held`` are the most at any time."""

    cap_bytes: int
    held_bytes: int = 0
    held: int = 0
    listings: int = 0
    evicted: int = 0
    rebuilt: int = 0
    rebuilt_s: float = 0.0
    wrong_trees: int = 0
    retries: int = 0
    evaluations: int = 0
    committed: int = 0
    all_bytes: int = 0
    seconds: float = 0.0
    trees: dict[str, str] = field(default_factory=dict)  # of rebuilt nodes

    def event(self, event: Event) -> None:
        """Take note of what happened."""
        match event:
            case Phase(name="snapshot.evicted"):
                self.evicted += 1
            case Phase(name="snapshot.rebuilt", facts=facts):
                self.rebuilt += 1
                self.rebuilt_s += float(str(facts["seconds"]))
                self.trees[str(facts["of"])] = str(facts["tree"])
            case Retried():
                self.retries += 1

    def holding(self, sandbox: Sandbox, root: Snapshot) -> None:
        """Add up what is there now."""
        stored = stored_of(sandbox.leftovers(), root)
        self.listings += 1
        self.held = max(self.held, len(stored))
        self.held_bytes = max(self.held_bytes, sum(each.size_bytes for each in stored))

    def conclude(self, view: RunView) -> None:
        """Compare with what the journal says in the end."""
        nodes = {node.label: node for node in view.nodes}
        snapshots = [node.snapshot for node in view.nodes if node.snapshot]
        self.evaluations, self.committed = view.evaluations, len(snapshots)
        self.all_bytes = sum(snapshot.size_bytes for snapshot in snapshots)
        wrong = [label for label, tree in self.trees.items() if nodes[label].tree_id != tree]
        self.wrong_trees = len(wrong)


def task_of(target: Path, nodes: int) -> Task:
    """A catalogue over the target of ``tests.runs``; the objective follows from the parts that are
    there."""
    terms = "; ".join(
        f"[ -e part-{n} ] && total=$((total - {weight}))" for n, weight in enumerate(WEIGHTS)
    )
    benchmark = f"total=400; {terms}; echo METRIC cost=$total"
    fill = "head -c {size} /dev/zero | tr '\\0' {letter} > part-{n}"
    actions = [
        Action(f"p{n}", body=fill.format(size=PART_BYTES, letter=chr(97 + n), n=n).encode())
        for n in range(len(WEIGHTS))
    ]
    return replace(
        make_task(target, actions, nodes),
        checks=(),
        benchmark=Benchmark(benchmark, (OBJECTIVE,), OBJECTIVE, 1, 0, 30.0),
        search=SearchSettings(seed=5),
        trials=Trials(check_runs=1, pairs=5),
        verify_top=1,
        verify_pairs=3,
    )


def bounded(bench: Bench, nodes: int, held: int, run_id: str) -> Told:
    """A run of ``nodes`` nodes that may keep about ``held`` snapshots at a time."""
    told = Told(held * NODE_BYTES)
    bench.disk = DiskRules(snapshot_bytes=told.cap_bytes)
    task = task_of(bench.target, nodes)
    started = time.monotonic()
    with (
        bench.store() as store,
        closing(bench.open_sandbox(run_id, bench.workers + 1, lambda: False)) as sandbox,
    ):
        store.create_run(bench.view(task, run_id))
        journey = conduct(bench.parts(store, task, run_id))
        try:
            while True:
                event = next(journey)
                told.event(event)
                known = store.root(run_id) if _adds(event) else None
                if known and known[0].snapshot:
                    told.holding(sandbox, known[0].snapshot)
        except StopIteration as end:
            store.finish(run_id, end.value.stop)
        told.seconds = time.monotonic() - started
        told.conclude(store.run(run_id))
    return told


def _adds(event: Event) -> bool:
    """Whether there is a snapshot more than before."""
    return isinstance(event, Phase) and event.name in ("snapshot.committed", "snapshot.rebuilt")


def table(told: Told) -> str:
    """The figures, each with its target."""
    rows = (
        ("evaluations", f"{told.evaluations}", ""),
        ("snapshots committed", f"{told.committed}", ""),
        ("bytes that they would take together", f"{told.all_bytes:,}", ""),
        ("most snapshots held at a time", f"{told.held}", ""),
        ("most bytes held at a time", f"{told.held_bytes:,}", f"<= {told.cap_bytes:,}"),
        ("evicted", f"{told.evicted}", ""),
        ("rebuilt", f"{told.rebuilt}", ""),
        ("rebuilt with another tree", f"{told.wrong_trees}", "0"),
        ("attempts that the engine failed", f"{told.retries}", "0"),
        ("seconds for one rebuilding", f"{told.rebuilt_s / max(told.rebuilt, 1):.2f}", ""),
        ("seconds for one node", f"{told.seconds / max(told.evaluations, 1):.2f}", ""),
    )
    lines = [f"{'what':<40}{'figure':>16}{'target':>16}"]
    return "\n".join([*lines, *(f"{what:<40}{figure:>16}{target:>16}" for what, figure, target in rows)])


def kept(told: Told) -> bool:
    """Whether all targets are met."""
    bounded_ = told.held_bytes <= told.cap_bytes
    return bounded_ and not told.wrong_trees and not told.retries and told.evicted > 0


def on_the_fake(folder: Path, workers: int) -> Bench:
    """A world of folders."""
    world = folder / "world"
    base = FakeSandbox(world, "base").base()
    return Bench(folder, lambda run, slot, off: FakeSandbox(world, run, slot, off), base, workers)


def on_the_engine(folder: Path, workers: int) -> Bench:
    """The engine that answers."""
    with closing(connect()) as client:
        image = ensure_agent_image(client)
    return Bench(
        folder, lambda run, slot, off: EngineSandbox(connect(), run, image, slot, off), image, workers
    )


def clean(bench: Bench, run_id: str) -> None:
    """Remove what the run has left."""
    with closing(bench.open_sandbox(run_id, bench.workers + 2, lambda: False)) as sandbox:
        for container in sandbox.leftovers().containers:
            sandbox.remove(container)
        while images := sandbox.leftovers().images:
            sandbox.discard(images[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--held", type=int, default=25)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--fake", action="store_true")
    options = parser.parse_args()
    run_id = f"bench-{secrets.token_hex(3)}"
    make: Callable[[Path, int], Bench] = on_the_fake if options.fake else on_the_engine
    with tempfile.TemporaryDirectory() as folder:
        bench = make(Path(folder), options.workers)
        try:
            told = bounded(bench, options.nodes, options.held, run_id)
        finally:
            clean(bench, run_id)
    print(table(told))
    return 0 if kept(told) else 1


if __name__ == "__main__":
    sys.exit(main())

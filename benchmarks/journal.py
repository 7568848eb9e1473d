"""Rebuild and resume a journal of 100,000 nodes: ``python -m benchmarks.journal [nodes]``.

The journal is written by the real store, from a tree that the real planner's tree grows. Times are
told as ratios to a plain ``SELECT`` of the same rows, measured in the same process; the best of
several repetitions counts, since everything but the work itself only adds time.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from runner.model import (
    ROOT,
    Action,
    Decision,
    Expansion,
    Job,
    JobKind,
    Measurement,
    Metric,
    MetricSpec,
    Outcome,
    RunView,
    Snapshot,
    State,
)
from runner.planner.tree import Choice, Tree
from runner.store import Store

NODES = 100_000
REPETITIONS = 3
BOUND_S = 5.0
RUN = "20260101-000000-benc"
ROOT_STATE = State(
    ROOT, Snapshot("oppie/run:a", "sha256:" + "0" * 64, "", 3, 0), "c" * 40, "t" * 40
)
ROOT_METRICS = (Metric("time_us", 100.0, "us"), Metric("peak_mem_kb", 4096.0, "kb"))
ACTIONS = tuple(Action(f"patch-{i:02}", open_ended=True) for i in range(40))


def write(path: Path, nodes: int) -> None:
    """A run of ``nodes`` expansions, four in flight, through every call that a search makes."""
    chance = random.Random(1)
    tree = Tree(ROOT_STATE, ACTIONS, ROOT_METRICS)
    with Store(path) as store, store.batch():
        store.create_run(
            RunView(
                RUN, "bench", "/target", "running", "frontier", 1, 4, MetricSpec("time_us"), 0.0
            )
        )
        store.set_root(RUN, ROOT_STATE, ROOT_METRICS)
        journal = store.journal(RUN)
        passed, flying = [ROOT], list[Job]()
        for _ in range(nodes):
            choice = Choice(JobKind.EXPAND, chance.choice(passed), (chance.choice(ACTIONS).key,))
            job = tree.open(choice)
            journal.intend(job)
            flying.append(job)
            if len(flying) == 4:
                expansion = _expansion(flying.pop(chance.randrange(4)), chance)
                journal.record(tree.close(expansion))
                if expansion.decision is Decision.COMMIT:
                    passed.append(expansion.job.label)


def _expansion(job: Job, chance: random.Random) -> Expansion:
    ident = f"{chance.getrandbits(160):040x}"
    if chance.random() < 0.3:
        return Expansion(
            job, Outcome.FAILED, Decision.DISCARD, -1.0, "check `pytest` exited with code 1",
            commit=ident, tree_id=ident, files_changed=2, seconds={"act": 0.5, "checks": 1.25},
        )  # fmt: skip
    gain = chance.gauss(0.0, 0.05)
    ratios = tuple(gain + chance.gauss(0.0, 0.01) for _ in range(5))
    metrics = tuple(
        Metric(m.name, m.value * chance.uniform(0.5, 1.5), m.unit) for m in ROOT_METRICS
    )
    snapshot = Snapshot(
        f"oppie/run:{job.label.lower()}", f"sha256:{ident}{ident[:24]}", "", 4, 9000
    )
    measurement = Measurement(gain, gain - 0.02, gain + 0.02, 5, metrics, ROOT_METRICS, ratios)
    return Expansion(
        job, Outcome.NEUTRAL, Decision.COMMIT, 0.0, "the interval holds 0", measurement, snapshot,
        ident, ident, "", 2, {"act": 0.5, "evidence": 0.1, "checks": 1.25, "measure": 8.0}, 1.0, 2.0,
    )  # fmt: skip


def select(path: Path) -> None:
    """Read the rows that a resume needs, and make nothing of them."""
    with closing(sqlite3.connect(path)) as connection:
        for table in ("attempts", "visits"):
            for _ in connection.execute(f"SELECT * FROM {table}"):
                pass


def resume(path: Path) -> Tree:
    """What `oppie resume` does before it can go on."""
    actions = {action.key: action for action in ACTIONS}
    with Store(path) as store:
        store.reopen(RUN)
        tree = Tree(ROOT_STATE, ACTIONS, ROOT_METRICS)
        store.replay(RUN, tree, actions)
        if len(store.pending(RUN, actions)) != tree.in_flight:
            raise AssertionError("what is pending isn't what is in flight")
        return tree


def rebuild(path: Path) -> None:
    """Recompute all statistics from the visits."""
    with Store(path) as store:
        store.rebuild(RUN)


def best_s(work: Callable[[Path], object], path: Path) -> float:
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        made = work(path)
        times.append(time.perf_counter() - start)
        del made  # a run that goes on doesn't drop its tree, so that isn't timed
    return min(times)


def main() -> int:
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else NODES
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        start = time.perf_counter()
        write(path, nodes)
        written_s = time.perf_counter() - start
        size_bytes = path.stat().st_size
        plain_s = best_s(select, path)
        resume_s = best_s(resume, path)
        rebuild_s = best_s(rebuild, path)
    both_s = resume_s + rebuild_s
    print(f"journal of {nodes} nodes, {size_bytes / nodes:.0f} bytes each")
    print(f"{'':28}{'x plain SELECT':>16}{'seconds':>10}")
    for name, seconds in [
        ("plain SELECT", plain_s),
        ("resume (read and replay)", resume_s),
        ("rebuild statistics", rebuild_s),
        ("write, in one transaction", written_s),
    ]:
        print(f"{name:28}{seconds / plain_s:>16.2f}{seconds:>10.2f}")
    held = both_s <= BOUND_S
    print(
        f"rebuild and resume {both_s:.2f} s, at most {BOUND_S:.0f} s: {'ok' if held else 'MISSED'}"
    )
    return 0 if held or nodes != NODES else 1


if __name__ == "__main__":
    sys.exit(main())

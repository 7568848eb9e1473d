"""Whole small searches on an engine that fails, and how they ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from runner.measure.judge import Trials
from runner.model import Closed, Decision, NodeView, Retried, RunView
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.protocol import Leftovers
from runner.task import Task
from tests.runs import Bench, action, make_task

RUN = "r1"
# None is better, so that nothing has to be verified; all but one are committed.
ACTIONS = (
    action("one-more", "sed -i 's/^9$/10/' costs"),
    action("break", "echo broken > state"),
    action("two-more", "sed -i 's/^30$/32/' costs"),
)
BETTER = action("drop-60", "sed -i '/^60$/d' costs")


def small_task(target: Path, nodes: int = 3, *, verify: bool = False) -> Task:
    """A search of seconds: few nodes, few pairs, and one candidate to verify or none."""
    task = make_task(target, (*ACTIONS, BETTER) if verify else ACTIONS, nodes)
    benchmark = replace(task.benchmark, pairs=2)
    trials = Trials(check_runs=1, pairs=5)
    return replace(task, benchmark=benchmark, verify_top=1, verify_pairs=5, trials=trials)


@dataclass(frozen=True, slots=True)
class Told:
    """How a search ended, without what may differ between two that do the same."""

    tree: tuple[tuple[object, ...], ...]
    verified: str
    stop: str
    detail: str
    retried: int = 0
    reasons: tuple[str, ...] = ()

    def is_as(self, other: Told) -> bool:
        """Whether it has the same tree, and the same found in the end."""
        return (self.tree, self.verified) == (other.tree, other.verified)


class Search:
    """A search with a state folder of its own, over the engine at ``url``."""

    def __init__(
        self, folder: Path, url: str, image: str, *, workers: int = 1, run_id: str = RUN,
        timeout_s: float = 60.0, outage_s: float = 60.0,
    ) -> None:  # fmt: skip
        self.run_id = run_id
        self.url = url
        self._timeout_s = timeout_s
        self._outage_s = outage_s
        self.image = image
        self.bench = Bench(folder, self.door, image, workers)

    def door(
        self, run_id: str, slot: int = 9, cancelled: Callable[[], bool] = lambda: False
    ) -> EngineSandbox:
        client = connect(self.url, self._timeout_s)
        return EngineSandbox(client, run_id, self.image, slot, cancelled, self._outage_s)

    def go(self, nodes: int = 3, *, verify: bool = False) -> Told:
        """Begin it, or go on with it, to its end."""
        task = small_task(self.bench.target, nodes, verify=verify)
        events, finished = self.bench.run(task, self.run_id)
        retried = [event for event in events if isinstance(event, Retried)]
        view = self.bench.result(self.run_id)
        assert sum(isinstance(event, Closed) for event in events) <= view.evaluations
        tree = tuple(
            (n.label, n.actions, n.outcome, n.decision, n.visits, n.gain, n.reward_sum, n.tree_id)
            for n in view.nodes
        )
        return Told(
            tree,
            "" if view.verified is None else f"{view.verified.label} {view.verified.verdict}",
            str(finished.stop.reason),
            finished.stop.detail,
            len(retried),
            tuple(event.reason for event in retried),
        )

    def faults(self) -> list[str]:
        """What is not as it must be after a search that came to its end."""
        view, found = self.bench.result(self.run_id), []
        with closing(sqlite3.connect(self.bench.folder / "state" / "journal.db")) as journal:
            counts = journal.execute(
                "SELECT count(v.attempt) FROM attempts a LEFT JOIN visits v ON v.attempt = a.id"
                " WHERE a.abandoned IS NULL GROUP BY a.id"
            ).fetchall()
        if counts != [(1,)] * view.evaluations:
            found.append(f"visits: {counts} of {view.evaluations}")
        with self.bench.store() as store:
            if store.pending(self.run_id, {}) or store.rebuild(self.run_id):
                found.append("statistics differ from the visits")
        with closing(self.door(self.run_id)) as door:
            found += _surplus(view, door.leftovers())
        return found

    def clear(self) -> None:
        """Remove what the run has on the engine."""
        with closing(self.door(self.run_id)) as door:
            for name in door.leftovers().containers:
                door.remove(name)
            while images := door.leftovers().images:
                door.discard(images[0])


def _surplus(view: RunView, left: Leftovers) -> list[str]:
    wanted = sorted(node.label for node in view.nodes if _is_committed(node))
    got = sorted(left.snapshot_labels.values())
    found = [f"container {name}" for name in left.containers]
    return found + ([f"snapshots: {got} for {wanted}"] if got != wanted else [])


def _is_committed(node: NodeView) -> bool:
    return node.parent == "" or node.decision is Decision.COMMIT

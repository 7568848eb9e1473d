"""Runs to be written down: made by the planner's own tree, so that they are runs it could make."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from runner.model import (
    ROOT,
    Action,
    Closed,
    Decision,
    Expansion,
    Goal,
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

RUN = "20261121-024017-ab12"
OTHER = "20261122-000000-ffff"
ACTIONS = (
    *(Action(f"a{i}") for i in range(5)),
    Action("tile=8", group="tile"),
    Action("tile=16", group="tile"),
    Action("agent", open_ended=True),
)
BY_KEY = {action.key: action for action in ACTIONS}
ROOT_STATE = State(ROOT, Snapshot("oppie/r:a", "sha256:0", "sha256:base", 3, 0), "c0", "t0")
ROOT_METRICS = (Metric("time_us", 100.0, "us"), Metric("mem", 5.0))


def view(run_id: str = RUN, status: str = "running") -> RunView:
    return RunView(
        run_id=run_id,
        task="helios",
        target="/home/u/helios",
        status=status,
        policy="frontier",
        seed=7,
        workers=4,
        objective=MetricSpec("time_us", Goal.MIN, "us"),
        started_at=1000.5,
        budget={"nodes": 40, "wall_time_s": None, "target": "time_us < 70"},
    )


def new_tree() -> Tree:
    return Tree(ROOT_STATE, ACTIONS, ROOT_METRICS)


def measured(job: Job, gain: float, outcome: Outcome = Outcome.IMPROVED) -> Expansion:
    """A committed expansion (or re-measurement) with everything filled in."""
    measurement = Measurement(
        gain, gain - 0.01, gain + 0.02, 3,
        (Metric("time_us", 90.0, "us"), Metric("mem", 4.5)), ROOT_METRICS,
        (gain - 0.01, gain, gain + 0.005),
    )  # fmt: skip
    label = job.label
    snapshot = Snapshot(f"oppie/r:{label}", f"sha256:{label}", job.origin.label, 4, 1234)
    return Expansion(
        job, outcome, Decision.COMMIT, max(gain, 0.0), "because", measurement, snapshot,
        f"c{label}", f"t{label}", "", 2, {"act": 0.5, "measure": 8.25}, 11.0, 20.0,
    )  # fmt: skip


def failed(job: Job, outcome: Outcome = Outcome.FAILED) -> Expansion:
    decision = Decision.COMMIT if job.kind is JobKind.REMEASURE else Decision.DISCARD
    return Expansion(job, outcome, decision, -1.0, "check `pytest` exited with code 1",
                     commit=f"c{job.label}", tree_id=f"t{job.label}")  # fmt: skip


def duplicate(job: Job, twin: str) -> Expansion:
    return Expansion(job, Outcome.DUPLICATE, Decision.DISCARD, None, f"the same tree as {twin}",
                     commit="c", tree_id=f"t{twin}", twin=twin)  # fmt: skip


def infra(job: Job) -> Expansion:
    return Expansion(job, Outcome.INFRA, Decision.ABANDON, None, "the engine went away")


def expand(label: str, *keys: str, expected: float = 0.0) -> Choice:
    return Choice(JobKind.EXPAND, label, keys, expected)


def remeasure(label: str) -> Choice:
    return Choice(JobKind.REMEASURE, label)


@dataclass
class Story:
    """A random search, as the sequence of what it tells its journal."""

    seed: int
    nodes: int
    tree: Tree = field(default_factory=new_tree)
    flying: list[Job] = field(default_factory=list)

    def steps(self) -> Iterator[Job | Closed | Expansion]:
        chance = random.Random(self.seed)
        while self.tree.evaluations < self.nodes:
            job = self._next_job(chance) if len(self.flying) < 4 else None
            if job is not None:
                self.flying.append(job)
                yield job
                continue
            job = self.flying.pop(chance.randrange(len(self.flying)))
            if chance.random() < 0.15:
                yield infra(job)
                again = self.tree.reopen(job)
                self.flying.append(again)
                yield again
            else:
                yield self.tree.close(self._outcome(job, chance))

    def _next_job(self, chance: random.Random) -> Job | None:
        passed = [node for node in self.tree.nodes if node.passed and not node.open]
        node = chance.choice(passed)
        if node.parent is not None and chance.random() < 0.2:
            return self.tree.open(remeasure(node.label))
        untried = self.tree.untried(node)
        if not untried:
            return None
        key = ACTIONS[chance.choice(untried)].key
        return self.tree.open(expand(node.label, key, expected=chance.random()))

    def _outcome(self, job: Job, chance: random.Random) -> Expansion:
        known = [n.label for n in self.tree.nodes if n.visits and n.outcome is Outcome.IMPROVED]
        if chance.random() < 0.3:
            return failed(job, chance.choice([Outcome.FAILED, Outcome.OOM, Outcome.TIMEOUT]))
        if known and job.kind is JobKind.EXPAND and chance.random() < 0.2:
            return duplicate(job, chance.choice(known))
        return measured(job, chance.gauss(0.05, 0.3))

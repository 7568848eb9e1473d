"""What a worker would hand back, made by hand."""

from __future__ import annotations

from runner.model import (
    ROOT,
    Action,
    Decision,
    Expansion,
    Job,
    JobKind,
    Measurement,
    Metric,
    Outcome,
    Snapshot,
    State,
)
from runner.planner.reward import judge, verdict_of
from runner.planner.tree import Choice, Tree

ABC = (Action("a"), Action("b"), Action("c"))
KNOBS = (Action("x=1", group="x"), Action("x=2", group="x"), Action("y"))
AGENT = (Action("agent", tag="t", open_ended=True), Action("a"))


def new_tree(actions: tuple[Action, ...] = ABC) -> Tree:
    return Tree(State(ROOT), actions, (Metric("time_us", 100.0),))


def expand(label: str, *keys: str) -> Choice:
    return Choice(JobKind.EXPAND, label, keys)


def again(label: str) -> Choice:
    return Choice(JobKind.REMEASURE, label)


def measured(job: Job, gain: float, half: float = 0.0, size_bytes: int = 10) -> Expansion:
    """A measurement whose 95 % interval is ``gain`` +- ``half``, judged as always."""
    measurement = Measurement(gain, gain - half, gain + half, 5, (Metric("time_us", 50.0),))
    verdict = judge(measurement)
    snapshot = None
    if verdict.decision is Decision.COMMIT:
        snapshot = Snapshot(f"tag-{job.label}", f"sha-{job.label}", "sha", 2, size_bytes)
    return Expansion(
        job,
        verdict.outcome,
        verdict.decision,
        verdict.reward,
        measurement=measurement,
        snapshot=snapshot,
        commit=f"commit-{job.label}",
        tree_id=f"tree-{job.label}",
    )


def failed(job: Job, outcome: Outcome = Outcome.FAILED) -> Expansion:
    verdict = verdict_of(outcome)
    return Expansion(job, verdict.outcome, verdict.decision, verdict.reward)


def duplicate(job: Job, twin: str) -> Expansion:
    verdict = verdict_of(Outcome.DUPLICATE)
    return Expansion(job, verdict.outcome, verdict.decision, verdict.reward, twin=twin)


def grown(tree: Tree, label: str, *keys: str, gain: float) -> str:
    """Expand and measure in one go; the new node's label."""
    job = tree.open(expand(label, *keys))
    tree.close(measured(job, gain))
    return job.label

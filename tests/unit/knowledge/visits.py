"""Visits of a made-up search, as a worker would hand them back."""

from __future__ import annotations

from runner.knowledge import About, lesson_of
from runner.model import (
    ROOT,
    Action,
    ActionKind,
    AgentStatus,
    Expansion,
    Job,
    JobKind,
    Measurement,
    Metric,
    MetricSpec,
    Outcome,
    Round,
    Spending,
    State,
)
from runner.planner.reward import judge, verdict_of
from runner.planner.tree import Choice, Tree
from runner.store import Lesson

OBJECTIVE = MetricSpec("commit_us", unit="us")
ABOUT = About("helios-1", "20261121-024017-ab12", "helios", OBJECTIVE)
ACTIONS = (
    Action("cache", ActionKind.PATCH, description="remember digests"),
    Action("tile=8", ActionKind.PATCH, group="tile"),
    Action("tile=16", ActionKind.PATCH, group="tile"),
    Action("claude", ActionKind.AGENT, tag="memory", open_ended=True),
)


def new_tree(actions: tuple[Action, ...] = ACTIONS) -> Tree:
    return Tree(State(ROOT), actions, (Metric("commit_us", 100.0),))


def opened(tree: Tree, label: str, *keys: str) -> Job:
    kind = JobKind.EXPAND if keys else JobKind.REMEASURE
    return tree.open(Choice(kind, label, keys))


def measured(job: Job, gain: float, rounds: tuple[Round, ...] = ()) -> Expansion:
    measurement = Measurement(gain, gain - 0.05, gain + 0.05, 5)
    verdict = judge(measurement)
    spending = Spending(requests=3, cost_usd=0.3) if rounds else Spending()
    return Expansion(
        job,
        verdict.outcome,
        verdict.decision,
        verdict.reward,
        measurement=measurement,
        rounds=rounds,
        spending=spending,
        ended_at=1000.0,
    )


def without(job: Job, outcome: Outcome, reason: str = "", twin: str = "") -> Expansion:
    verdict = verdict_of(outcome)
    return Expansion(job, verdict.outcome, verdict.decision, verdict.reward, reason, twin=twin)


def taught(tree: Tree, expansion: Expansion, files: tuple[str, ...] = ()) -> Lesson:
    """Close the attempt; what it taught."""
    tree.close(expansion)
    lesson = lesson_of(expansion, tree, ABOUT, files)
    assert lesson is not None
    return lesson


def spoken(said: str, model: str = "claude-haiku-4-5") -> Round:
    return Round(1, AgentStatus.DONE, Outcome.IMPROVED, model=model, said=said)

"""What an agent is told of the tree around its node."""

from __future__ import annotations

from runner.model import (
    AgentStatus,
    Job,
    JobKind,
    Measurement,
    Metric,
    MetricSpec,
    NodeView,
    Outcome,
    Round,
    RunView,
    State,
    Target,
)
from runner.planner.briefing import briefing

OBJECTIVE = MetricSpec("cost", unit="us")


def node(label: str, outcome: Outcome | None = None, gain: float = 0.0, said: str = "") -> NodeView:
    rounds = (Round(1, AgentStatus.DONE, Outcome.FAILED, said=said),) if said else ()
    edge = None
    if outcome is Outcome.IMPROVED:
        edge = Measurement(gain, gain, gain, 6, (Metric("cost", 10.0 / (1 + gain), "us"),))
    return NodeView(
        label,
        label.rpartition(".")[0],
        "known",
        ("agent",) if label != "A" else (),
        outcome,
        reason="check whole failed" if outcome is Outcome.FAILED else "",
        edge=edge,
        rounds=rounds,
    )


def view(*nodes: NodeView) -> RunView:
    return RunView(
        "r1", "t", "/t", "running", "frontier", 1, 1, OBJECTIVE, 0.0,
        nodes=nodes, root_metrics=(Metric("cost", 10.0, "us"),),
    )  # fmt: skip


def job(parent: str, label: str) -> Job:
    return Job(JobKind.EXPAND, label, 1, State(parent), State(parent), expected_gain=0.05)


RUN = view(
    node("A"),
    node("A.1", Outcome.IMPROVED, 0.25, "I dropped the sixty."),
    node("A.2", Outcome.FAILED),
    node("A.1.1", Outcome.FAILED, said="x" * 900),
    node("A.1.2"),
    node("A.1.3"),
)


def test_the_way_there_and_what_was_tried_at_the_parent() -> None:
    told = briefing(RUN, job("A.1", "A.1.3"), (Target("cost", "<", 5.0),), ("a lesson",), "m", "why")
    assert [each.label for each in told.path] == ["A", "A.1"]
    assert told.path[0].what == "the untouched target"
    assert told.path[1].what == "agent: I dropped the sixty." and told.path[1].gain == 0.25
    assert [(each.label, each.outcome) for each in told.siblings] == [
        ("A.1.1", Outcome.FAILED),
        ("A.1.2", None),
    ]
    assert told.siblings[0].reason == "check whole failed" and len(told.siblings[0].what) < 400
    assert told.metrics[0].value == 8.0 and told.root_metrics[0].value == 10.0
    assert (told.parent, told.expected_gain, told.lessons) == ("A.1", 0.05, ("a lesson",))
    assert (told.model, told.why, told.targets[0].value) == ("m", "why", 5.0)


def test_at_the_root_its_own_metrics_are_told() -> None:
    told = briefing(RUN, job("A", "A.3"))
    assert told.metrics == RUN.root_metrics and [each.label for each in told.path] == ["A"]
    assert [each.label for each in told.siblings] == ["A.1", "A.2"]


def test_the_latest_of_many_siblings_are_told() -> None:
    many = [node(f"A.{number}", Outcome.FAILED) for number in range(1, 101)]
    told = briefing(view(node("A"), *many), job("A", "A.101"))
    assert [told.siblings[0].label, told.siblings[-1].label] == ["A.77", "A.100"]

"""Where an agent is: by what the planner told, and by the journal."""

from __future__ import annotations

import math

import pytest

from runner.mcp.desk import DeskError
from runner.mcp.places import BriefedPlace, JournalPlace
from runner.mcp.results import NodeInfo, Nodes
from runner.model import (
    Briefing,
    Goal,
    Measurement,
    Metric,
    MetricSpec,
    NodeView,
    Outcome,
    RunView,
    Target,
    Tried,
)

SPEC = MetricSpec("time_us", Goal.MIN, "us")
PARENT, ROOT = (Metric("time_us", 80.0, "us"),), (Metric("time_us", 100.0, "us"),)
GAIN = math.log(1.25)


def test_the_place_of_a_node_under_way() -> None:
    tried = (
        Tried("A.1.1", "p2", Outcome.FAILED, "check tests failed", None),
        Tried("A.1.2", "p3", Outcome.IMPROVED, "", GAIN),
        Tried("A.1.3", "p4"),
    )
    path = (Tried("A", ""), Tried("A.1", "p1", Outcome.IMPROVED, "", GAIN))
    wish = Target("time_us", "<", 70.0)
    place = BriefedPlace("A.1.4", Briefing(SPEC, "A.1", (wish,), PARENT, ROOT, path, tried, 0.1))
    node = place.node()
    assert (node.label, node.parent, node.objective, node.goal) == (
        "A.1.4",
        "A.1",
        "time_us",
        "min",
    )
    assert node.targets == ("time_us < 70",)
    assert node.path[1] == NodeInfo("A.1", "p1", "improved", "", 25.0)
    assert (node.parent_metrics, node.root_metrics) == (PARENT, ROOT)
    assert node.expected_percent == pytest.approx(10.52)
    assert place.siblings(2).left_out == 1
    assert [each.label for each in place.siblings(2).nodes] == ["A.1.2", "A.1.3"]
    failed = NodeInfo("A.1.1", "p2", "failed", "check tests failed", None)
    assert place.failures(5) == Nodes((failed,))


def run_of(*nodes: NodeView, best: str = "A") -> RunView:
    return RunView(
        "r",
        "t",
        "/t",
        "running",
        "frontier",
        0,
        1,
        SPEC,
        0.0,
        root_metrics=ROOT,
        best=best,
        nodes=nodes,
    )


def test_the_place_of_a_person_is_the_best_node() -> None:
    edge = Measurement(GAIN, 0.1, 0.3, 8, PARENT, ROOT)
    view = run_of(
        NodeView("A", "", "done"),
        NodeView("A.1", "A", "done", ("p1",), Outcome.IMPROVED, edge=edge),
        NodeView("A.2", "A", "done", ("p2",), Outcome.TAMPERED, reason="tests/ changed"),
        NodeView("A.1.1", "A.1", "done", ("p2",), Outcome.NEUTRAL),
        best="A.1",
    )
    place = JournalPlace(view)
    assert place.node().path == (NodeInfo("A", ""), NodeInfo("A.1", "p1", "improved", "", 25.0))
    assert place.node().parent_metrics == PARENT
    assert [each.label for each in place.siblings(9).nodes] == ["A.1.1"]
    assert [each.label for each in place.failures(9).nodes] == ["A.2"]


def test_a_run_without_a_node_yet() -> None:
    with pytest.raises(DeskError, match="run r has no node A yet"):
        JournalPlace(run_of()).node()

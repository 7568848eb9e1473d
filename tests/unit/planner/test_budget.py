from __future__ import annotations

from dataclasses import replace

import pytest
from attempts import ABC, expand, failed, grown, measured, new_tree

from runner.model import ROOT, State, StopReason, Target
from runner.planner.budget import Budget, BudgetLimits
from runner.planner.tree import Tree


class Clock:
    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


def test_without_limits_nothing_is_ever_spent() -> None:
    tree, clock = new_tree(), Clock()
    budget = Budget(BudgetLimits(), clock)
    grown(tree, "A", "a", gain=0.1)
    clock.now_s += 1e9
    assert budget.spent(tree) is None
    assert budget.progress(tree) == 0.0


def test_nodes_count_when_they_are_started() -> None:
    tree = new_tree()
    budget = Budget(BudgetLimits(nodes=2), Clock())
    tree.open(expand("A", "a"))
    assert budget.spent(tree) is None
    assert budget.progress(tree) == 0.5
    tree.open(expand("A", "b"))
    stop = budget.spent(tree)
    assert stop is not None
    assert stop.reason is StopReason.NODES
    assert stop.detail == "2 of 2 evaluations"


def test_wall_time_includes_the_earlier_parts_of_a_run() -> None:
    tree, clock = new_tree(), Clock()
    budget = Budget(BudgetLimits(wall_time_s=100.0), clock, spent_s=60.0)
    assert budget.elapsed_s == 60.0
    clock.now_s += 39.0
    assert budget.spent(tree) is None
    assert budget.progress(tree) == pytest.approx(0.99)
    clock.now_s += 1.0
    stop = budget.spent(tree)
    assert stop is not None
    assert stop.reason is StopReason.TIME


def test_snapshot_bytes_count_what_was_committed() -> None:
    tree = new_tree()
    budget = Budget(BudgetLimits(snapshot_bytes=100), Clock())
    tree.close(measured(tree.open(expand("A", "a")), 0.1, size_bytes=60))
    tree.close(failed(tree.open(expand("A", "b"))))
    assert budget.spent(tree) is None
    assert budget.progress(tree) == 0.6
    tree.close(measured(tree.open(expand("A", "c")), 0.1, size_bytes=60))
    stop = budget.spent(tree)
    assert stop is not None
    assert stop.reason is StopReason.BYTES
    assert budget.progress(tree) == 1.0


def test_container_time_counts_what_came_back_and_what_was_spent_before() -> None:
    tree = new_tree()
    budget = Budget(BudgetLimits(container_s=100.0), Clock(), before_s=30.0)
    assert budget.progress(tree) == pytest.approx(0.3)
    tree.close(replace(measured(tree.open(expand("A", "a")), 0.1), container_s=40.0))
    tree.open(expand("A", "b"))  # what is under way isn't known yet
    assert budget.spent(tree) is None
    assert budget.progress(tree) == pytest.approx(0.7)
    tree.close(replace(failed(tree.open(expand("A", "c"))), container_s=30.5))
    stop = budget.spent(tree)
    assert stop is not None
    assert stop.reason is StopReason.CONTAINERS
    assert stop.detail == "100.5 of 100 container seconds"
    assert budget.progress(tree) == 1.0


def test_a_root_that_took_all_the_container_time_leaves_none() -> None:
    stop = Budget(BudgetLimits(container_s=10.0), Clock(), before_s=10.0).spent(new_tree())
    assert stop is not None
    assert stop.reason is StopReason.CONTAINERS


def test_time_on_the_wall_is_no_container_time() -> None:
    tree, clock = new_tree(), Clock()
    budget = Budget(BudgetLimits(container_s=10.0), clock)
    clock.now_s += 1e6
    assert budget.spent(tree) is None
    assert budget.progress(tree) == 0.0


def test_progress_is_that_of_the_scarcest_limit() -> None:
    tree, clock = new_tree(), Clock()
    budget = Budget(BudgetLimits(nodes=10, wall_time_s=100.0), clock)
    tree.open(expand("A", "a"))
    assert budget.progress(tree) == 0.1
    clock.now_s += 50.0
    assert budget.progress(tree) == 0.5


@pytest.mark.parametrize(
    ("operator", "value", "met"),
    [("<", 50.0, False), ("<=", 50.0, True), (">", 49.0, True), (">=", 51.0, False)],
)
def test_a_target_is_met_by_a_committed_node(operator: str, value: float, met: bool) -> None:
    tree = Tree(State(ROOT), ABC)
    budget = Budget(BudgetLimits(targets=(Target("time_us", operator, value),)), Clock())
    assert budget.spent(tree) is None
    grown(tree, "A", "a", gain=0.1)  # measures time_us = 50
    stop = budget.spent(tree)
    assert (stop.reason if stop else None) is (StopReason.TARGET if met else None)


def test_a_root_that_meets_the_target_leaves_nothing_to_do() -> None:
    budget = Budget(BudgetLimits(targets=(Target("time_us", "<=", 100.0),)), Clock())
    stop = budget.spent(new_tree())
    assert stop is not None
    assert stop.detail == "A: time_us <= 100"


def test_all_targets_must_hold_and_a_missing_metric_holds_none() -> None:
    tree = new_tree()
    targets = (Target("time_us", "<", 70.0), Target("memory_kb", "<", 1e9))
    budget = Budget(BudgetLimits(targets=targets), Clock())
    grown(tree, "A", "a", gain=0.1)
    assert budget.spent(tree) is None


def test_a_node_that_is_not_committed_meets_no_target() -> None:
    tree = new_tree()
    budget = Budget(BudgetLimits(targets=(Target("time_us", "<", 70.0),)), Clock())
    tree.close(measured(tree.open(expand("A", "a")), -0.5))
    assert budget.spent(tree) is None


def test_a_met_target_stays_met() -> None:
    tree = new_tree()
    budget = Budget(BudgetLimits(targets=(Target("time_us", "<", 70.0),)), Clock())
    grown(tree, "A", "a", gain=0.1)
    for _ in range(2):
        stop = budget.spent(tree)
        assert stop is not None
        assert stop.detail == "A.1: time_us < 70"


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="'=<' is not one of <, <=, >, >="):
        Budget(BudgetLimits(targets=(Target("t", "=<", 1.0),)))

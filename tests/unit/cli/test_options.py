"""What the options of `run` make of a task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.cli.run import _budget_of, _overridden, _stop_of, display_mode
from runner.errors import EngineUnavailable, RootFails, TaskError
from runner.model import StopReason, Target
from runner.planner.policy import POLICIES
from runner.report.live import Mode
from runner.task import Task
from tests.runs import make_task


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return make_task(tmp_path)


def test_without_options_a_task_stays_as_it_is(task: Task) -> None:
    assert _overridden(task, "", 0, None) == task


@pytest.mark.parametrize("policy", POLICIES)
def test_each_policy_can_be_chosen(task: Task, policy: str) -> None:
    found = _overridden(task, policy, 0, None)
    assert found == replace(task, search=replace(task.search, policy=policy))


def test_seed_and_nodes_replace_the_task_s_and_nothing_else(task: Task) -> None:
    found = _overridden(task, "", 7, 0)
    assert (found.search.seed, found.budget.nodes) == (0, 7)
    assert replace(found, search=task.search, budget=task.budget) == task
    assert replace(found.budget, nodes=task.budget.nodes) == task.budget


def test_an_unknown_policy_names_those_that_are_there(task: Task) -> None:
    with pytest.raises(TaskError, match="--policy 'luck': allowed: frontier, ucb1, "):
        _overridden(task, "luck", 0, None)


def test_the_budget_is_told_in_plain_values(task: Task) -> None:
    targets = (Target("cost", "<", 70.0), Target("bytes", ">=", 1.5))
    task = replace(task, budget=replace(task.budget, wall_time_s=60.0, targets=targets))
    assert _budget_of(task) == {
        "nodes": 12,
        "wall_time_s": 60.0,
        "container_s": None,
        "snapshot_bytes": None,
        "target": "cost < 70, bytes >= 1.5",
    }


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        ((False, False, False), Mode.AUTO),
        ((False, True, False), Mode.PLAIN),
        ((True, True, False), Mode.QUIET),
        ((True, True, True), Mode.JSON),
    ],
)
def test_the_mode_that_says_least_wins_and_json_over_all(
    options: tuple[bool, bool, bool], mode: Mode
) -> None:
    assert display_mode(*options) is mode


def test_only_a_root_that_fails_ends_a_run_for_good() -> None:
    stop = _stop_of(RootFails("the untouched target fails: check x exited with 1\nSee the log"))
    assert stop.reason is StopReason.ROOT_FAILS
    assert stop.detail == "the untouched target fails: check x exited with 1"
    assert _stop_of(EngineUnavailable("gone")).reason is StopReason.ENVIRONMENT

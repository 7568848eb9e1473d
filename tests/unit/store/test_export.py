from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from runner.errors import TaskError
from runner.model import ROOT, Goal, Metric, MetricSpec, Outcome
from runner.planner.space import load_space
from runner.store import Store
from runner.store.export import space_of

from .stories import (
    ACTIONS,
    ROOT_METRICS,
    RUN,
    duplicate,
    expand,
    failed,
    infra,
    measured,
    new_tree,
    view,
)


@pytest.fixture
def told(store: Store) -> Store:
    tree, journal = new_tree(), store.journal(RUN)
    for choice, outcome in [
        (expand(ROOT, "a0"), 0.5),
        (expand("A.1", "tile=8"), -0.25),
        (expand("A.1.1", "tile=16"), Outcome.FAILED),
        (expand(ROOT, "tile=8"), Outcome.OOM),
        (expand("A.1", "a1"), "A.1"),
        (expand(ROOT, "a1", "a2"), 0.125),
    ]:
        job = tree.open(choice)
        journal.intend(job)
        if isinstance(outcome, float):
            expansion = measured(job, outcome)
        elif isinstance(outcome, Outcome):
            expansion = failed(job, outcome)
        else:
            expansion = duplicate(job, outcome)
        journal.record(tree.close(expansion))
    job = tree.open(expand(ROOT, "a4"))
    journal.intend(job)
    journal.abandon(infra(job))
    return store


def test_a_run_becomes_a_space_that_loads(told: Store) -> None:
    raw = space_of(told.run(RUN), ACTIONS[:-1])
    space = load_space(json.dumps(raw))
    assert raw["metric"] == {"name": "time_us", "goal": "min", "unit": "us"}
    assert space.root == 100.0
    assert [action.key for action in space.actions] == [action.key for action in ACTIONS[:-1]]
    assert {action.key: action.group for action in space.actions}["tile=8"] == "tile"
    assert space.value(["a0"]) == pytest.approx(100 * math.exp(-0.5))
    assert space.value(["a0", "tile=8"]) == pytest.approx(100 * math.exp(-0.25))
    assert space.value(["a1", "a2"]) == pytest.approx(100 * math.exp(-0.125))
    # The twin's value, and the failures; what nobody finished isn't there.
    assert space.value(["a0", "a1"]) == pytest.approx(100 * math.exp(-0.5))
    assert {"actions": ["a0", "tile=16"], "fails": True} in raw["states"]
    assert {"actions": ["tile=8"], "fails": True} in raw["states"]
    assert len(raw["states"]) == 6
    # Half-widths of 0.015 on a difference of two.
    assert space.noise == pytest.approx(0.03 / (2 * 1.959964) / math.sqrt(2))


def test_without_the_tasks_actions_groups_are_not_known(told: Store) -> None:
    raw = space_of(told.run(RUN))
    assert {"actions": ["a0", "tile=16", "tile=8"], "fails": True} in raw["states"]
    assert {"key": "tile=8"} in raw["actions"]
    load_space(json.dumps(raw))


def test_more_is_better(told: Store) -> None:
    found = replace(told.run(RUN), objective=MetricSpec("time_us", Goal.MAX))
    space = load_space(json.dumps(space_of(found)))
    assert space.value(["a0"]) == pytest.approx(100 * math.exp(0.5))


def test_equal_sets_have_their_mean(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    for label, keys, gain in [(ROOT, ("agent",), 0.5), (ROOT, ("agent",), 0.25)]:
        job = tree.open(expand(label, *keys))
        journal.intend(job)
        journal.record(tree.close(measured(job, gain)))
    (state,) = space_of(store.run(RUN))["states"]
    assert state["value"] == pytest.approx(100 * math.exp(-0.375))


def test_trials_of_an_open_ended_action_are_proposals(store: Store) -> None:
    tree, journal = new_tree(), store.journal(RUN)
    for label, key, gain in [(ROOT, "agent", 0.5), (ROOT, "agent", 0.25), ("A.1", "a0", 0.125)]:
        job = tree.open(expand(label, key))
        journal.intend(job)
        journal.record(tree.close(measured(job, gain)))
    space = load_space(json.dumps(space_of(store.run(RUN), ACTIONS)))
    assert space.proposals == {"agent": ("agent#A.1", "agent#A.2")}
    assert space.value(["agent#A.2"]) == pytest.approx(100 * math.exp(-0.25))
    assert space.value(["agent#A.1", "a0"]) == pytest.approx(100 * math.exp(-0.625))


def test_a_run_without_a_measured_root() -> None:
    with pytest.raises(TaskError, match="no value of time_us"):
        space_of(view())
    other = replace(view(), root_metrics=(Metric("else", 1.0), *ROOT_METRICS))
    assert space_of(other)["root"] == 100.0
    assert space_of(other)["noise"] == 0.0

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import TaskError
from runner.model import Goal
from runner.planner.space import dump_space, load_space

SMALL: dict[str, Any] = {
    "metric": {"name": "time_us", "goal": "min"},
    "root": 100.0,
    "actions": [
        {"key": "a0"},
        {"key": "tile=8", "group": "tile"},
        {"key": "tile=16", "group": "tile", "prior": 0.1},
    ],
    "noise": 0.02,
    "states": [
        {"actions": ["a0"], "value": 93.1},
        {"actions": ["tile=8", "a0"], "fails": True},
        {"actions": ["tile=16"], "value": 50},
    ],
}


def _with(**changes: Any) -> str:
    return json.dumps({**SMALL, **changes})


def test_a_space_is_read() -> None:
    space = load_space(json.dumps(SMALL))
    assert (space.metric.name, space.metric.goal, space.root) == ("time_us", Goal.MIN, 100.0)
    assert [(a.key, a.group, a.prior) for a in space.actions] == [
        ("a0", "", 0.0),
        ("tile=8", "tile", 0.0),
        ("tile=16", "tile", 0.1),
    ]
    assert space.noise == 0.02


def test_values_don_t_depend_on_the_order_of_actions() -> None:
    space = load_space(json.dumps(SMALL))
    assert space.value([]) == 100.0
    assert space.value(["a0"]) == 93.1
    assert space.value(["a0", "tile=8"]) is space.value(["tile=8", "a0"]) is None
    assert space.value(["a0", "tile=16"]) is None  # not listed


def test_the_best_state_and_its_gain() -> None:
    space = load_space(json.dumps(SMALL))
    assert space.best() == (frozenset({"tile=16"}), 50.0)
    assert space.gain(50.0) == pytest.approx(0.693147)


def test_a_metric_may_be_better_when_higher() -> None:
    space = load_space(_with(metric={"name": "ops", "goal": "max", "unit": "1/s"}))
    assert space.metric.unit == "1/s"
    assert space.best() == (frozenset(), 100.0)
    assert space.gain(200.0) == pytest.approx(0.693147)


def test_noise_and_metric_have_defaults() -> None:
    space = load_space('{"root": 1, "actions": [], "states": []}')
    assert (space.noise, space.metric.name, space.best()) == (0.0, "value", (frozenset(), 1.0))


def test_an_open_ended_action_draws_from_what_it_proposes() -> None:
    actions = [{"key": "agent", "tag": "io", "proposes": ["h1", "h2"]}, {"key": "h1"}]
    space = load_space(_with(actions=[*actions, {"key": "h2"}, {"key": "a0"}], states=[]))
    assert [(a.key, a.open_ended, a.tag) for a in space.actions] == [
        ("agent", True, "io"),
        ("a0", False, ""),
    ]
    assert [a.key for a in space.drawn] == ["h1", "h2"]
    assert space.proposals == {"agent": ("h1", "h2")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "space: not JSON"),
        ("[]", r"space: \[\]; allowed: an object"),
        (_with(extra=1), "space: unknown key 'extra'; allowed: metric, root"),
        ('{"root": 1, "actions": []}', "space: 'states' is missing"),
        (_with(root=0), "root: 0; allowed: a finite number above 0"),
        (_with(root=float("nan")), "NaN is not a number"),
        (_with(root=True), "root: true; allowed: a finite number"),
        (_with(root=10**400), "root: 1000.*; allowed: a finite number"),
        (_with(noise=-0.1), "noise: -0.1; allowed: a finite number of at least 0"),
        (_with(noise="much"), 'noise: "much"; allowed: a finite number'),
        (_with(metric={"name": "t", "goal": "less"}), "metric.goal: 'less'; allowed: min, max"),
        (_with(metric={"name": ""}), 'metric.name: ""; allowed: a non-empty string'),
        (_with(actions=["a0"]), r'actions\[0\]: "a0"; allowed: an object'),
        (_with(actions=[{"key": "a"}, {"key": "a"}]), r"actions\[1\].key: 'a' is there twice"),
        (_with(actions=[{"key": "a", "proposes": ["z"]}]), r"actions\[0\].proposes: 'z'; allowed"),
        (_with(actions=[{"key": "a", "proposes": []}]), r"actions\[0\].proposes: empty"),
        (_with(states=5), "states: 5; allowed: a list"),
        (_with(states=[{"value": 1}]), r"states\[0\]: 'actions' is missing"),
        (_with(states=[{"actions": ["b"], "value": 1}]), r"states\[0\].actions: 'b'; allowed: a0"),
        (_with(states=[{"actions": [["a0"]], "value": 1}]), r"states\[0\].actions: \['a0'\]"),
        (_with(states=[{"actions": [], "value": 1}]), r"states\[0\].actions: empty"),
        (_with(states=[{"actions": ["a0"]}]), r'states\[0\]: needs either "value" or "fails"'),
        (
            _with(states=[{"actions": ["a0"], "value": 1, "fails": True}]),
            r'states\[0\]: needs either "value" or "fails"',
        ),
        (_with(states=[{"actions": ["a0"], "fails": 1}]), r"states\[0\].fails: 1; allowed: true"),
        (_with(states=[{"actions": ["a0"], "value": -3}]), r"states\[0\].value: -3; allowed"),
        (_with(states=[{"actions": ["a0", "a0"], "value": 3}]), r"states\[0\].actions: an action"),
        (
            _with(states=[{"actions": ["tile=8", "tile=16"], "value": 3}]),
            r"states\[0\].actions: 'tile=8' and 'tile=16' are of group 'tile'",
        ),
        (_with(states=[{"actions": ["a0"], "value": 1}] * 2), r"states\[1\].actions: .* twice"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        load_space(text)


_KEYS = ["a", "b", "x=1", "x=2", "h"]


@settings(max_examples=50)
@given(
    states=st.dictionaries(
        st.frozensets(st.sampled_from(["a", "b", "x=1"]), min_size=1),
        st.none() | st.floats(1e-3, 1e6),
    ),
    noise=st.floats(0, 1),
    root=st.floats(1e-3, 1e6),
)
def test_what_is_dumped_is_read_back(
    states: dict[frozenset[str], float | None], noise: float, root: float
) -> None:
    listed = [
        {"actions": sorted(keys), **({"fails": True} if value is None else {"value": value})}
        for keys, value in states.items()
    ]
    actions = [{"key": key, "group": "x" if "=" in key else ""} for key in _KEYS]
    actions.append({"key": "agent", "proposes": ["h"], "prior": 0.5, "tag": "t"})
    text = json.dumps({"root": root, "noise": noise, "actions": actions, "states": listed})
    space = load_space(text)
    assert load_space(dump_space(space)) == space

"""Whole searches over recorded spaces: the same loop, policies and tree as over containers."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest

from runner.errors import TaskError
from runner.model import Outcome, StopReason
from runner.planner.policy import POLICIES
from runner.planner.space import Space, load_space
from runner.simulate import SimulationResult, simulate

FACTORS = {"a": 0.9, "b": 1.05, "c": 0.8, "d": 1.0, "e": 0.95}


def _space(noise: float = 0.0, **changes: Any) -> Space:
    """Five patches; b and c conflict, and c with e is worth more than both."""
    states: list[dict[str, Any]] = []
    for size in range(1, 6):
        for keys in itertools.combinations(FACTORS, size):
            value = 100.0 * math.prod(FACTORS[key] for key in keys)
            value *= 0.7 if {"c", "e"} <= set(keys) else 1.0
            entry: dict[str, Any] = {"actions": list(keys)}
            entry.update({"fails": True} if {"b", "c"} <= set(keys) else {"value": value})
            states.append(entry)
    raw = {
        "metric": {"name": "time_us"},
        "root": 100.0,
        "actions": [{"key": key} for key in FACTORS],
        "noise": noise,
        "states": states,
    }
    return load_space(json.dumps({**raw, **changes}))


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("parallel", [1, 4])
def test_exactly_the_budget_is_spent(name: str, parallel: int) -> None:
    result = simulate(_space(0.02), name, 20, parallel, 5)
    assert result.stop.reason is StopReason.NODES
    assert [e.n for e in result.evaluations] == list(range(1, 21))
    assert (result.policy, result.workers, result.seed) == (name, parallel, 5)


@pytest.mark.parametrize("name", POLICIES)
def test_an_exhausted_space_ends_the_search_at_the_best_state(name: str) -> None:
    result = simulate(_space(), name, 1000, 3, 1)
    assert result.stop.reason is StopReason.EXHAUSTED
    assert result.regret == pytest.approx(0.0)
    assert set(result.best_state) <= {"a", "c", "d", "e"}
    assert result.best_gain == pytest.approx(-math.log(0.9 * 0.8 * 0.95 * 0.7))


def test_without_noise_what_is_observed_is_true() -> None:
    for e in simulate(_space(), "greedy", 25, 2, 1).evaluations:
        assert e.observed == e.true
        assert (e.outcome is Outcome.FAILED) == (e.true is None) == ({"b", "c"} <= set(e.state))


def test_what_is_recommended_was_measured_before_and_only_gets_better_without_noise() -> None:
    result = simulate(_space(), "frontier", 25, 4, 3)
    seen: list[frozenset[str]] = [frozenset()]
    before = 100.0
    for e in result.evaluations:
        seen.append(frozenset(e.state))
        assert frozenset(e.recommended) in seen
        assert e.recommended_true <= before
        before = e.recommended_true
    assert before == pytest.approx(100.0 * math.exp(-result.final_gain))


def test_noise_is_that_of_the_space() -> None:
    logs: list[float] = []
    for seed in range(40):
        found = simulate(_space(0.05), "random", 10, 1, seed).evaluations
        logs += [math.log(e.observed / e.true) for e in found if e.observed and e.true]
    deviation = math.sqrt(sum(x * x for x in logs) / len(logs))
    assert deviation == pytest.approx(0.05, rel=0.15)
    assert abs(sum(logs) / len(logs)) < 0.01


def test_measuring_again_is_an_evaluation_too() -> None:
    result = simulate(_space(0.1), "frontier", 40, 2, 1)
    states = [frozenset(e.state) for e in result.evaluations]
    assert len(set(states)) < len(states) == 40


def test_one_seed_is_one_search() -> None:
    first, second, other = (simulate(_space(0.05), "frontier", 30, 4, seed) for seed in (1, 1, 2))
    assert first == second
    assert first.evaluations != other.evaluations


def test_workers_finish_out_of_order() -> None:
    result = simulate(_space(0.0), "random", 25, 4, 1)
    sizes = [len(e.state) for e in result.evaluations]
    assert sizes != sorted(sizes)


def test_outcomes_follow_from_the_interval() -> None:
    result = simulate(_space(0.001), "greedy", 31, 1, 1)
    outcomes = {frozenset(e.state): e.outcome for e in result.evaluations if len(e.state) == 1}
    assert outcomes[frozenset({"a"})] is Outcome.IMPROVED
    assert outcomes[frozenset({"b"})] is Outcome.REGRESSED


def test_a_metric_may_be_better_when_higher() -> None:
    space = _space(metric={"name": "ops", "goal": "max"})
    result = simulate(space, "beam", 1000, 2, 1)
    assert result.best_gain == pytest.approx(math.log(1.05))
    assert result.final_gain == result.best_gain
    assert "b" in result.evaluations[-1].recommended


def _proposing() -> Space:
    keys = list(FACTORS)
    actions = [{"key": key} for key in keys]
    agents = [
        {"key": "agent1", "tag": "memory", "proposes": keys[:3]},
        {"key": "agent2", "tag": "io", "proposes": keys[3:]},
    ]
    return _space(0.01, actions=[*agents, *actions])


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("parallel", [1, 4])
def test_proposals_may_be_duplicates(name: str, parallel: int) -> None:
    """Also while the twin is still being measured: the duplicate then waits for its reward."""
    result = simulate(_proposing(), name, 60, parallel, 2)
    assert len(result.evaluations) == 60
    seen: set[frozenset[str]] = {frozenset()}
    for e in result.evaluations:
        if e.outcome is Outcome.DUPLICATE:
            assert frozenset(e.state) in seen
            assert e.observed is None
        seen.add(frozenset(e.state))
    assert any(e.outcome is Outcome.DUPLICATE for e in result.evaluations)


def test_an_empty_catalogue_is_exhausted_at_once() -> None:
    result = simulate(_space(actions=[], states=[]), "frontier", 10, 2, 1)
    assert result.stop.reason is StopReason.EXHAUSTED
    assert (result.evaluations, result.final_gain, result.best_state) == ((), 0.0, ())


def test_an_unknown_policy_is_an_error() -> None:
    with pytest.raises(TaskError, match="policy: 'mcts'"):
        simulate(_space(), "mcts", 10, 1, 1)


def test_more_workers_don_t_make_frontier_much_worse() -> None:
    """Work in flight is counted, so that four workers don't do the same thing four times."""

    def found(workers: int) -> float:
        results: list[SimulationResult] = [
            simulate(_space(0.02), "frontier", 14, workers, seed) for seed in range(20)
        ]
        return sum(r.final_gain for r in results) / len(results)

    assert found(4) > 0.85 * found(1)

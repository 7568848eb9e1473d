"""The surrogate, the blame, the strategies, and the climb over them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from attempts import AGENT, KNOBS, duplicate, expand, failed, grown, new_tree
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model import Action
from runner.planner import surrogate as module
from runner.planner.bits import bits
from runner.planner.blame import Blame, Suspicion
from runner.planner.combine import Belief, Climb
from runner.planner.node import fixed
from runner.planner.strategies import Strategies
from runner.planner.surrogate import Surrogate, Weights

STATES = st.lists(
    st.tuples(st.integers(1, 63), st.floats(-1, 1)),
    min_size=1,
    max_size=40,
    unique_by=lambda s: s[0],
)


def _trained(rows: list[tuple[int, float]], priors: tuple[float, ...] = (0.0,) * 6) -> Surrogate:
    surrogate = Surrogate(list(priors))
    for state, gain in rows:
        surrogate.observe(bits(state, len(priors)), fixed(gain))
    return surrogate


def _predictions(weights: Weights) -> list[float]:
    return [weights.value(bits(state, 6).astype(float)) for state in range(64)]


def test_bits_are_in_the_order_of_the_actions() -> None:
    assert bits(0b1000000101, 10).tolist() == [1, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    assert bits(1 << 12 | 3, 3).tolist() == [1, 1, 0]
    assert bits(0, 0).tolist() == []


def test_without_observations_the_prior_is_the_prediction() -> None:
    mean = Surrogate([0.3, -0.1]).fit().mean()
    assert mean.value(np.array([1.0, 1.0])) == pytest.approx(0.2)


def test_it_learns_actions_and_pairs() -> None:
    alone, together = (0.4, -0.2, 0.0, 0.1, 0.0, 0.3), 0.5
    rows = [
        (state, float(bits(state, 6) @ np.array(alone)) + together * (state & 3 == 3))
        for state in range(1, 64)
    ]
    seen, unseen = rows[:-8], rows[-8:]
    mean = _trained(seen).fit().mean()
    for state, gain in unseen:
        assert mean.value(bits(state, 6).astype(float)) == pytest.approx(gain, abs=0.1)


@settings(max_examples=30, deadline=None)
@given(rows=STATES)
def test_both_ways_to_fit_are_one_model(rows: list[tuple[int, float]]) -> None:
    surrogate = _trained(rows)
    by_rows = surrogate.fit().mean() if len(rows) <= 21 else None
    limit, module._MOST_FEATURES = module._MOST_FEATURES, 0  # always by rows
    try:
        forced = surrogate.fit().mean()
    finally:
        module._MOST_FEATURES = limit
    spread = max(0.05, max(0.0, *(g for _, g in rows)) - min(0.0, *(g for _, g in rows)))
    prior = module._Prior(np.zeros(6), 0.3 * spread, 0.15 * spread, 0.1 * spread)
    by_features = surrogate._by_features(prior).mean()
    assert _predictions(forced) == pytest.approx(_predictions(by_features), abs=1e-6)
    if by_rows is not None:
        assert _predictions(by_rows) == _predictions(forced)


@settings(max_examples=30, deadline=None)
@given(rows=STATES, random=st.randoms())
def test_the_fit_does_not_depend_on_the_order(
    rows: list[tuple[int, float]], random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = (_trained(r).fit().draw(np.random.RandomState(1)) for r in (rows, shuffled))
    assert np.array_equal(first.alone, second.alone)
    assert np.array_equal(first.pairs, second.pairs)


@pytest.mark.parametrize("count", [10, 60])
def test_draws_scatter_around_the_mean(count: int) -> None:
    rows = [(state, 0.1 * (state % 7)) for state in range(1, count + 1)]
    posterior = _trained(rows).fit()
    random = np.random.RandomState(3)
    draws = np.array([_predictions(posterior.draw(random)) for _ in range(600)])
    mean = np.array(_predictions(posterior.mean()))
    error = draws.std(axis=0) / np.sqrt(len(draws)) + 1e-9
    assert np.all(np.abs(draws.mean(axis=0) - mean) < 5 * error)
    # What was observed is known better than what was not.
    assert draws.std(axis=0)[1:11].mean() < draws.std(axis=0)[61:].mean() + 1e-9


def test_failures_are_blamed_on_what_never_passed() -> None:
    blame = Blame(4)
    blame.passing(bits(0b0011, 4))
    blame.failing(bits(0b0101, 4))  # 2 alone, or 2 with 0
    blame.failing(bits(0b1010, 4))
    blame.passing(bits(0b1000, 4))  # so it was 3 together with 1
    suspicion = blame.judge()
    none, alone = np.zeros(4), np.array([0.0, 1.0, 0.0, 0.0])
    assert suspicion.log_pass(none, 0) == suspicion.log_pass(alone, 0) == 0.0
    assert np.exp(suspicion.log_pass(none, 3)) == 1.0
    assert np.exp(suspicion.log_pass(alone, 3)) < 0.1
    assert 0.3 < np.exp(suspicion.log_pass(none, 2)) < 0.6


def test_blame_is_the_same_in_any_order() -> None:
    failing = [3, 5, 9, 6]
    results = []
    for order in itertools.permutations(failing):
        blame = Blame(4)
        for state in order:
            blame.failing(bits(state, 4))
        results.append(blame.judge())
    assert all(np.array_equal(r.pairs, results[0].pairs) for r in results)
    assert all(np.array_equal(r.alone, results[0].alone) for r in results)


def _unsuspicious(count: int) -> Suspicion:
    return Suspicion(np.zeros(count), np.zeros((count, count)))


def test_the_climb_finds_a_pair_that_only_helps_together() -> None:
    tree = new_tree((Action("a"), Action("b"), Action("c")))
    grown(tree, "A", "a", gain=0.1)
    pairs = np.zeros((3, 3))
    pairs[1, 2] = pairs[2, 1] = 1.0
    weights = Weights(np.array([0.1, 0.01, 0.01]), pairs)
    edge = Climb(tree.actions).best_unseen(
        tree, tree.node("A.1"), Belief(weights, _unsuspicious(3), 0.1)
    )
    assert edge is not None
    assert (edge.node.label, edge.actions) == ("A.1", (1, 2))
    assert edge.gain == pytest.approx(1.02)


def test_the_climb_removes_and_replaces() -> None:
    tree = new_tree(KNOBS)
    grown(tree, "A", "x=1", gain=-0.05)
    grown(tree, "A.1", "y", gain=0.1)
    weights = Weights(np.array([-0.05, 0.2, 0.1]), np.zeros((3, 3)))
    edge = Climb(tree.actions).best_unseen(
        tree, tree.node("A.1.1"), Belief(weights, _unsuspicious(3), 0.1)
    )
    assert edge is not None
    # {x=2, y}: x=2 on {y} isn't built yet, but from the root both can be applied.
    assert (edge.node.label, edge.actions) == ("A", (1, 2))
    assert edge.gain == pytest.approx(0.25)


def test_the_climb_avoids_what_fails() -> None:
    tree = new_tree((Action("a"), Action("b"), Action("c")))
    weights = Weights(np.array([0.5, 0.4, 0.1]), np.zeros((3, 3)))
    pairs = np.zeros((3, 3))
    pairs[0, 1] = pairs[1, 0] = -9.0
    edge = Climb(tree.actions).best_unseen(
        tree, tree.root, Belief(weights, Suspicion(np.zeros(3), pairs), 0.1)
    )
    assert edge is not None
    assert edge.actions == (0, 2)


def test_the_climb_keeps_what_an_open_ended_action_made() -> None:
    tree = new_tree((Action("a"), Action("agent", open_ended=True), Action("b")))
    grown(tree, "A", "a", gain=0.1)
    grown(tree, "A.1", "agent", gain=0.1)
    weights = Weights(np.array([-5.0, 9.0, 0.1]), np.zeros((3, 3)))
    edge = Climb(tree.actions).best_unseen(
        tree, tree.node("A.1.1"), Belief(weights, _unsuspicious(3), 0.1)
    )
    assert edge is not None
    assert (edge.node.label, edge.actions) == ("A.1.1", (2,))


def test_nothing_unseen_is_said() -> None:
    tree = new_tree((Action("a"),))
    grown(tree, "A", "a", gain=0.1)
    weights = Weights(np.ones(1), np.zeros((1, 1)))
    assert (
        Climb(tree.actions).best_unseen(tree, tree.root, Belief(weights, _unsuspicious(1), 0.1))
        is None
    )


def test_strategies_are_drawn_by_what_they_gained() -> None:
    actions = (
        Action("good", tag="good", open_ended=True),
        Action("bad", tag="bad", open_ended=True),
    )
    tree, strategies = new_tree(actions), Strategies()
    for _ in range(5):
        grown(tree, "A", "good", gain=0.2)
        tree.close(failed(tree.open(expand("A", "bad"))))
    for node in tree.nodes:
        strategies.observe(tree, node)
        strategies.observe(tree, node)  # counted once
    random = np.random.RandomState(0)
    drawn = [strategies.draw(tree, tree.root, [0, 1], random) for _ in range(500)]
    share = sum(action == 0 for action, _ in drawn) / len(drawn)
    assert 0.8 < share < 0.99
    expected = dict(drawn)
    assert expected[0] == pytest.approx(0.2 * 6 / 7, abs=0.03)


def test_a_node_that_only_gives_duplicates_gets_stale() -> None:
    tree, strategies = new_tree(AGENT), Strategies()
    grown(tree, "A", "agent", gain=0.2)
    for _ in range(3):
        tree.close(duplicate(tree.open(expand("A", "agent")), "A.1"))
    for node in tree.nodes:
        strategies.observe(tree, node)
    random = np.random.RandomState(0)
    _, here = strategies.draw(tree, tree.root, [0], random)
    _, elsewhere = strategies.draw(tree, tree.node("A.1"), [0], random)
    assert here < 0.5 * elsewhere


def test_a_strategy_that_is_used_up_on_a_path_is_worth_less_there() -> None:
    tree, strategies = new_tree(AGENT), Strategies()
    for _ in range(4):
        grown(tree, "A", "agent", gain=0.2)
    for label in ("A.1", "A.2", "A.3"):
        tree.close(failed(tree.open(expand(label, "agent"))))
    for node in tree.nodes:
        strategies.observe(tree, node)
    random = np.random.RandomState(0)
    _, first = strategies.draw(tree, tree.root, [0], random)
    _, second = strategies.draw(tree, tree.node("A.4"), [0], random)
    assert second < 0.6 * first

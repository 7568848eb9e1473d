from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
from attempts import ABC, AGENT, KNOBS, again, expand, failed, grown, measured, new_tree

from runner.errors import TaskError
from runner.model import Action, Job, JobKind
from runner.planner.policy import POLICIES, Policy, SearchSettings, make_policy
from runner.planner.tree import Choice, Tree

ABCD = (*ABC, Action("d"))


def _policy(name: str, actions: tuple[Action, ...] = ABC, seed: int = 1) -> Policy:
    return make_policy(name, actions, seed)


def _choose(policy: Policy, tree: Tree, progress: float = 0.0) -> Choice:
    choice = policy.select(tree, progress)
    assert choice is not None
    return choice


def _gain(job: Job) -> float:
    return {"a": 0.1, "b": -0.02, "c": 0.05, "d": 0.0}.get(job.actions[0].key, 0.0)


def test_an_unknown_policy_is_named_with_those_that_are_known() -> None:
    with pytest.raises(TaskError, match="policy: 'best'; allowed: frontier, ucb1, greedy, beam"):
        make_policy("best", ABC, 0)


@pytest.mark.parametrize("name", POLICIES)
def test_names_are_kept(name: str) -> None:
    assert make_policy(name, ABC, 0, SearchSettings()).name == name


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("workers", [1, 3])
def test_every_state_is_tried_once_and_then_nothing_is_left(name: str, workers: int) -> None:
    tree, policy, jobs = new_tree(ABCD), _policy(name, ABCD), list[Job]()
    while True:
        choice = policy.select(tree, 0.0)
        if choice is not None:
            jobs.append(tree.open(choice))
        if choice is None and not jobs:
            break
        if choice is None or len(jobs) == workers:
            job = jobs.pop(0)
            tree.close(measured(job, _gain(job)))
    assert tree.evaluations == 2**4 - 1
    assert policy.select(tree, 0.95) is None
    assert policy.recommend(tree) == tree.best


@pytest.mark.parametrize("name", POLICIES)
def test_groups_leave_fewer_states(name: str) -> None:
    tree, policy = new_tree(KNOBS), _policy(name, KNOBS)
    while (choice := policy.select(tree, 0.0)) is not None:
        tree.close(measured(tree.open(choice), 0.01))
    assert tree.evaluations == 3 * 2 - 1


@pytest.mark.parametrize("name", POLICIES)
def test_where_all_fails_every_policy_ends(name: str) -> None:
    tree, policy = new_tree(), _policy(name)
    while (choice := policy.select(tree, 0.0)) is not None:
        tree.close(failed(tree.open(choice)))
    assert 3 <= tree.evaluations <= 7
    assert policy.recommend(tree) == "A"


@pytest.mark.parametrize("name", POLICIES)
def test_open_ended_actions_go_on_for_ever(name: str) -> None:
    tree, policy = new_tree(AGENT), _policy(name, AGENT)
    for n in range(120):
        job = tree.open(_choose(policy, tree))
        tree.close(failed(job) if n % 3 else measured(job, 0.01 * (n % 7)))
    assert tree.evaluations == 120


@pytest.mark.parametrize("name", POLICIES)
def test_a_seed_is_a_search(name: str) -> None:
    def first_labels(seed: int) -> list[tuple[str, tuple[str, ...]]]:
        tree, policy = new_tree(ABCD), _policy(name, ABCD, seed)
        found = []
        for _ in range(10):
            job = tree.open(_choose(policy, tree))
            tree.close(measured(job, _gain(job)))
            found.append((job.label, tuple(action.key for action in job.actions)))
        return found

    assert first_labels(3) == first_labels(3)
    assert len({tuple(first_labels(seed)) for seed in range(8)}) > 1


# ucb1


def test_ucb1_tries_every_action_of_a_node_before_it_descends() -> None:
    tree, policy = new_tree(), _policy("ucb1")
    labels = []
    for _ in range(4):
        job = tree.open(_choose(policy, tree))
        labels.append(job.label)
        tree.close(measured(job, 0.0))
    assert labels[:3] == ["A.1", "A.2", "A.3"]
    assert labels[3].count(".") == 2


def test_ucb1_scores_by_the_textbook() -> None:
    tree, policy = new_tree(ABCD), _policy("ucb1", ABCD)
    # A.1 has mean 0.4 of 4 visits, A.2 mean 0.9 of 1 visit.
    grown(tree, "A", "a", gain=math.log(1.4))
    for key in "bcd":
        grown(tree, "A.1", key, gain=math.log(1.4))
    grown(tree, "A", "b", gain=math.log(1.9))
    for key in "cd":
        tree.close(failed(tree.open(expand("A", key))))
    means, visits, n = (0.4, 0.9), (4, 1), 7
    scores = [
        m + math.sqrt(2.0) * math.sqrt(math.log(n) / v) for m, v in zip(means, visits, strict=True)
    ]
    assert scores[1] > scores[0]
    assert _choose(policy, tree).label == "A.2"
    # With enough visits to A.2, A.1's turn comes.
    for _ in range(12):
        tree.close(measured(tree.open(again("A.2")), math.log(1.3)))
    mean = (0.9 + 12 * 0.3) / 13
    assert mean + math.sqrt(2 * math.log(19) / 13) < 0.4 + math.sqrt(2 * math.log(19) / 4)
    assert _choose(policy, tree).label.startswith("A.1.")


def test_ucb1_counts_work_in_flight() -> None:
    tree, policy = new_tree(ABCD), _policy("ucb1", ABCD)
    for key in "abcd":
        grown(tree, "A", key, gain=0.1)
    parents = [tree.open(_choose(policy, tree)).origin.label for _ in range(4)]
    assert sorted(parents) == ["A.1", "A.2", "A.3", "A.4"]


def test_ucb1_waits_for_what_is_in_flight_and_enters_nothing_exhausted() -> None:
    tree, policy = new_tree((Action("a"), Action("b"))), _policy("ucb1")
    first, second = tree.open(expand("A", "a")), tree.open(expand("A", "b"))
    assert policy.select(tree, 0.0) is None
    tree.close(failed(first))
    assert policy.select(tree, 0.0) is None
    tree.close(measured(second, 0.1))
    assert _choose(policy, tree) == expand("A.2", "a")
    tree.close(measured(tree.open(expand("A.2", "a")), 0.1))
    assert policy.select(tree, 0.0) is None


# greedy, beam, random


def test_greedy_expands_the_best_node() -> None:
    tree, policy = new_tree(), _policy("greedy")
    grown(tree, "A", "a", gain=0.1)
    grown(tree, "A", "b", gain=0.2)
    assert _choose(policy, tree).label == "A.2"
    tree.close(failed(tree.open(expand("A.2", "a"))))
    tree.close(failed(tree.open(expand("A.2", "c"))))
    assert _choose(policy, tree) == expand("A.1", "c")


def test_beam_goes_down_with_the_best_of_each_level() -> None:
    actions = tuple(Action(key) for key in "abcdef")
    tree = new_tree(actions)
    policy = make_policy("beam", actions, 1, SearchSettings(beam_width=2))
    value = {"a": 0.01, "b": 0.02, "c": 0.3, "d": 0.03, "e": 0.2, "f": 0.04}
    origins = []
    for _ in range(6 + 9):
        job = tree.open(_choose(policy, tree))
        origins.append(job.origin.label)
        tree.close(measured(job, value[job.actions[0].key]))
    best = {n.label for n in tree.nodes if n.actions and tree.actions[n.actions[0]].key in "ce"}
    level_one = {label for label in best if label.count(".") == 1}
    assert origins[:6] == ["A"] * 6
    assert Counter(origins[6:]).keys() == level_one


def test_beam_waits_until_its_level_is_measured() -> None:
    tree, policy = new_tree(), _policy("beam")
    jobs = [tree.open(_choose(policy, tree)) for _ in range(3)]
    assert policy.select(tree, 0.0) is None
    for job in jobs:
        tree.close(measured(job, 0.1))
    assert _choose(policy, tree).label != "A"


def test_random_chooses_all_nodes_alike() -> None:
    counts: Counter[str] = Counter()
    for seed in range(400):
        tree = new_tree(ABCD)
        grown(tree, "A", "a", gain=0.5)
        grown(tree, "A", "b", gain=-0.05)
        counts[_choose(_policy("random", ABCD, seed), tree).label] += 1
    assert all(90 < counts[label] < 180 for label in ("A", "A.1", "A.2"))


# frontier


def test_frontier_follows_the_priors_at_first() -> None:
    actions = (Action("a"), Action("b", prior=0.3), Action("c"))
    first = Counter(
        _choose(_policy("frontier", actions, seed), new_tree(actions)).actions for seed in range(50)
    )
    assert first[("b",)] > 45


def test_frontier_measures_rivals_again_at_the_end() -> None:
    tree, policy = new_tree(), _policy("frontier")
    for key, gain in (("a", 0.30), ("b", 0.31), ("c", 0.05)):
        tree.close(measured(tree.open(expand("A", key)), gain, half=0.04))
    labels = []
    for _ in range(4):
        choice = _choose(policy, tree, 0.95)
        assert choice.kind is JobKind.REMEASURE
        labels.append(choice.label)
        tree.close(measured(tree.open(choice), 0.30, half=0.04))
    assert Counter(labels) == {"A.1": 2, "A.2": 2}
    assert _choose(policy, tree, 0.5).kind is JobKind.EXPAND


def test_frontier_does_not_measure_again_what_leaves_no_doubt() -> None:
    tree, policy = new_tree(), _policy("frontier")
    for key, gain in (("a", 0.30), ("b", 0.31)):
        tree.close(measured(tree.open(expand("A", key)), gain))
    assert _choose(policy, tree, 0.95).kind is JobKind.EXPAND


def test_frontier_leaps_to_a_state_that_no_single_step_reaches() -> None:
    """Each action alone breaks the build; together they pass, and the root is all there is."""
    actions = (Action("a"), Action("b"))
    tree, policy = new_tree(actions), _policy("frontier", actions)
    for key in "ab":
        tree.close(failed(tree.open(expand("A", key))))
    assert _choose(policy, tree).actions == ("a", "b")


def test_frontier_tries_what_broke_the_build_after_what_did_not() -> None:
    actions = tuple(Action(f"p{i}") for i in range(8))
    broken = 0
    for seed in range(50):
        tree = new_tree(actions)
        tree.close(failed(tree.open(expand("A", "p3"))))
        for key, gain in (("p0", 0.1), ("p1", 0.05), ("p2", -0.02), ("p4", 0.0)):
            tree.close(measured(tree.open(expand("A", key)), gain, half=0.01))
        broken += "p3" in _choose(_policy("frontier", actions, seed), tree).actions
    assert broken <= 1


def test_frontier_finds_what_greedy_misses() -> None:
    """Two actions cost a little each, and together are worth more than all others."""
    keys = [f"p{i}" for i in range(8)]
    actions = tuple(Action(key) for key in keys)

    def value(state: frozenset[str]) -> float:
        both = {"p6", "p7"} <= state
        helpful = sum(0.05 for key in state if key in keys[:4])
        return helpful + (1.0 if both else -0.06 * len(state & {"p6", "p7"}))

    best = max(value(frozenset(s)) for r in range(9) for s in itertools.combinations(keys, r))
    found = 0
    for seed in range(10):
        tree, policy = new_tree(actions), _policy("frontier", actions, seed)
        states = {"A": frozenset[str]()}
        for _ in range(60):
            job = tree.open(_choose(policy, tree))
            states[job.label] = states[job.origin.label] | {a.key for a in job.actions}
            gain = value(states[job.label]) - value(states[job.origin.label])
            tree.close(measured(job, gain, half=0.001))
        found += value(states[policy.recommend(tree)]) > 0.95 * best
    assert found >= 9


def test_frontier_made_anew_after_many_nodes_has_the_same_model() -> None:
    """Beyond 256 nodes the models are fitted in batches, which must not depend on who looked."""
    actions = tuple(Action(f"p{i}") for i in range(12))
    tree, old = new_tree(actions), _policy("frontier", actions)
    for n in range(420):
        job = tree.open(_choose(old, tree))
        worth = math.sin(hash_of(job) * 12.9898) * 0.1
        tree.close(failed(job) if n % 9 == 8 else measured(job, worth, half=0.01))
        if n in (255, 257, 300, 419):
            new = _policy("frontier", actions)
            assert new.select(tree, 0.5) == old.select(tree, 0.5)


def hash_of(job: Job) -> int:
    """A number for what a job does; unlike ``hash``, the same in every process."""
    return sum(ord(c) * (i + 1) for i, c in enumerate(job.label + job.actions[0].key))

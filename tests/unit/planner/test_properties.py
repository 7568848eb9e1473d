"""What holds for any tree, whatever is tried, fails, and is completed in whatever order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from attempts import again, duplicate, failed, measured, new_tree
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model import Action, Expansion, Job, JobKind, Outcome
from runner.planner.knowledge import Knowledge
from runner.planner.node import fixed, real
from runner.planner.policy import POLICIES, make_policy
from runner.planner.tree import Choice, Tree

ACTIONS = (
    Action("a"),
    Action("b", prior=0.1),
    Action("c"),
    Action("x=1", group="x"),
    Action("x=2", group="x"),
    Action("agent", tag="t", open_ended=True),
)
GAINS = st.floats(-0.4, 0.6)


def _options(tree: Tree) -> list[Choice]:
    """Everything that may be opened now: single actions, pairs of them, and measuring again."""
    found = []
    for node in tree.nodes:
        if not node.passed:
            continue
        untried = tree.untried(node)
        found += [Choice(JobKind.EXPAND, node.label, (tree.actions[i].key,)) for i in untried]
        if node.parent is not None and not node.open:
            found.append(again(node.label))
    return found


def _finish(draw: st.DrawFn, tree: Tree, job: Job) -> Expansion:
    kind = draw(st.sampled_from(["measured", "measured", "measured", "failed", "twin"]))
    if kind == "failed":
        return failed(job, draw(st.sampled_from([Outcome.FAILED, Outcome.OOM, Outcome.TAMPERED])))
    twins = [n.label for n in tree.nodes if n.visits and n.outcome is not Outcome.DUPLICATE]
    if kind == "twin" and twins and job.kind is JobKind.EXPAND:
        return duplicate(job, draw(st.sampled_from(twins)))
    return measured(job, draw(GAINS), draw(st.floats(0, 0.2)))


Story = list[Job | Expansion]


@st.composite
def stories(draw: st.DrawFn) -> tuple[Tree, Story]:
    """A tree with up to three attempts in flight at a time, and what was done to it, in order."""
    tree = new_tree(ACTIONS)
    story: Story = []
    pending: list[Job] = []
    for _ in range(draw(st.integers(0, 30))):
        if len(pending) < 3 and draw(st.booleans()):
            job = tree.open(draw(st.sampled_from(_options(tree))))
            pending.append(job)
            story.append(job)
        elif pending and draw(st.integers(0, 9)) == 0:
            job = tree.reopen(pending.pop(draw(st.integers(0, len(pending) - 1))))
            pending.append(job)
            story.append(job)
        elif pending:
            job = pending.pop(draw(st.integers(0, len(pending) - 1)))
            expansion = _finish(draw, tree, job)
            tree.close(expansion)
            story.append(expansion)
    return tree, story


def _replayed(story: Sequence[Job | Expansion]) -> Tree:
    tree = new_tree(ACTIONS)
    for entry in story:
        if isinstance(entry, Job):
            tree.adopt(entry)
        else:
            tree.close(entry)
    return tree


def _statistics(tree: Tree) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {
        node.label: (
            node.visits,
            node.reward_sum,
            node.in_flight,
            node.open,
            node.attempts,
            node.observations,
            node.observation_sum,
            node.variance_sum,
            node.first,
            node.peak,
            node.value,
            node.failures,
            node.outcome,
            node.twin,
            tuple(tree.nodes[i].label for i in node.children),
        )
        for node in tree.nodes
    }
    found[""] = (tree.best, tree.evaluations, tree.started, tree.in_flight, tree.snapshot_bytes)
    return found


@settings(max_examples=150, deadline=None)
@given(made=stories())
def test_sums_are_those_of_the_subtree(made: tuple[Tree, Story]) -> None:
    tree, story = made
    own_visits = dict.fromkeys((node.label for node in tree.nodes), 0)
    own_rewards = dict.fromkeys((node.label for node in tree.nodes), 0)
    for entry in story:
        if isinstance(entry, Expansion):
            own_visits[entry.job.label] += 1
            reward = entry.reward
            own_rewards[entry.job.label] += (
                tree.node(entry.twin).first_reward if reward is None else fixed(reward)
            )
    for node in tree.nodes:
        below = [tree.nodes[i] for i in node.children]
        assert node.visits == own_visits[node.label] + sum(c.visits for c in below)
        assert node.reward_sum == own_rewards[node.label] + sum(c.reward_sum for c in below)
        assert node.in_flight == node.open + sum(c.in_flight for c in below)
        peaks = [c.peak for c in below if c.peak is not None]
        peaks += [node.first] if node.observations else []
        assert node.peak == (max(peaks) if peaks else None)
    assert tree.root.visits == tree.evaluations == sum(own_visits.values())
    assert tree.root.in_flight == tree.in_flight
    assert (
        tree.best
        == max(
            (node for node in tree.nodes if node.passed), key=lambda n: (n.value, -n.index)
        ).label
    )


@settings(max_examples=100, deadline=None)
@given(made=stories())
def test_nothing_in_flight_is_left_when_all_is_closed(made: tuple[Tree, Story]) -> None:
    tree, _ = made
    for node in [node for node in tree.nodes if node.open]:
        kind = JobKind.REMEASURE if node.visits else JobKind.EXPAND
        against = tree.state_of(tree.root if node.visits or node.parent is None else node.parent)
        tree.close(measured(Job(kind, node.label, node.attempts, against, against), 0.1))
    assert tree.in_flight == 0
    assert all(node.in_flight == 0 and not node.open for node in tree.nodes)


@settings(max_examples=100, deadline=None)
@given(made=stories())
def test_rebuilt_is_equal_to_incremental(made: tuple[Tree, Story]) -> None:
    tree, story = made
    assert _statistics(_replayed(story)) == _statistics(tree)


@settings(max_examples=60, deadline=None)
@given(made=stories(), data=st.data())
def test_the_order_of_completion_leaves_no_trace(
    made: tuple[Tree, Story], data: st.DataObject
) -> None:
    """Whatever is opened together may be closed in any order: same statistics, same model."""
    _, story = made
    trees = [_replayed(story), _replayed(story)]
    for tree in trees:
        for _ in range(3):
            options = _options(tree)
            tree.open(options[len(options) // 2])
    jobs = [_job(trees[0], node.label) for node in trees[0].nodes if node.open]
    ends = [
        failed(job) if data.draw(st.booleans()) else measured(job, data.draw(GAINS), 0.05)
        for job in jobs
    ]
    for tree, order in zip(trees, (ends, data.draw(st.permutations(ends))), strict=True):
        for end in order:
            tree.close(end)
    first, second = (_statistics(tree) for tree in trees)
    assert first == second
    draws = []
    for tree in trees:
        knowledge = Knowledge(ACTIONS)
        knowledge.read(tree)
        draws.append(knowledge.draw(np.random.RandomState(7)))
    assert np.array_equal(draws[0].weights.alone, draws[1].weights.alone)
    assert np.array_equal(draws[0].weights.pairs, draws[1].weights.pairs)
    assert np.array_equal(draws[0].suspicion.alone, draws[1].suspicion.alone)
    assert np.array_equal(draws[0].suspicion.pairs, draws[1].suspicion.pairs)
    assert draws[0].fear == draws[1].fear


def _job(tree: Tree, label: str) -> Job:
    node = tree.node(label)
    kind = JobKind.REMEASURE if node.visits else JobKind.EXPAND
    against = tree.root if node.visits or node.parent is None else node.parent
    return Job(kind, label, node.attempts, tree.state_of(against), tree.state_of(against))


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=40, deadline=None)
@given(made=stories(), seed=st.integers(0, 1000))
def test_a_policy_made_anew_goes_on_as_the_old_one_would(
    name: str, made: tuple[Tree, Story], seed: int
) -> None:
    """A policy that looked after every event, and one that sees the replayed tree only."""
    _, story = made
    tree = new_tree(ACTIONS)
    old = make_policy(name, ACTIONS, seed)
    for entry in story:
        old.select(tree, 0.5)
        if isinstance(entry, Job):
            tree.adopt(entry)
        else:
            tree.close(entry)
    replayed = _replayed(story)
    new = make_policy(name, ACTIONS, seed)
    for progress in (0.5, 0.95):
        assert new.select(replayed, progress) == old.select(tree, progress)
    assert new.recommend(replayed) == old.recommend(tree)


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=40, deadline=None)
@given(made=stories(), seed=st.integers(0, 1000), progress=st.floats(0, 1))
def test_a_choice_can_always_be_opened(
    name: str, made: tuple[Tree, Story], seed: int, progress: float
) -> None:
    tree, _ = made
    policy = make_policy(name, ACTIONS, seed)
    for _ in range(6):
        choice = policy.select(tree, progress)
        if choice is not None:
            tree.open(choice)


@settings(max_examples=200)
@given(values=st.lists(st.floats(-10, 10), max_size=50), random=st.randoms())
def test_fixed_point_sums_do_not_depend_on_the_order(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sum(map(fixed, values)) == sum(map(fixed, shuffled))
    assert real(sum(map(fixed, values))) == pytest.approx(sum(values), abs=1e-7)

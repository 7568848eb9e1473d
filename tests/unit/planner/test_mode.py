"""One loop first: what it tries, when it is enough, when the search begins, and after a restart too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from attempts import failed, measured

from runner.errors import TaskError
from runner.model import (
    ROOT,
    Action,
    ActionKind,
    AgentStatus,
    Expansion,
    Job,
    JobKind,
    Mode,
    Outcome,
    Round,
    State,
)
from runner.planner.complexity import Complexity
from runner.planner.mode import ByMode, ModeSettings, Stage
from runner.planner.policy import make_policy
from runner.planner.tree import Choice, Tree

AGENT = Action("claude", ActionKind.AGENT, prior=0.1, open_ended=True)
OTHER = Action("codex", ActionKind.AGENT, open_ended=True)
PATCH = Action("patch", ActionKind.PATCH)
ACTIONS = (PATCH, AGENT, OTHER)
EASY, HARD = Complexity(0.4, "2 files"), Complexity(0.93, "40 files")
AUTO = ModeSettings()


def by_mode(
    settings: ModeSettings = AUTO,
    complexity: Complexity | None = EASY,
    actions: tuple[Action, ...] = ACTIONS,
) -> ByMode:
    return ByMode(make_policy("greedy", actions, 3), actions, settings, complexity)


def new_tree(actions: tuple[Action, ...] = ACTIONS) -> Tree:
    return Tree(State(ROOT), actions)


def rounds(count: int) -> tuple[Round, ...]:
    return tuple(Round(n, AgentStatus.DONE, Outcome.FAILED) for n in range(1, count + 1))


def closed(tree: Tree, choice: Choice | None, gain: float | None, count: int) -> Expansion:
    """Open and close a choice: measured with a gain, or failed if that is ``None``."""
    assert choice is not None
    job = tree.open(choice)
    found = failed(job) if gain is None else measured(job, gain)
    found = replace(found, rounds=rounds(count))
    tree.close(found)
    return found


def test_the_first_agent_goes_alone_at_the_root() -> None:
    policy, tree = by_mode(), new_tree()
    choice = policy.select(tree, 0.0)
    assert choice == Choice(JobKind.EXPAND, "A", ("claude",), 0.1)
    tree.open(choice)
    assert policy.select(tree, 0.0) is None
    assert policy.standing(tree).stage is Stage.SINGLE
    assert policy.standing(tree).reason == (
        "the estimated complexity is 0.40, not above 0.8 (2 files)"
    )


def test_a_gain_is_enough() -> None:
    policy, tree = by_mode(), new_tree()
    closed(tree, policy.select(tree, 0.0), 0.1, 2)
    assert policy.standing(tree).stage is Stage.SUFFICED
    assert policy.standing(tree).reason == "the single loop sufficed: A.1, 1 attempt"
    assert policy.select(tree, 0.0) is None
    assert policy.recommend(tree) == "A.1"


def test_a_gain_below_what_is_wanted_is_not_enough() -> None:
    policy, tree = by_mode(replace(AUTO, min_gain=0.2)), new_tree()
    closed(tree, policy.select(tree, 0.0), 0.1, 2)
    assert policy.standing(tree).stage is Stage.SINGLE


def test_a_gain_that_misses_the_targets_is_built_upon() -> None:
    policy, tree = by_mode(replace(AUTO, targets=True)), new_tree()
    for label in ("A", "A.1", "A.1.1", "A.1.1.1"):
        choice = policy.select(tree, 0.0)
        assert choice is not None
        assert choice.label == label
        closed(tree, choice, 0.1, 1)  # no round failed
    for _ in range(4):
        closed(tree, policy.select(tree, 0.0), None, 1)
    assert policy.standing(tree).stage is Stage.SEARCH


@pytest.mark.parametrize(
    ("counts", "said"), [((3, 1), 4), ((2, 3), 5), ((0, 0, 0, 0), 4), ((9,), 9)]
)
def test_too_many_failed_reflections_begin_the_search(counts: tuple[int, ...], said: int) -> None:
    policy, tree = by_mode(), new_tree()
    for count in counts:
        assert policy.standing(tree).stage is Stage.SINGLE
        closed(tree, policy.select(tree, 0.0), None, count)
    assert policy.standing(tree).stage is Stage.SEARCH
    assert policy.standing(tree).reason == f"{said} reflections failed, more than 3"
    assert policy.select(tree, 0.0) is not None


def test_three_failed_reflections_are_not_too_many() -> None:
    policy, tree = by_mode(), new_tree()
    closed(tree, policy.select(tree, 0.0), None, 3)
    assert policy.standing(tree).stage is Stage.SINGLE
    assert policy.standing(tree).reason == "3 of 4 reflections failed"


def test_a_search_is_never_left_again() -> None:
    policy, tree = by_mode(), new_tree()
    closed(tree, policy.select(tree, 0.0), None, 4)
    closed(tree, Choice(JobKind.EXPAND, "A", ("patch",)), 0.5, 0)
    assert policy.standing(tree).stage is Stage.SEARCH


def test_in_a_search_all_is_the_policys() -> None:
    plain, staged, tree = make_policy("greedy", ACTIONS, 3), by_mode(complexity=HARD), new_tree()
    assert staged.name == "greedy"
    for gain in (0.1, None, 0.2, None):
        choice = plain.select(tree, 0.0)
        assert staged.select(tree, 0.0) == choice
        closed(tree, choice, gain, 0)


def test_a_complex_task_is_searched_at_once() -> None:
    standing = by_mode(complexity=HARD).standing(new_tree())
    assert standing.stage is Stage.SEARCH
    assert standing.reason == "the estimated complexity 0.93 exceeds 0.8 (40 files)"
    assert by_mode(replace(AUTO, complexity=1.0), HARD).standing(new_tree()).stage is Stage.SINGLE


def test_nothing_is_known_of_the_task() -> None:
    assert by_mode(complexity=None).standing(new_tree()).reason == "the complexity is unknown"


def test_without_an_agent_there_is_only_a_search() -> None:
    actions = (PATCH, Action("command"))
    standing = by_mode(actions=actions).standing(new_tree(actions))
    assert (standing.stage, standing.reason) == (Stage.SEARCH, "no action is an agent")
    with pytest.raises(TaskError, match='mode: "single" is one loop of an agent'):
        by_mode(replace(AUTO, mode=Mode.SINGLE), actions=actions)


def test_mode_mcts_searches_whatever_is_known() -> None:
    policy = by_mode(replace(AUTO, mode=Mode.MCTS), Complexity(0.0, ""))
    assert policy.standing(new_tree()).stage is Stage.SEARCH


def test_mode_single_never_searches() -> None:
    policy, tree = by_mode(replace(AUTO, mode=Mode.SINGLE), HARD), new_tree()
    assert policy.standing(tree).reason == "a single loop was asked for"
    closed(tree, policy.select(tree, 0.0), None, 4)
    assert policy.standing(tree).stage is Stage.GIVEN_UP
    assert policy.standing(tree).reason == "4 reflections failed, more than 3"
    assert policy.select(tree, 0.0) is None


def history(policy: ByMode, tree: Tree) -> Iterator[tuple[Choice, Expansion, Stage]]:
    """A run whose agent fails for 2 and 3 rounds, and is then searched with."""
    for gain, count in ((None, 2), (None, 3), (0.2, 1), (-0.05, 3), (0.3, 2)):
        choice = policy.select(tree, 0.0)
        expansion = closed(tree, choice, gain, count)
        assert choice is not None
        yield choice, expansion, policy.standing(tree).stage


def test_the_golden_run() -> None:
    found = [
        (f"{choice.label} {choice.actions[0]}", str(stage))
        for choice, _, stage in history(by_mode(), new_tree())
    ]
    assert found == [
        ("A claude", "single"),
        ("A claude", "search"),
        ("A patch", "search"),
        ("A.3 claude", "search"),
        ("A.3 codex", "search"),
    ]


@pytest.mark.parametrize("stop", range(6))
def test_a_resumed_run_goes_on_as_an_undisturbed_one(stop: int) -> None:
    undisturbed = list(history(by_mode(), new_tree()))
    tree = new_tree()
    for _, expansion, _ in undisturbed[:stop]:
        tree.adopt(expansion.job)
        tree.settle(expansion)
    policy = by_mode()
    for choice, expansion, stage in undisturbed[stop:]:
        assert policy.select(tree, 0.0) == choice
        job: Job = tree.open(choice)
        assert job == expansion.job
        tree.close(expansion)
        assert policy.standing(tree).stage is stage

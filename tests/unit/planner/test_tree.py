from __future__ import annotations

import pytest
from attempts import ABC, AGENT, KNOBS, again, duplicate, expand, failed, grown, measured, new_tree

from runner.errors import TaskError
from runner.model import Action, Decision, JobKind, Outcome, State
from runner.planner.tree import Tree


def test_a_new_tree_knows_the_root_only() -> None:
    tree = new_tree()
    assert [node.label for node in tree.nodes] == ["A"]
    assert (tree.best, tree.started, tree.evaluations, tree.in_flight) == ("A", 0, 0, 0)
    assert tree.root.metrics[0].value == 100.0
    assert tree.untried(tree.root) == [0, 1, 2]


def test_two_actions_of_one_key_are_refused() -> None:
    with pytest.raises(TaskError, match="two actions have the key 'a'"):
        new_tree((Action("a"), Action("b"), Action("a")))


def test_children_are_numbered_in_the_order_of_opening() -> None:
    tree = new_tree()
    assert [tree.open(expand("A", key)).label for key in "ba"] == ["A.1", "A.2"]
    assert tree.in_flight == 2 == tree.root.in_flight == tree.started
    assert tree.evaluations == 0


def test_a_job_tells_the_worker_where_to_start_and_what_to_compare_with() -> None:
    tree = new_tree()
    label = grown(tree, "A", "a", gain=0.1)
    job = tree.open(expand(label, "b", "c"))
    assert job.kind is JobKind.EXPAND
    assert job.attempt_id == "A.1.1-1"
    assert [action.key for action in job.actions] == ["b", "c"]
    assert job.origin == job.against == State("A.1", tree.node("A.1").snapshot, *_git("A.1"))
    tree.close(measured(job, 0.1))
    once_more = tree.open(again("A.1.1"))
    assert once_more.attempt_id == "A.1.1-2"
    assert (once_more.origin.label, once_more.against.label) == ("A.1.1", "A")
    assert once_more.actions == ()


def test_a_visit_goes_up_the_whole_path() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.1)
    job = tree.open(expand("A.1", "b"))
    assert [tree.node(label).in_flight for label in ("A", "A.1", "A.1.1")] == [1, 1, 1]
    closed = tree.close(failed(job))
    assert closed.path == ("A", "A.1", "A.1.1")
    assert closed.reward == -1.0
    assert [tree.node(label).visits for label in closed.path] == [2, 2, 1]
    assert tree.root.reward == pytest.approx(0.10517092 - 1.0)
    assert [tree.node(label).in_flight for label in closed.path] == [0, 0, 0]


def test_gains_add_up_along_the_path() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.1)
    grown(tree, "A.1", "b", gain=0.2)
    assert tree.node("A.1.1").value == pytest.approx(0.3)
    assert tree.best == "A.1.1"
    assert tree.path("A.1.1") == ("A", "A.1", "A.1.1")


def test_what_closed_is_kept_on_the_node() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.1)
    node = tree.node("A.1")
    assert (node.outcome, node.decision) == (Outcome.IMPROVED, Decision.COMMIT)
    assert (node.commit, node.tree_id) == _git("A.1")
    assert node.snapshot is not None
    assert tree.snapshot_bytes == node.snapshot.size_bytes == 10
    assert node.metrics[0].value == 50.0


def test_a_failed_node_is_no_candidate_and_can_not_be_expanded() -> None:
    tree = new_tree()
    tree.close(failed(tree.open(expand("A", "a"))))
    assert tree.best == "A"
    with pytest.raises(ValueError, match="no snapshot"):
        tree.open(expand("A.1", "b"))


def test_a_rejected_node_is_measured_but_no_candidate() -> None:
    tree = new_tree()
    tree.close(measured(tree.open(expand("A", "a")), -0.3))
    assert tree.node("A.1").value == pytest.approx(-0.3)
    assert not tree.node("A.1").passed
    assert tree.snapshot_bytes == 0


def test_an_equal_state_is_opened_once_whatever_the_order() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.1)
    grown(tree, "A", "b", gain=0.1)
    tree.open(expand("A.1", "b"))
    assert tree.untried(tree.node("A.2")) == [2]
    with pytest.raises(ValueError, match=r"known state A\.1\.1"):
        tree.open(expand("A.2", "a"))


def test_a_state_is_claimed_while_it_is_in_flight_and_after_it_failed() -> None:
    tree = new_tree()
    job = tree.open(expand("A", "a"))
    assert tree.untried(tree.root) == [1, 2]
    tree.close(failed(job))
    assert tree.untried(tree.root) == [1, 2]


def test_an_action_replaces_another_of_its_group() -> None:
    tree = new_tree(KNOBS)
    grown(tree, "A", "x=1", gain=0.1)
    grown(tree, "A", "y", gain=0.1)
    grown(tree, "A.2", "x=2", gain=0.1)
    # From x=1, the action x=2 leads to the state {x=2} and y to {x=1, y}: both are unknown.
    assert tree.untried(tree.node("A.1")) == [1, 2]
    # {x=2, y} can go to {x=1, y} only: x=2 and y are in effect.
    assert tree.untried(tree.node("A.2.1")) == [0]
    grown(tree, "A.2.1", "x=1", gain=0.1)
    assert tree.untried(tree.node("A.1")) == [1]


def test_open_ended_actions_never_run_out_nor_collide() -> None:
    tree = new_tree(AGENT)
    for _ in range(3):
        grown(tree, "A", "agent", gain=0.1)
    grown(tree, "A.1", "agent", gain=0.1)
    for label in ("A", "A.1", "A.3", "A.1.1"):
        assert tree.untried(tree.node(label)) == [0, 1]
    # The same closed action on two proposals makes two states.
    grown(tree, "A.1", "a", gain=0.1)
    grown(tree, "A.2", "a", gain=0.1)
    assert tree.untried(tree.node("A.1.2")) == [0]


def test_a_duplicate_takes_the_reward_of_its_twin_and_is_no_candidate() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.1)
    closed = tree.close(duplicate(tree.open(expand("A", "b")), "A.1"))
    assert closed.reward == pytest.approx(0.10517092)
    assert tree.node("A.2").twin == "A.1"
    assert not tree.node("A.2").passed
    assert tree.root.visits == 2


def test_a_duplicate_of_the_root_gained_nothing() -> None:
    tree = new_tree()
    assert tree.close(duplicate(tree.open(expand("A", "b")), "A")).reward == 0.0


def test_a_reward_must_come_from_somewhere() -> None:
    tree = new_tree()
    job = tree.open(expand("A", "a"))
    with pytest.raises(ValueError, match="neither a reward nor a twin"):
        tree.close(duplicate(job, "A.9"))


def test_a_retry_stays_in_flight_under_the_same_label() -> None:
    tree = new_tree()
    retry = tree.reopen(tree.open(expand("A", "a")))
    assert retry.attempt_id == "A.1-2"
    assert (tree.started, tree.in_flight, tree.is_open("A.1")) == (1, 1, True)
    tree.close(measured(retry, 0.1))
    assert (tree.started, tree.in_flight, tree.is_open("A.1")) == (1, 0, False)


def test_what_is_not_in_flight_can_be_neither_closed_nor_retried() -> None:
    tree = new_tree()
    job = tree.open(expand("A", "a"))
    tree.close(measured(job, 0.1))
    with pytest.raises(ValueError, match="not in flight"):
        tree.close(measured(job, 0.1))
    with pytest.raises(ValueError, match="not in flight"):
        tree.reopen(job)


def test_measuring_again_adds_an_observation_to_the_same_node() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.1)
    grown(tree, "A.1", "b", gain=0.2)
    tree.close(measured(tree.open(again("A.1.1")), 0.5))
    node = tree.node("A.1.1")
    assert node.observations == 2
    assert node.value == pytest.approx((0.3 + 0.5) / 2)
    assert (node.visits, tree.evaluations, len(tree.nodes)) == (2, 3, 3)


def test_children_build_on_the_first_observation() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.1)
    job = tree.open(expand("A.1", "b"))
    tree.close(measured(tree.open(again("A.1")), 0.9))
    tree.close(measured(job, 0.2))
    assert tree.node("A.1.1").value == pytest.approx(0.3)


def test_a_node_that_fails_when_measured_again_is_out() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.5)
    grown(tree, "A", "b", gain=0.1)
    assert tree.best == "A.1"
    tree.close(failed(tree.open(again("A.1"))))
    assert tree.best == "A.2"
    assert [node.label for node in tree.top(5)] == ["A.2", "A"]


def test_a_lucky_run_is_corrected_by_measuring_again() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.5)
    grown(tree, "A", "b", gain=0.4)
    tree.close(measured(tree.open(again("A.1")), 0.1))
    assert [node.label for node in tree.top(2)] == ["A.2", "A.1"]


def test_one_attempt_of_a_node_at_a_time() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.5)
    tree.open(again("A.1"))
    with pytest.raises(ValueError, match="is being measured"):
        tree.open(again("A.1"))
    with pytest.raises(ValueError, match="or is the root"):
        tree.open(again("A"))


def test_of_equal_nodes_the_older_is_best() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.0)
    assert tree.best == "A"
    grown(tree, "A", "b", gain=0.2)
    grown(tree, "A", "c", gain=0.2)
    assert tree.best == "A.2"


def test_a_doubtful_gain_is_shrunk_towards_the_parent() -> None:
    tree = new_tree()
    tree.close(measured(tree.open(expand("A", "a")), 0.10, half=0.30))
    tree.close(measured(tree.open(expand("A", "b")), 0.08, half=0.01))
    assert 0.0 < tree.node("A.1").value < 0.05
    assert tree.node("A.2").value == pytest.approx(0.08, rel=0.01)
    assert tree.best == "A.2"


def test_an_adopted_job_is_opened_exactly() -> None:
    first = new_tree()
    job = first.open(expand("A", "a"))
    first.close(measured(job, 0.1))
    child = first.open(expand("A.1", "b"))
    retry = first.reopen(child)

    replayed = new_tree()
    replayed.adopt(job)
    replayed.close(measured(job, 0.1))
    replayed.adopt(child)
    replayed.adopt(retry)
    assert replayed.in_flight == 1
    assert replayed.reopen(retry).attempt_id == first.reopen(retry).attempt_id == "A.1.1-3"
    assert replayed.open(expand("A", "b")).label == first.open(expand("A", "b")).label == "A.2"


def test_a_second_attempt_may_be_adopted_alone() -> None:
    tree = new_tree()
    retry = new_tree()
    job = retry.reopen(retry.open(expand("A", "a")))
    tree.adopt(job)
    tree.close(measured(job, 0.1))
    assert tree.node("A.1").attempts == 2


def test_adopting_what_the_catalogue_lacks_says_so() -> None:
    job = new_tree((Action("gone"),)).open(expand("A", "gone"))
    with pytest.raises(TaskError, match=r"action 'gone' of node A\.1 is not in the catalogue"):
        new_tree().adopt(job)


def test_adopting_a_closed_node_again_is_refused() -> None:
    tree = new_tree()
    job = tree.open(expand("A", "a"))
    tree.close(measured(job, 0.1))
    with pytest.raises(ValueError, match="closed before"):
        tree.adopt(job)


def test_the_logs_name_what_changed() -> None:
    tree = Tree(State("A"), ABC)
    job = tree.open(expand("A", "a"))
    assert tree.changes == [0, 0, 1]
    tree.close(measured(job, 0.25))
    assert tree.changes == [0, 0, 1, 1]
    assert tree.closings == [(1, 1 << 30)]
    tree.close(failed(tree.open(expand("A", "b"))))
    tree.close(duplicate(tree.open(expand("A", "c")), "A.1"))
    assert tree.closings == [(1, 1 << 30), (2, None), (3, 1 << 30)]


def _git(label: str) -> tuple[str, str]:
    return f"commit-{label}", f"tree-{label}"

"""The loop itself, with a pool that says what the test wants said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from attempts import ABC, duplicate, expand, failed, measured, new_tree

from runner.model import (
    Closed,
    Decision,
    Expansion,
    Job,
    Outcome,
    Phase,
    Retried,
    Stopped,
    StopReason,
)
from runner.planner.budget import Budget, BudgetLimits
from runner.planner.tree import Choice, Tree
from runner.search import search

Said = Callable[[dict[str, Job]], Expansion]


@dataclass
class Told:
    """A pool: hands back what it was told to, given the latest attempt of each node."""

    answers: list[Said]
    workers: int = 2
    jobs: dict[str, Job] = field(default_factory=dict)
    submitted: list[str] = field(default_factory=list)

    def submit(self, job: Job, delay_s: float = 0.0) -> None:
        del delay_s
        self.jobs[job.label] = job
        self.submitted.append(job.attempt_id)

    def take(self) -> Phase | Expansion | Stopped:
        return self.answers.pop(0)(self.jobs)


@dataclass
class Written:
    """A journal: what was written, in its order."""

    lines: list[str] = field(default_factory=list)

    def intend(self, job: Job) -> None:
        self.lines.append(f"intend {job.attempt_id}")

    def record(self, closed: Closed) -> None:
        self.lines.append(f"record {closed.expansion.job.attempt_id}")

    def abandon(self, expansion: Expansion) -> None:
        assert (expansion.decision, expansion.reward) == (Decision.ABANDON, None)
        self.lines.append(f"abandon {expansion.job.attempt_id}")


@dataclass
class InTurn:
    """A policy: the choices one after another."""

    choices: list[Choice]
    name: str = "in turn"

    def select(self, tree: Tree, progress: float) -> Choice | None:
        del tree, progress
        return self.choices.pop(0) if self.choices else None

    def recommend(self, tree: Tree) -> str:
        return tree.best


def carried_out(tree: Tree, answers: Sequence[Said]) -> tuple[Told, Written, list[object]]:
    """A search of two workers over two nodes, ``A.1`` and ``A.2``."""
    pool, journal = Told(list(answers)), Written()
    policy = InTurn([expand("A", "a"), expand("A", "b")])
    budget = Budget(BudgetLimits(nodes=2))
    return pool, journal, list(search(tree, policy, budget, pool, journal))


def _equal(job: Job, tree_id: str) -> Expansion:
    return replace(duplicate(job, "A.1"), tree_id=tree_id)


def _lost(job: Job) -> Expansion:
    return Expansion(job, Outcome.INFRA, Decision.ABANDON, None, "the engine is away")


def test_a_duplicate_waits_for_its_twin_and_takes_its_reward() -> None:
    tree = new_tree(ABC)
    answers = [
        lambda jobs: _equal(jobs["A.2"], "tree-A.1"),
        lambda jobs: measured(jobs["A.1"], 0.2),
    ]
    pool, journal, events = carried_out(tree, answers)
    assert journal.lines[-2:] == ["record A.1-1", "record A.2-1"]
    assert tree.node("A.2").first_reward == tree.node("A.1").first_reward
    assert pool.submitted == ["A.1-1", "A.2-1"]
    assert events[-1] == Stopped(StopReason.NODES, events[-1].detail)  # type: ignore[attr-defined]


def test_a_duplicate_whose_twin_the_engine_lost_is_tried_again_if_that_became_another_state() -> None:
    """The second attempt of an action that isn't always the same, or that fails now."""
    for second in (lambda job: measured(job, 0.2), failed):
        tree = new_tree(ABC)
        answers = [
            lambda jobs: _equal(jobs["A.2"], "what the first attempt had reached"),
            lambda jobs: _lost(jobs["A.1"]),
            lambda jobs, second=second: second(jobs["A.1"]),
            lambda jobs: measured(jobs["A.2"], 0.5),
        ]
        pool, journal, events = carried_out(tree, answers)
        assert pool.submitted == ["A.1-1", "A.2-1", "A.1-2", "A.2-2"]
        assert journal.lines[3:] == [
            "intend A.1-2", "record A.1-2", "abandon A.2-1", "intend A.2-2", "record A.2-2",
        ]  # fmt: skip
        assert sum(isinstance(event, Retried) for event in events) == 2
        assert (tree.node("A.2").twin, tree.node("A.2").outcome) == ("", Outcome.IMPROVED)


def test_a_duplicate_that_comes_after_its_twin_became_another_state_is_tried_again() -> None:
    tree = new_tree(ABC)
    answers = [
        lambda jobs: _lost(jobs["A.1"]),
        lambda jobs: measured(jobs["A.1"], 0.2),
        lambda jobs: _equal(jobs["A.2"], "what the first attempt had reached"),
        lambda jobs: measured(jobs["A.2"], 0.1),
    ]
    _, journal, _ = carried_out(tree, answers)
    assert journal.lines[-3:] == ["abandon A.2-1", "intend A.2-2", "record A.2-2"]


def test_a_duplicate_of_the_root_needs_no_measurement() -> None:
    tree = new_tree(ABC)
    root = replace(duplicate(Job, "A"), tree_id=tree.root.tree_id)  # type: ignore[arg-type]
    answers = [
        lambda jobs: replace(root, job=jobs["A.1"]),
        lambda jobs: measured(jobs["A.2"], 0.1),
    ]
    _, journal, _ = carried_out(tree, answers)
    assert journal.lines[-2:] == ["record A.1-1", "record A.2-1"]
    assert tree.node("A.1").first_reward == 0

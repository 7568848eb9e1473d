"""From a visit to a lesson, and from lessons to a policy's memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.knowledge import category_of, lesson_of, memory_of
from runner.model import Decision, Expansion, Outcome
from runner.planner.memory import Seen, Used

from .visits import ABOUT, measured, new_tree, opened, spoken, taught, without


def test_what_was_tried_in_what_situation_and_what_came_of_it() -> None:
    tree = new_tree()
    taught(tree, measured(opened(tree, "A", "cache"), 0.2))
    lesson = taught(tree, measured(opened(tree, "A.1", "tile=8"), 0.1), ("a/b.py",))
    assert (lesson.project, lesson.run, lesson.attempt) == ("helios-1", ABOUT.run, "A.1.1-1")
    assert (lesson.kind, lesson.actions, lesson.tag) == ("patch", ("tile=8",), "tile=8")
    assert (lesson.state, lesson.result) == (("cache",), ("cache", "tile=8"))
    assert (lesson.gain, lesson.low, lesson.high) == pytest.approx((0.1, 0.05, 0.15))
    assert lesson.total == pytest.approx(0.3)
    assert (lesson.objective, lesson.outcome, lesson.uses) == ("commit_us", Outcome.IMPROVED, None)
    assert (lesson.files, lesson.category) == (("a/b.py",), "python")
    assert lesson.text == "tile=8 after cache: improved; +10.5 % [+5.1, +16.2]"


def test_an_agents_visit_has_its_model_rounds_cost_and_last_words() -> None:
    tree = new_tree()
    taught(tree, measured(opened(tree, "A", "claude"), 0.2))
    job = opened(tree, "A.1", "claude")
    lesson = taught(tree, measured(job, 0.1, (spoken("kept the\nindex \x1b[31min memory"),)))
    assert (lesson.model, lesson.rounds, lesson.cost_usd) == ("claude-haiku-4-5", 1, 0.3)
    assert (lesson.tag, lesson.category, lesson.uses) == ("memory", "memory", 1)
    assert lesson.state == ("claude",)
    assert lesson.text.endswith("1 round; it said: kept the index in memory")


def test_a_failure_says_why() -> None:
    tree = new_tree()
    job = opened(tree, "A", "cache")
    lesson = taught(tree, without(job, Outcome.FAILED, "check tests: test_undo failed"))
    assert (lesson.gain, lesson.total) == (None, None)
    assert lesson.text == "cache (remember digests): failed; check tests: test_undo failed"


def test_a_duplicate_has_its_twins_gain() -> None:
    tree = new_tree()
    taught(tree, measured(opened(tree, "A", "cache"), 0.2))
    lesson = taught(tree, without(opened(tree, "A", "tile=8"), Outcome.DUPLICATE, twin="A.1"))
    assert lesson.total == pytest.approx(0.2)
    nothing = taught(tree, without(opened(tree, "A", "tile=16"), Outcome.DUPLICATE, twin="A"))
    assert nothing.total == 0.0


def test_a_state_measured_again_is_told_as_that() -> None:
    tree = new_tree()
    taught(tree, measured(opened(tree, "A", "cache"), 0.2))
    lesson = taught(tree, measured(opened(tree, "A.1"), 0.3))
    assert lesson.again
    assert (lesson.attempt, lesson.total) == ("A.1-2", 0.3)


def test_trouble_of_the_infrastructure_teaches_nothing() -> None:
    tree = new_tree()
    job = opened(tree, "A", "cache")
    expansion = Expansion(job, Outcome.INFRA, Decision.ABANDON, None, "the engine went away")
    assert lesson_of(expansion, tree, ABOUT) is None


@pytest.mark.parametrize(
    ("tag", "files", "category"),
    [
        ("Memory", ("a.py",), "memory"),
        ("", (), "general"),
        ("", ("LICENSE",), "general"),
        ("", ("src/a.py", "src/b.py", "README.md"), "python"),
        ("", ("tests/test_a.py", "src/a.py", "test_b.py"), "tests"),
        ("", ("web/a.test.ts", "web/b.spec.js"), "tests"),
        ("", ("Dockerfile", "pyproject.toml", "a.go"), "build"),
        ("", ("b.rs", "a.go"), "go"),
        ("", ("latest/attest.py",), "python"),
    ],
)
def test_the_category_of_work(tag: str, files: tuple[str, ...], category: str) -> None:
    assert category_of(tag, files) == category


def test_states_and_proposals_are_remembered() -> None:
    tree = new_tree()
    lessons = [
        taught(tree, measured(opened(tree, "A", "cache"), 0.25)),
        taught(tree, without(opened(tree, "A.1", "tile=8"), Outcome.FAILED)),
        taught(tree, measured(opened(tree, "A.1", "claude"), 0.5)),
        taught(tree, without(opened(tree, "A.1.2", "claude"), Outcome.DUPLICATE, twin="A.1")),
        taught(tree, without(opened(tree, "A", "tile=16"), Outcome.BUDGET)),
    ]
    memory = memory_of(lessons, ABOUT.project)
    assert memory.seen == (
        Seen(frozenset({"cache"}), 0.25),
        Seen(frozenset({"cache", "tile=8"}), None),
    )
    assert memory.used == (Used("memory", 0, 0.5), Used("memory", 1, None))


def test_older_runs_and_other_projects_weigh_less() -> None:
    tree = new_tree()
    lesson = taught(tree, measured(opened(tree, "A", "cache"), 0.25))
    runs = [replace(lesson, run=f"2026112{day}-000000-aaaa") for day in (1, 2, 3)]
    foreign = replace(lesson, project="other", run="20261130-000000-aaaa")
    weights = [each.weight for each in memory_of([*runs, foreign], "helios-1", 0.1).seen]
    assert weights == pytest.approx([0.49, 0.7, 1.0, 0.1])
    assert len(memory_of([*runs, foreign], "helios-1").seen) == 3

"""The knowledge of a project: told, carried over, turned off, and never in the way."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.knowledge import NAME, Knowledge, Offer, Query, project_key
from runner.model import Action, Outcome
from runner.planner.memory import Memory
from runner.store import Lesson

from .visits import ABOUT, OBJECTIVE, measured, new_tree, opened, spoken, taught, without

OFFERS = (Offer("anthropic", ("claude-*",)),)


def price(dialect: str, model: str) -> float:  # noqa: ARG001
    return 0.5


@pytest.fixture
def knowledge(tmp_path: Path) -> Iterator[Knowledge]:
    with Knowledge.open(tmp_path / NAME, "helios-1") as opened_:
        yield opened_


def lessons() -> list[Lesson]:
    tree = new_tree()
    said = (spoken("kept the index in memory"),)
    return [
        taught(tree, measured(opened(tree, "A", "cache"), 0.25), ("store.py",)),
        taught(tree, without(opened(tree, "A.1", "tile=8"), Outcome.FAILED, "check tests")),
        taught(tree, measured(opened(tree, "A.1", "claude"), 0.5, said), ("engine.py",)),
        taught(tree, measured(opened(tree, "A.1", "tile=16"), 0.01)),
    ]


def test_what_worked_and_what_failed_the_most_fitting_first(knowledge: Knowledge) -> None:
    for lesson in lessons():
        knowledge.record(lesson)
    told = knowledge.lessons(Query(OBJECTIVE, ("memory",), ("engine.py",)))
    assert told[0].startswith("worked: claude [memory] after cache: improved; ")
    assert told[1].startswith(("failed: tile=8 after cache", "didn't help: tile=16 after cache"))
    assert len(told) == 4
    assert knowledge.lessons(Query(OBJECTIVE), most=2) == knowledge.lessons(Query(OBJECTIVE))[:2]


def test_what_is_known_by_other_ways_is_left_out(knowledge: Knowledge) -> None:
    for lesson in lessons():
        knowledge.record(lesson)
    query = Query(OBJECTIVE, run=ABOUT.run, without=frozenset({"A.1", "A.1.1", "A.1.2"}))
    assert [text.partition(":")[0] for text in knowledge.lessons(query)] == ["didn't help"]


def test_a_lesson_is_recorded_once(knowledge: Knowledge) -> None:
    for _ in range(2):
        knowledge.record(lessons()[0])
    assert len(knowledge.memory(OBJECTIVE).seen) == 1


def test_a_run_remembers_earlier_runs_only(knowledge: Knowledge) -> None:
    knowledge.record(lessons()[0])
    assert not knowledge.memory(OBJECTIVE, ABOUT.run)
    assert knowledge.memory(OBJECTIVE, "20261122-000000-aaaa")
    assert knowledge.memory(replace(OBJECTIVE, name="size")) == Memory()


def test_other_projects_are_carried_over_if_asked_for(tmp_path: Path) -> None:
    with Knowledge.open(tmp_path / NAME, "other") as other:
        other.record(replace(lessons()[0], project="other"))
    with Knowledge.open(tmp_path / NAME, "helios-1") as alone:
        assert not alone.memory(OBJECTIVE)
        assert alone.lessons(Query(OBJECTIVE)) == ()
    with Knowledge.open(tmp_path / NAME, "helios-1", carry_over=0.1) as carried:
        assert [seen.weight for seen in carried.memory(OBJECTIVE).seen] == [0.1]
        (told,) = carried.lessons(Query(OBJECTIVE))
        assert told.startswith("worked (in another project, other): cache")


def test_a_note_is_told_as_such_and_is_no_evidence(knowledge: Knowledge) -> None:
    assert knowledge.note(ABOUT.run, "A.1", "Python", "look at\nthe cache " + "x" * 900, ("cache",))
    assert not knowledge.note(ABOUT.run, "A.2", "Python", "look at the cache " + "x" * 900)
    assert not knowledge.note(ABOUT.run, "A.2", "Python", " \n")
    (told,) = knowledge.lessons(Query(tags=("cache",)))
    assert told.startswith("an agent's note: look at the cache xxx")
    assert len(told) < 540
    assert not knowledge.memory(OBJECTIVE)


def test_a_reference_prompt_for_a_category(knowledge: Knowledge) -> None:
    assert knowledge.reference("memory") == ""
    knowledge.record(lessons()[2])
    lines = knowledge.reference("memory").splitlines()
    assert lines[0] == "What earlier attempts have shown (memory work):"
    assert lines[1].startswith("- worked: claude [memory]")


def test_the_category_of_an_action_is_what_it_mostly_did(knowledge: Knowledge) -> None:
    assert knowledge.category(Action("cache")) == "general"
    knowledge.record(lessons()[0])
    assert knowledge.category(Action("cache")) == "python"
    assert knowledge.category(Action("cache", tag="Speed")) == "speed"


def test_the_choice_of_a_model_learns_from_what_is_recorded(knowledge: Knowledge) -> None:
    tree = new_tree()
    for number in range(1, 31):
        job = opened(tree, "A", "claude")
        model = ("claude-opus-5", "claude-sonnet-5", "claude-haiku-4-5")[number % 3]
        gain = 0.5 if model == "claude-sonnet-5" else 0.0
        knowledge.record(taught(tree, measured(job, gain, (spoken("done", model),))))
    choices = [knowledge.choose("memory", "balanced", OFFERS, price, str(n)) for n in range(20)]
    assert {choice.model for choice in choices} == {"claude-sonnet-5"}
    assert "10 of 10 improved, $0.32 an attempt" in choices[0].why


def test_turned_off_it_knows_nothing_and_makes_no_file(tmp_path: Path) -> None:
    with Knowledge.open(tmp_path / NAME, "helios-1", enabled=False) as off:
        off.record(lessons()[0])
        assert not off.note(ABOUT.run, "A", "x", "text")
        assert not off.memory(OBJECTIVE)
        assert off.lessons(Query(OBJECTIVE)) == ()
        assert off.choose("memory", "cheap", OFFERS, price, "1").model == "claude-haiku-4-5"
        assert (off.enabled, off.trouble) == (False, "")
    assert list(tmp_path.iterdir()) == []


def test_trouble_turns_it_off_and_is_told_once(tmp_path: Path) -> None:
    with Knowledge.open(tmp_path / NAME, "helios-1") as knowledge:
        assert knowledge._file is not None
        knowledge._file._connection.execute("PRAGMA query_only = ON")  # as a disk mounted read-only
        knowledge.record(lessons()[0])
        assert not knowledge.enabled
        assert "nothing is learned from here on: can't use the knowledge" in knowledge.trouble
        told = knowledge.trouble
        knowledge.record(lessons()[1])
        assert knowledge.memory(OBJECTIVE) == Memory()
        assert knowledge.trouble == told


def test_a_file_that_is_none_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"x" * 4096)
    with Knowledge.open(tmp_path / NAME, "helios-1") as knowledge:
        assert "not a database" in knowledge.trouble
        assert knowledge.lessons(Query(OBJECTIVE)) == ()


def test_threads_share_it(knowledge: Knowledge) -> None:
    def write(run: int) -> None:
        for lesson in lessons():
            knowledge.record(replace(lesson, run=f"run{run}"))
            knowledge.lessons(Query(OBJECTIVE))

    threads = [threading.Thread(target=write, args=(run,)) for run in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert knowledge.trouble == ""
    assert len(knowledge.memory(OBJECTIVE).seen) == 12


def test_clones_of_a_repository_are_one_project(tmp_path: Path) -> None:
    one, two, plain = (tmp_path / name for name in ("one", "two", "plain"))
    (one / "part").mkdir(parents=True)
    (one / "part" / "a.py").write_text("1")
    plain.mkdir()
    git(one, "init", "-q")
    git(one, "add", ".")
    git(one, "commit", "-qm", "first")
    git(tmp_path, "clone", "-q", str(one), str(two))
    git(one, "commit", "-q", "--allow-empty", "-m", "second")
    assert project_key("t", one) == project_key("t", two)
    assert project_key("t", one / "part") == project_key("t", two / "part")
    keys = {project_key("t", one), project_key("t", one / "part"), project_key("u", one)}
    assert len({*keys, project_key("t", plain)}) == 4
    assert project_key("t", one).startswith("t-")


def test_a_shallow_clone_is_told_by_where_it_lies(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    git(source, "init", "-q")
    for name in ("one", "two"):
        git(source, "commit", "-q", "--allow-empty", "-m", name)
    for name in ("a", "b"):
        git(tmp_path, "clone", "-q", "--depth=1", source.as_uri(), str(tmp_path / name))
    assert project_key("t", tmp_path / "a") != project_key("t", tmp_path / "b")


def git(folder: Path, *args: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(("git", "-C", folder, *identity, *args), check=True, timeout=30)

"""The file of lessons: what is kept, found, counted and forgotten; and what becomes of trouble."""

from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import JournalError, StateError
from runner.model import Goal, Outcome
from runner.store import NOTE, KnowledgeFile, Lesson

LESSON = Lesson(
    project="helios-1",
    run="20261121-024017-ab12",
    attempt="A.1-1",
    label="A.1",
    task="helios",
    at=1000.5,
    kind="agent",
    actions=("claude",),
    tag="memory",
    category="memory",
    state=("cache",),
    result=("claude", "cache"),
    uses=2,
    objective="commit_us",
    goal=Goal.MIN,
    outcome=Outcome.IMPROVED,
    gain=0.2,
    low=0.1,
    high=0.3,
    total=0.5,
    model="claude-haiku-4-5",
    rounds=2,
    cost_usd=0.25,
    estimated=True,
    files=("helios/engine.py", "tests/test_engine.py"),
    text="claude after cache: improved; it said: keep the index in memory",
)
OTHERS = replace(LESSON, project="other-2", run="20261120-000000-0000")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[KnowledgeFile]:
    with closing(KnowledgeFile(tmp_path / "state" / "knowledge.sqlite")) as opened:
        yield opened


def named(number: int, **facts: object) -> Lesson:
    label = f"A.{number}"
    return replace(LESSON, attempt=f"{label}-1", label=label, **facts)  # type: ignore[arg-type]


def test_a_lesson_comes_back_as_it_was(file: KnowledgeFile) -> None:
    note = Lesson(
        "helios-1", "r", "note-1", kind=NOTE, text="look at the cache first", cost_usd=None
    )
    assert file.add(LESSON)
    assert file.add(note)
    assert set(file.latest("helios-1", 10)) == {LESSON, note}


def test_an_attempt_is_kept_once(file: KnowledgeFile) -> None:
    assert file.add(LESSON)
    assert not file.add(replace(LESSON, text="another"))
    assert file.latest("", 10) == (LESSON,)


def test_what_has_no_bounds_and_odd_bytes_are_kept_too(file: KnowledgeFile) -> None:
    odd = replace(LESSON, low=-math.inf, high=math.inf, files=("a\udcff.py",), text="x\udcff")
    file.add(odd)
    (found,) = file.latest("", 10)
    assert (found.low, found.high) == (None, None)
    assert found.files == ("a\\udcff.py",)
    assert found.text == "x\\udcff"


@pytest.mark.parametrize("words", ["engine.py", "MEMORY", "claude", "commit_us nothing", "index"])
def test_it_is_found_by_any_of_its_words(file: KnowledgeFile, words: str) -> None:
    file.add(LESSON)
    file.add(named(2, actions=("tile=8",), tag="tile", category="x", files=(), text="slower",
                   objective="size", state=(), result=()))  # fmt: skip
    assert file.search(words, "helios-1", False, 5) == (LESSON,)


@pytest.mark.parametrize(
    "words", ["", '" OR', "a* NEAR(b)", "text:", "--", "()", "\udcff", "x" * 9999]
)
def test_words_are_never_syntax(file: KnowledgeFile, words: str) -> None:
    file.add(LESSON)
    assert file.search(words, "", True, 5) == ()


def test_the_rarer_word_counts_more(file: KnowledgeFile) -> None:
    for number in range(2, 8):
        file.add(named(number, text=f"number {number}: common"))
    file.add(named(8, text="common and rare"))
    assert file.search("rare common", "helios-1", False, 3)[0].label == "A.8"


def test_other_projects_are_found_only_if_asked_for(file: KnowledgeFile) -> None:
    file.add(OTHERS)
    assert file.search("index", "helios-1", False, 5) == ()
    assert file.search("index", "helios-1", True, 5) == (OTHERS,)
    assert file.observed("helios-1", False, "", "commit_us", Goal.MIN) == ()
    assert file.observed("helios-1", True, "", "commit_us", Goal.MIN) == (OTHERS,)


def test_visits_of_earlier_runs_about_the_same_objective(file: KnowledgeFile) -> None:
    file.add(LESSON)
    file.add(named(2, objective="size"))
    file.add(named(3, goal=Goal.MAX))
    file.add(named(4, outcome=None, kind=NOTE))
    observed = file.observed("helios-1", False, "20261122", "commit_us", Goal.MIN)
    assert observed == (LESSON,)
    assert file.observed("helios-1", False, LESSON.run, "commit_us", Goal.MIN) == ()


def test_standings_weigh_other_projects_and_leave_out_what_says_nothing(
    file: KnowledgeFile,
) -> None:
    file.add(LESSON)
    file.add(named(2, outcome=Outcome.FAILED, cost_usd=None))
    file.add(named(3, again=True))
    file.add(named(4, model=""))
    file.add(replace(OTHERS, cost_usd=1.0))
    (alone,) = file.standings("helios-1", 0.0)
    assert (alone.category, alone.model) == ("memory", "claude-haiku-4-5")
    assert (alone.attempts, alone.improved, alone.priced, alone.cost_usd) == (2, 1, 1, 0.25)
    (carried,) = file.standings("helios-1", 0.5)
    assert (carried.attempts, carried.improved, carried.cost_usd) == (2.5, 1.5, 0.75)


def test_the_commonest_category_of_an_action(file: KnowledgeFile) -> None:
    for number, category in enumerate(("python", "tests", "python"), start=1):
        file.add(named(number, category=category))
    assert file.categories("helios-1", "claude") == ("python", "tests")
    assert file.categories("helios-1", "claud") == ()


def test_what_is_forgotten_is_in_the_file_no_more(file: KnowledgeFile, tmp_path: Path) -> None:
    file.add(LESSON)
    file.add(replace(OTHERS, text="stays"))
    assert file.forget("helios-1") == 1
    assert file.search("index", "", True, 5) == ()
    assert file.projects() == (("other-2", 1),)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert b"keep the index" not in kept
    assert b"stays" in kept


def test_forgetting_a_run_or_everything(file: KnowledgeFile) -> None:
    file.add(LESSON)
    file.add(OTHERS)
    assert file.forget(run="nothing") == 0
    assert file.forget(run=OTHERS.run) == 1
    assert file.forget() == 1
    assert file.projects() == ()


def test_planners_open_it_and_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.sqlite"
    begin = threading.Barrier(6)
    errors: list[Exception] = []

    def plan(run: int) -> None:
        begin.wait()
        try:
            with closing(KnowledgeFile(path)) as opened:
                for number in range(5):
                    opened.add(named(number, run=f"run{run}"))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=plan, args=(run,)) for run in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with closing(KnowledgeFile(path)) as opened:
        assert opened.projects() == (("helios-1", 30),)


def test_a_newer_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(
        JournalError, match=r"knowledge\.sqlite is of version 99, .* left untouched"
    ):
        KnowledgeFile(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.sqlite"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(JournalError, match=r"knowledge .*knowledge\.sqlite: .*not a database"):
        KnowledgeFile(path)


def test_a_disk_that_is_full_is_told_as_such(tmp_path: Path) -> None:
    with closing(KnowledgeFile(tmp_path / "knowledge.sqlite")) as opened:
        opened.add(LESSON)
        pages = opened._connection.execute("PRAGMA page_count").fetchone()[0]
        opened._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StateError, match=r"can't use the knowledge .*full.*make room"):
            for number in range(2, 500):
                opened.add(named(number, text="x" * 300))


def test_a_folder_in_its_place_is_the_disks_trouble(tmp_path: Path) -> None:
    (tmp_path / "knowledge.sqlite").mkdir()
    with pytest.raises(StateError, match=r"can't read .*knowledge\.sqlite"):
        KnowledgeFile(tmp_path / "knowledge.sqlite")

"""The file itself: who may open it, in which version, and what a crash leaves of it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.errors import JournalError, StateError, TaskError
from runner.model import ROOT
from runner.store import Store, database

from .stories import BY_KEY, RUN, expand, measured, new_tree, view

KNOWN = len(database.migrations())


def script(*lines: str) -> list[str]:
    """A program in which this folder's ``stories`` can be imported."""
    folder = Path(__file__).parent
    paths = [str(folder), str(folder.parents[2])]
    return [sys.executable, "-c", "\n".join([f"import sys; sys.path[:0] = {paths!r}", *lines])]


def test_a_second_planner_is_told_who_holds_the_lock(store: Store, path: Path) -> None:
    message = rf"state folder .* is in use by run {RUN} \(pid {os.getpid()} on .*, since 20"
    with pytest.raises(TaskError, match=message):
        Store(path)
    assert store.run(RUN).run_id == RUN


def test_another_process_is_refused_too(store: Store, path: Path) -> None:
    done = subprocess.run(
        script("from pathlib import Path", "from runner.store import Store",
               f"Store(Path({str(path)!r}))"),
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert f"is in use by run {RUN}" in done.stderr
    assert store.run(RUN).run_id == RUN


def test_a_command_without_a_run_is_told_as_such(path: Path) -> None:
    with Store(path), pytest.raises(TaskError, match="a command that changes the journal"):
        Store(path)


def test_the_lock_goes_with_the_store(path: Path) -> None:
    for _ in range(3):
        Store(path).close()
    with Store(path) as store:
        store.create_run(view())


def test_many_readers_do_not_keep_a_planner_out(store: Store, path: Path) -> None:
    store.close()
    reader = Store.read(path)
    for _ in range(20):
        assert reader.run(RUN).status == "interrupted"
        Store(path).close()
    reader.close()


def test_readers_see_a_run_that_is_being_written(store: Store, path: Path) -> None:
    with Store.read(path) as reader:
        assert reader.run(RUN).status == "running"
        assert len(reader.run(RUN).nodes) == 1
        store.journal(RUN).intend(new_tree().open(expand(ROOT, "a0")))
        assert len(reader.run(RUN).nodes) == 2


def test_readers_cannot_write(store: Store, path: Path) -> None:
    with Store.read(path) as reader, pytest.raises(StateError, match="readonly"):
        reader.delete_run(RUN)
    assert store.run(RUN).run_id == RUN


def test_a_run_whose_planner_died_is_not_running(store: Store, path: Path) -> None:
    store.close()
    with Store.read(path) as reader:
        assert reader.run(RUN).status == "interrupted"
        assert reader.runs()[0].status == "interrupted"
    with Store(path) as again:
        assert again.run(RUN).status == "interrupted"


def test_there_is_nothing_to_read_yet(path: Path) -> None:
    with pytest.raises(TaskError, match="no journal"):
        Store.read(path)
    assert not path.parent.exists()


def test_what_is_no_journal_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("my diary, which is not a database\n" * 100)
    for opened in (Store, Store.read):
        with pytest.raises(JournalError, match=r"journal\.db: file is not a database"):
            opened(path)
    assert path.read_text().startswith("my diary")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StateError, match=r"can't open the state folder .*File exists; .*another one"):
        Store(tmp_path / "file" / "journal.db")


def test_a_newer_journal_is_refused_untouched(store: Store, path: Path) -> None:
    store.close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {KNOWN + 1}")
    connection.close()
    before = path.read_bytes()
    for opened in (Store, Store.read):
        with pytest.raises(JournalError, match=f"version {KNOWN + 1}, written by a newer oppie"):
            opened(path)
    assert path.read_bytes() == before


NEXT = "ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"


def test_an_older_journal_is_migrated(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = store.run(RUN)
    store.close()
    scripts = (*database.migrations(), NEXT)
    monkeypatch.setattr(database, "migrations", lambda: scripts)
    with Store.read(path) as reader:
        assert reader.run(RUN).nodes == told.nodes
    assert _version(path) == KNOWN
    with Store(path) as again:
        assert again.run(RUN).nodes == told.nodes
    assert _version(path) == KNOWN + 1
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT note FROM runs").fetchall() == [("none",)]
    connection.close()


def test_a_migration_that_fails_changes_nothing(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    known = database.migrations()
    broken = (*known, f"{NEXT}; INSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr(database, "migrations", lambda: broken)
    with pytest.raises(JournalError, match="nowhere"):
        Store(path)
    assert _version(path) == KNOWN
    monkeypatch.setattr(database, "migrations", lambda: known)
    with Store(path) as again:
        assert again.run(RUN).run_id == RUN


def _version(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


WRITER = """
from pathlib import Path
from runner.store import Store
from runner.model import Closed, Job
from stories import *
with Store(Path(sys.argv[1])) as store:
    store.create_run(view())
    store.set_root(RUN, ROOT_STATE, ROOT_METRICS)
    journal = store.journal(RUN)
    print("begun", flush=True)
    for step in Story(int(sys.argv[2]), 100000).steps():
        if isinstance(step, Job):
            journal.intend(step)
        elif isinstance(step, Closed):
            journal.record(step)
        else:
            journal.abandon(step)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_planner_leaves_each_attempt_at_most_one_visit(path: Path, seed: int) -> None:
    writer = subprocess.Popen([*script(WRITER), str(path), str(seed)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(0.05 + 0.1 * seed)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    with Store(path) as store:
        found = store.run(RUN)
        assert found.status == "interrupted"
        assert found.evaluations > 0
        assert store.rebuild(RUN) == 0
        store.reopen(RUN)
        tree = new_tree()
        store.replay(RUN, tree, BY_KEY)
        assert tree.evaluations == found.evaluations
        assert tree.best == found.best
        pending = store.pending(RUN, BY_KEY)
        assert len(pending) == tree.in_flight
        journal = store.journal(RUN)
        for job in pending:
            journal.record(tree.close(measured(job, 0.25)))
        assert store.rebuild(RUN) == 0
        assert store.run(RUN).evaluations == found.evaluations + len(pending)
        assert store.pending(RUN, BY_KEY) == ()

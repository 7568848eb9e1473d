"""Journals that earlier versions have written."""

from __future__ import annotations

import json
import math
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runner.cli.app import app
from runner.cli.home import settings
from runner.errors import JournalError
from runner.model import Goal, Measurement, Metric, Source, Verdict
from runner.store import Store, database

from .stories import BY_KEY, RUN, new_tree

MEASUREMENT = {
    "gain": 0.5, "low": 0.4, "high": 0.6, "pairs": 12, "metrics": [["time_us", 60.0, "us"]],
    "baseline": [["time_us", 100.0, "us"]], "ratios": [0.5, 0.45],
}  # fmt: skip
ROOT_STATE = {
    "snapshot": ["oppie/r:a", "sha256:0", "sha256:b", 3, 0],
    "commit": "c",
    "tree_id": "t",
}


def write_version_1(path: Path, outcome: str | None, measured: bool = True) -> None:
    """A journal as version 1 left it: a run of one node that was verified, or not."""
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    database.migrate(connection, database.migrations()[:1])
    facts = {
        "label": "A.1", "outcome": outcome, "measurement": MEASUREMENT if measured else None,
        "reason": "" if measured else "why", "branch": "oppie/b", "patch": "/p",
    }  # fmt: skip
    verified = None if outcome is None else json.dumps(facts)
    connection.execute(_RUN, (RUN, json.dumps(ROOT_STATE), verified))
    connection.executescript(_NODES)
    connection.close()


_RUN = """
INSERT INTO runs (run_id, task, target, status, policy, seed, workers, objective, budget,
    started_at, ended_at, stop, best, root_metrics, root_state, verified)
VALUES (?, 'helios', '/t', 'stopped', 'frontier', 7, 2, '{"name":"time_us","goal":"min","unit":"us"}',
    '{"nodes":1}', 1000.0, 2000.0, 'budget: nodes', 'A.1', '[["time_us",100.0,"us"]]', ?, ?)
"""
_NODES = """
INSERT INTO nodes (run, label, visits, reward_micro, observations, gain_sum, gain_first)
VALUES (1, 'A', 1, 650000, 0, 0, 0), (1, 'A.1', 1, 650000, 1, 2147483648, 2147483648);
INSERT INTO attempts (run, node, number, opened, kind, origin, against, actions, expected_gain)
VALUES (1, 2, 1, 1, 'expand', 'A', 'A', '["a0"]', 0.0);
INSERT INTO visits (attempt, run, closed, outcome, decision, reward, counted_reward, gain, low, high,
    pairs, metrics, tag, digest, parent_digest, depth, size_bytes, commit_id, tree_id, twin,
    files_changed, started_at, ended_at, reason, details)
VALUES (1, 1, 2, 'improved', 'commit', 0.65, 0.65, 0.5, 0.4, 0.6, 6, '[["time_us",60.0,"us"]]',
    'oppie/r:a.1', 'sha256:1', 'sha256:0', 4, 9, 'c1', 't1', '', 2, 11.0, 20.0, '', '{}');
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        ("improved", Verdict.IMPROVED),
        ("neutral", Verdict.NO_DIFFERENCE),
        ("regressed", Verdict.WORSE),
        ("rejected", Verdict.WORSE),
        ("tampered", Verdict.TAMPERED),
        ("failed", Verdict.FAILED),
        ("timeout", Verdict.FAILED),
        ("oom", Verdict.FAILED),
        ("disk", Verdict.FAILED),
    ],
)
def test_an_outcome_of_a_verification_becomes_a_verdict(
    path: Path, outcome: str, verdict: Verdict
) -> None:
    write_version_1(path, outcome)
    with Store(path) as store:
        found = store.run(RUN).verified
    assert found is not None
    assert (found.label, found.verdict) == ("A.1", verdict)
    assert (found.branch, found.patch, found.claimed) == ("oppie/b", "/p", None)
    assert found.measurement == Measurement(
        0.5, 0.4, 0.6, 12, (Metric("time_us", 60.0, "us"),), (Metric("time_us", 100.0, "us"),),
        (0.5, 0.45),
    )  # fmt: skip


def test_a_verification_without_numbers_keeps_its_reason(path: Path) -> None:
    write_version_1(path, "failed", measured=False)
    with Store(path) as store:
        found = store.run(RUN).verified
    assert found is not None
    assert (found.verdict, found.measurement, found.reason) == (Verdict.FAILED, None, "why")


def test_an_interval_without_ends_is_one_after_migrating(path: Path) -> None:
    write_version_1(path, "neutral")
    connection = sqlite3.connect(path)
    facts = json.loads(connection.execute("SELECT verified FROM runs").fetchone()[0])
    facts["measurement"] |= {"low": -math.inf, "high": math.inf, "pairs": 1}
    with connection:
        text = json.dumps(facts, separators=(",", ":"))
        connection.execute("UPDATE runs SET verified = ?", (text,))
    connection.close()
    with Store(path) as store:
        found = store.run(RUN).verified
    assert found is not None and found.measurement is not None
    assert (found.measurement.low, found.measurement.high) == (-math.inf, math.inf)


def test_a_run_that_was_not_verified_stays_so(path: Path) -> None:
    write_version_1(path, None)
    with Store(path) as store:
        assert store.run(RUN).verified is None


def test_a_reader_sees_the_verdict_and_leaves_the_file_alone(path: Path) -> None:
    write_version_1(path, "neutral")
    before = path.read_bytes()
    with Store.read(path) as store:
        found = store.run(RUN).verified
        assert found is not None
        assert found.verdict is Verdict.NO_DIFFERENCE
    assert path.read_bytes() == before


def test_an_older_run_has_no_remarks_no_seconds_and_goes_on(path: Path) -> None:
    write_version_1(path, "improved")
    with Store(path) as store:
        found = store.run(RUN)
        assert (found.remarks, found.verifications) == ((), ())
        assert (found.container_s, found.saved_s, store.container_s(RUN)) == (0.0, 0.0, 0.0)
        assert (found.objective.goal, found.objective.source) == (Goal.MIN, Source.OUTPUT)
        node = found.nodes[1]
        assert (node.gain, node.container_s, node.saved_s, node.proof) == (0.5, 0.0, 0.0, "")
        assert store.rebuild(RUN) == 0
        tree = new_tree()
        store.replay(RUN, tree, BY_KEY)
        assert tree.evaluations == 1


# Journals that older versions have really written: the story of seed 5 to 14 evaluations, told to
# the code of that version.
GOLDEN = Path(__file__).parents[2] / "golden" / "journals"
KNOWN = len(database.migrations())


@pytest.mark.parametrize("version", range(1, KNOWN + 1))
def test_what_an_older_version_wrote_is_whole_after_migrating(path: Path, version: int) -> None:
    path.parent.mkdir()
    shutil.copy(GOLDEN / f"version-{version}.db", path)
    before = _visits(path)
    with Store(path) as store:
        found = store.run(RUN)
        assert (found.status, found.evaluations, len(found.nodes)) == ("interrupted", 14, 13)
        assert found.verified is not None and found.verified.measurement is not None
        assert (found.verified.label, found.verified.verdict) == ("A.1", Verdict.IMPROVED)
        assert found.verified.measurement.gain == 0.25
        assert store.elapsed_s(RUN) == 61.5
        assert store.rebuild(RUN) == 0
        tree = new_tree()
        store.replay(RUN, tree, BY_KEY)
        assert tree.evaluations == 14
    assert _version(path) == KNOWN
    assert _visits(path) == before


def _visits(path: Path) -> list[tuple[object, ...]]:
    """Every visit as version 1 knows it, and the attempts beside them."""
    columns = (
        "attempt, closed, outcome, decision, reward, counted_reward, gain, low, high, pairs, metrics,"
        " tag, digest, parent_digest, depth, size_bytes, commit_id, tree_id, twin, files_changed,"
        " started_at, ended_at, reason, details"
    )
    with closing(sqlite3.connect(path)) as connection:
        visits = connection.execute(f"SELECT {columns} FROM visits ORDER BY closed").fetchall()
        attempts = connection.execute("SELECT * FROM attempts ORDER BY opened").fetchall()
    return [*visits, *attempts]


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_journal_is_copied_before_it_is_migrated(path: Path) -> None:
    path.parent.mkdir()
    shutil.copy(GOLDEN / "version-1.db", path)
    before = _visits(path)
    with Store(path):
        pass
    copy = database.backup_of(path, 1)
    assert (_version(copy), _visits(copy)) == (1, before)
    with Store(path):  # nothing is older than it should be any more
        pass
    assert sorted(each.name for each in path.parent.iterdir()) == [
        "journal.db",
        "journal.db.version-1",
        "planner.lock",
    ]


SLOW = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e12)
UPDATE runs SET elapsed_s = (SELECT max(i) FROM n)
"""
MIGRATE = """
import sys
from pathlib import Path
from runner.store import Store, database
scripts = (*database.migrations(), "ALTER TABLE runs ADD COLUMN note TEXT;" + sys.argv[2])
database.migrations = lambda: scripts
ran = database.migrate
def migrate(*args):
    print("begun", flush=True)
    ran(*args)
database.migrate = migrate
Store(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("version", range(1, KNOWN + 1))
def test_a_planner_that_dies_while_it_migrates_leaves_the_journal_whole(
    path: Path, version: int
) -> None:
    path.parent.mkdir()
    shutil.copy(GOLDEN / f"version-{version}.db", path)
    before = _visits(path)
    command = [sys.executable, "-c", MIGRATE, str(path), SLOW]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as planner:
        assert planner.stdout is not None
        assert planner.stdout.readline() == "begun\n"
        with pytest.raises(subprocess.TimeoutExpired):
            planner.wait(0.5)
        planner.kill()
    assert planner.returncode == -signal.SIGKILL
    with Store(path) as store:
        assert store.run(RUN).evaluations == 14
        assert store.rebuild(RUN) == 0
    assert (_version(path), _visits(path)) == (KNOWN, before)
    with closing(sqlite3.connect(path)) as connection:
        assert "note" not in [row[1] for row in connection.execute("PRAGMA table_info(runs)")]


# Newer ones

NEWER = f"""
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA user_version = {KNOWN + 1}")
connection.execute("ALTER TABLE runs ADD COLUMN from_the_future TEXT")
connection.execute("UPDATE runs SET status = 'running'")
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def newer(path: Path) -> Path:
    """What a newer oppie has left that was killed: its version is in the write-ahead log alone."""
    path.parent.mkdir()
    shutil.copy(GOLDEN / f"version-{KNOWN}.db", path)
    subprocess.run([sys.executable, "-c", NEWER, str(path)], check=False)
    assert {each.name for each in path.parent.iterdir()} == {
        "journal.db",
        "journal.db-shm",
        "journal.db-wal",
    }
    return path


def _bytes(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.parent.glob(f"{path.name}*")}


def test_a_newer_journal_is_refused_and_its_log_is_not_touched(newer: Path) -> None:
    before = _bytes(newer)
    for opened in (Store, Store.read):
        with pytest.raises(JournalError, match=f"version {KNOWN + 1}, written by a newer oppie"):
            opened(newer)
        assert _bytes(newer) == before
    assert _version(newer) == KNOWN + 1  # and it is what it was said to be


@pytest.fixture
def commands(newer: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OPPIE_STATE", str(newer.parent))
    monkeypatch.setenv("OPPIE_ENGINE", "unix:///nonexistent.sock")
    monkeypatch.chdir(newer.parent)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    "command",
    [
        "runs", "tree", "show A", "diff A", "logs A", "resume", "verify A.1", "merge A.1",
        "merge-best", "pr A.1", "report", "export-space", "gc", "gc --dry-run", "shell A",
        "checkout A there", "apply A.1", "doctor --repair", "doctor --repair --dry-run",
    ],
)  # fmt: skip
def test_no_command_touches_a_newer_journal(newer: Path, command: str) -> None:
    before = _bytes(newer)
    with pytest.raises(JournalError, match="written by a newer oppie"):
        app(command.split(), standalone_mode=False)
    assert _bytes(newer) == before

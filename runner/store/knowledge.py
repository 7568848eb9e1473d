"""The knowledge of all runs of one state folder, in an SQLite file of its own, with full-text search.

Several planners may use it at once. What is lost with it is help, not results: writes don't wait for
the disk (``synchronous = NORMAL``, which in WAL mode can lose the last of them to a power cut, and
nothing else: https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import errno
import json
import math
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from importlib import resources
from pathlib import Path

from runner.errors import JournalError
from runner.keeping import keeping, state_error
from runner.model import Goal, Outcome
from runner.store.codec import printable, to_json
from runner.store.database import migrate, transaction
from runner.store.lesson import NOTE, Lesson, Standing
from runner.store.version import version_of

BUSY_TIMEOUT_S = 5.0
MOST_OBSERVED = 20_000  # visits that a search is told of
MOST_WORDS = 24  # of a query that are looked for
_COLUMNS = tuple(field.name for field in fields(Lesson))
_LISTS = frozenset({"actions", "state", "result", "files"})
_OF_THE_DISK = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_CANTOPEN: errno.ENOENT,
}

_MAY_PASS = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_ERROR})


def knowledge_migrations() -> tuple[str, ...]:
    """The scripts that lead from an empty file to the present version, oldest first."""
    folder = resources.files("runner.store") / "knowledge_migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple((folder / name).read_text(encoding="utf-8") for name in names)


class KnowledgeFile:
    """An open file of lessons. One thread at a time may use it, whichever that is.

    Every method raises JournalError when the file fails, StateError when its disk does.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file, and bring it up to date.

        Raises JournalError, having touched nothing, for one that a newer oppie wrote.
        """
        self._path = path
        _demand_known(path)
        with keeping("open the state folder", path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self._telling():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            try:
                _prepare(self._connection)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        self._connection.close()

    def add(self, lesson: Lesson) -> bool:
        """Keep a lesson. False if it was there already: what is kept first stays."""
        with self._telling(), transaction(self._connection):
            done = self._connection.execute(_INSERT, _to_row(lesson))
            return done.rowcount == 1

    def observed(
        self, project: str, others: bool, before: str, objective: str, goal: Goal
    ) -> tuple[Lesson, ...]:
        """The visits that were about this objective, the latest runs first: of one project, or of
        ``others`` as well; of runs whose id sorts below ``before``, or of all for ""."""
        return self._lessons(
            "WHERE (project = ?1 OR ?2) AND (run < ?3 OR ?3 = '') AND objective = ?4 AND goal = ?5"
            f" AND outcome <> '' ORDER BY run DESC, id DESC LIMIT {MOST_OBSERVED}",
            (project, others, before, objective, goal),
        )

    def categories(self, project: str, action: str) -> tuple[str, ...]:
        """The categories of the work that an action of a project has done, the commonest first."""
        with self._telling():
            rows = self._connection.execute(
                "SELECT category FROM lessons WHERE project = ? AND actions = ?"
                " GROUP BY category ORDER BY count(*) DESC, category",
                (project, to_json([action])),
            ).fetchall()
        return tuple(str(row[0]) for row in rows)

    def projects(self) -> tuple[tuple[str, int], ...]:
        """The projects that something is known of, and how many lessons of each."""
        with self._telling():
            rows = self._connection.execute(
                "SELECT project, count(*) FROM lessons GROUP BY project ORDER BY project"
            ).fetchall()
        return tuple((str(name), int(count)) for name, count in rows)

    def latest(self, project: str, most: int) -> tuple[Lesson, ...]:
        """The latest lessons of a project, or of all for ""; those that measured again are left out."""
        return self._lessons(
            "WHERE (project = ?1 OR ?1 = '') AND NOT again ORDER BY run DESC, id DESC LIMIT ?2",
            (project, most),
        )

    def search(self, words: str, project: str, others: bool, most: int) -> tuple[Lesson, ...]:
        """The lessons that have any of these words, those that have most of the rarest first
        (BM25); of one project, or of ``others`` as well. ``project`` "" is all."""
        query = _query(words)
        if not query:
            return ()
        return self._lessons(
            "JOIN (SELECT rowid, bm25(lesson_words, 2.0, 3.0, 3.0, 2.0, 2.0, 1.0, 0.5) AS rank"
            "      FROM lesson_words WHERE lesson_words MATCH ?1) found ON found.rowid = lessons.id"
            " WHERE (project = ?2 OR ?3 OR ?2 = '') AND NOT again ORDER BY found.rank, id DESC LIMIT ?4",
            (query, project, others, most),
        )

    def standings(self, project: str, carry_over: float) -> tuple[Standing, ...]:
        """How models did, by category. Other projects' attempts count ``carry_over`` each."""
        with self._telling():
            rows = self._connection.execute(_STANDINGS, (project, carry_over)).fetchall()
        return tuple(Standing(*row) for row in rows)

    def forget(self, project: str = "", run: str = "") -> int:
        """Remove the lessons of a project, of a run, or of both; of all if neither is named.
        How many there were."""
        with self._telling(), transaction(self._connection):
            done = self._connection.execute(
                "DELETE FROM lessons WHERE (project = ?1 OR ?1 = '') AND (run = ?2 OR ?2 = '')",
                (project, run),
            )
        with self._telling():
            # What is forgotten isn't found in the file's free pages either, nor in its log.
            self._connection.execute("INSERT INTO lesson_words (lesson_words) VALUES ('optimize')")
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return done.rowcount

    def _lessons(self, where: str, values: Sequence[object]) -> tuple[Lesson, ...]:
        names = ", ".join(f"lessons.{name}" for name in _COLUMNS)
        with self._telling():
            rows = self._connection.execute(f"SELECT {names} FROM lessons {where}", values)
            return tuple(map(_from_row, rows.fetchall()))

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OverflowError) as error:
            code = getattr(error, "sqlite_errorcode", 0)
            number = _OF_THE_DISK.get(code & 0xFF)
            if number is None:
                raise JournalError(f"knowledge {self._path}: {error}") from error
            raise state_error("use the knowledge", self._path, number, str(error)) from error


def _demand_known(path: Path) -> None:
    with keeping("read", path):
        version = version_of(path)
    known = len(knowledge_migrations())
    if version > known:
        raise JournalError(
            f"knowledge {path} is of version {version}, written by a newer oppie; "
            f"this one knows versions up to {known}. It was left untouched"
        )


def _prepare(connection: sqlite3.Connection) -> None:
    """Bring the file up to date. Others may be at the same, and SQLite doesn't wait for them where a
    file becomes a WAL one, nor does it know that they have migrated what is about to be migrated:
    so whoever fails looks again, for a while."""
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            migrate(connection, knowledge_migrations())
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _MAY_PASS or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _query(words: str) -> str:
    """Any of the words, each quoted, so that nothing in it is syntax of FTS5's queries."""
    found = dict.fromkeys(re.findall(r"\w+", printable(words).lower()))
    return " OR ".join(f'"{word}"' for word in list(found)[:MOST_WORDS])


def _to_row(lesson: Lesson) -> tuple[object, ...]:
    values = []
    for name, value in zip(_COLUMNS, astuple(lesson), strict=True):
        if name in _LISTS:
            value = to_json([printable(each) for each in value])
        elif isinstance(value, float) and not math.isfinite(value):
            value = None  # an interval without bounds
        elif value is None and name == "outcome":
            value = ""
        elif isinstance(value, str):
            value = printable(value)
        values.append(value)
    return tuple(values)


def _from_row(row: tuple[object, ...]) -> Lesson:
    facts = dict(zip(_COLUMNS, row, strict=True))
    for name in _LISTS:
        facts[name] = tuple(json.loads(str(facts[name])))
    facts["goal"] = Goal(str(facts["goal"]))
    facts["outcome"] = Outcome(str(facts["outcome"])) if facts["outcome"] else None
    facts["again"], facts["estimated"] = bool(facts["again"]), bool(facts["estimated"])
    return Lesson(**facts)  # type: ignore[arg-type]


_INSERT = f"""
INSERT INTO lessons ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" * len(_COLUMNS))})
ON CONFLICT (run, attempt) DO NOTHING
"""
_STANDINGS = f"""
SELECT category, model, sum(weight), sum(weight * (outcome = '{Outcome.IMPROVED}')),
       sum(weight * (cost_usd IS NOT NULL)), sum(weight * coalesce(cost_usd, 0.0))
FROM (SELECT *, iif(project = ?1, 1.0, ?2) AS weight FROM lessons
      WHERE model <> '' AND NOT again AND kind <> '{NOTE}' AND outcome NOT IN ('', '{Outcome.INFRA}'))
WHERE weight > 0
GROUP BY category, model ORDER BY category, model
"""

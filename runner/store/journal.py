"""What one run's search writes down, as it happens."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from runner.model import Closed, Expansion, Job
from runner.store.codec import (
    agent_fields,
    gain_fixed,
    metrics_to_json,
    printable,
    reward_micro,
    snapshot_columns,
    to_json,
)
from runner.store.database import telling, transaction
from runner.store.statistics import MEASURED


class RunJournal:
    """The ``Journal`` of one run; each call is one transaction, on disk when it returns.

    Every method raises JournalError, having changed nothing.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, run: int) -> None:
        self._connection = connection
        self._path = path
        self._run = run
        self._sequence = self._last_sequence()
        self._start_s = time.monotonic() - self._elapsed_s()

    def intend(self, job: Job) -> None:
        """Write down that a job is about to be handed out."""
        with telling(self._path), transaction(self._connection):
            self._connection.execute(
                "INSERT INTO nodes (run, label) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (self._run, job.label),
            )
            self._sequence += 1
            insert_attempt(self._connection, self._run, job, self._sequence)

    def record(self, closed: Closed) -> None:
        """Count a visit, once, in one transaction with the statistics that follow from it."""
        with telling(self._path), transaction(self._connection):
            attempt = self._attempt(closed.expansion.job)
            self._sequence += 1
            if not self._insert_visit(attempt, closed):
                return
            self._connection.executemany(
                "UPDATE nodes SET visits = visits + 1, reward_micro = reward_micro + ?"
                " WHERE run = ? AND label = ?",
                ((reward_micro(closed.reward), self._run, label) for label in closed.path),
            )
            self._observe(closed.expansion)
            self._connection.execute(
                "UPDATE runs SET best = ?, elapsed_s = ? WHERE id = ?",
                (closed.best, time.monotonic() - self._start_s, self._run),
            )

    def abandon(self, expansion: Expansion) -> None:
        """Write down that an attempt came to nothing, for no fault of the action's."""
        with telling(self._path), transaction(self._connection):
            self._connection.execute(
                "UPDATE attempts SET abandoned = ? WHERE id = ?",
                (printable(expansion.reason), self._attempt(expansion.job)),
            )

    def _attempt(self, job: Job) -> int:
        row = self._connection.execute(
            "SELECT a.id FROM nodes n JOIN attempts a ON a.node = n.id"
            " WHERE n.run = ? AND n.label = ? AND a.number = ?",
            (self._run, job.label, job.number),
        ).fetchone()
        if row is None:
            raise sqlite3.IntegrityError(f"attempt {job.attempt_id} was never intended")
        return int(row[0])

    def _insert_visit(self, attempt: int, closed: Closed) -> bool:
        done = self._connection.execute(
            _INSERT_VISIT, (attempt, self._run, self._sequence, *_visit_columns(closed))
        )
        return done.rowcount == 1

    def _observe(self, expansion: Expansion) -> None:
        measurement = expansion.measurement
        if measurement is None or expansion.outcome not in MEASURED:
            return
        job = expansion.job
        self._connection.execute(
            _OBSERVE,
            {
                "run": self._run,
                "label": job.label,
                "against": job.against.label,
                "gain": gain_fixed(measurement.gain),
            },
        )

    def _last_sequence(self) -> int:
        with telling(self._path):
            row = self._connection.execute(
                "SELECT max((SELECT coalesce(max(opened), 0) FROM attempts WHERE run = ?1),"
                " (SELECT coalesce(max(closed), 0) FROM visits WHERE run = ?1))",
                (self._run,),
            ).fetchone()
        return int(row[0])

    def _elapsed_s(self) -> float:
        with telling(self._path):
            row = self._connection.execute(
                "SELECT elapsed_s FROM runs WHERE id = ?", (self._run,)
            ).fetchone()
        return float(row[0])


def insert_attempt(connection: sqlite3.Connection, run: int, job: Job, opened: int) -> None:
    """One more attempt of a node that has its row."""
    connection.execute(
        _INSERT_ATTEMPT,
        (
            job.number,
            opened,
            job.kind,
            job.origin.label,
            job.against.label,
            to_json([action.key for action in job.actions]),
            job.expected_gain,
            run,
            job.label,
        ),
    )


def _visit_columns(closed: Closed) -> tuple[object, ...]:
    expansion = closed.expansion
    measured = expansion.measurement
    details: dict[str, object] = {"seconds": expansion.seconds} | agent_fields(expansion)
    if measured is not None:
        details["baseline"] = [(m.name, m.value, m.unit) for m in measured.baseline]
        details["ratios"] = measured.ratios
    return (
        expansion.outcome,
        expansion.decision,
        expansion.reward,
        closed.reward,
        *((measured.gain, measured.low, measured.high, measured.pairs) if measured else _NONE),
        metrics_to_json(measured.metrics if measured else ()),
        *snapshot_columns(expansion.snapshot),
        expansion.commit,
        expansion.tree_id,
        expansion.twin,
        expansion.files_changed,
        expansion.started_at,
        expansion.ended_at,
        printable(expansion.reason),
        to_json(details),
        expansion.container_s,
        expansion.saved_s,
        printable(expansion.proof),
    )


_NONE = (None, None, None, None)
_INSERT_ATTEMPT = """
INSERT INTO attempts
    (number, opened, kind, origin, against, actions, expected_gain, run, node)
SELECT ?, ?, ?, ?, ?, ?, ?, run, id FROM nodes WHERE run = ? AND label = ?
"""
_INSERT_VISIT = f"""
INSERT INTO visits
    (attempt, run, closed, outcome, decision, reward, counted_reward, gain, low, high, pairs,
     metrics, tag, digest, parent_digest, depth, size_bytes, commit_id, tree_id, twin,
     files_changed, started_at, ended_at, reason, details, container_s, saved_s, proof)
VALUES ({", ".join("?" * 28)})
ON CONFLICT (attempt) DO NOTHING
"""
_OBSERVE = """
WITH observed (gain) AS (
    SELECT :gain + gain_first FROM nodes WHERE run = :run AND label = :against
)
UPDATE nodes SET
    gain_first = iif(observations = 0, (SELECT gain FROM observed), gain_first),
    gain_sum = gain_sum + (SELECT gain FROM observed),
    observations = observations + 1
WHERE run = :run AND label = :label
"""

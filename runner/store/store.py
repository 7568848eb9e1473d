"""The journal of all runs of one state folder."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from runner.errors import TaskError
from runner.keeping import keeping
from runner.model import ROOT, Metric, RunView, State, Stopped, StopReason, Verified
from runner.store import database, statistics
from runner.store.codec import (
    metrics_to_json,
    printable,
    spec_to_json,
    state_to_json,
    to_json,
    verified_to_json,
)
from runner.store.journal import RunJournal
from runner.store.lock import PlannerLock
from runner.store.reading import LOCK_NAME, Reading, without_collector

RESUMABLE = (StopReason.INTERRUPTED, StopReason.ENVIRONMENT)


class Store(Reading):
    """Opened for writing by one planner at a time (``Store(path)``), for reading by anyone
    (``Store.read(path)``), even while a planner writes. To be used by the thread that opened it.

    Every method raises JournalError when the file fails, StateError when its disk does, and
    TaskError for a run that isn't there.
    """

    taken_over: tuple[str, ...] = ()  # the runs that were found running, though nobody ran them

    def __init__(self, path: Path) -> None:
        """Open or create the journal, and lock its folder.

        Raises TaskError naming the holder if another planner is at work, JournalError for a file
        that is no journal or of a newer version, StateError where the folder can't be written to.
        """
        with keeping("open the state folder", path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = PlannerLock(path.parent / LOCK_NAME)
        try:
            connection = database.open_for_writing(path)
        except BaseException:
            lock.release()
            raise
        super().__init__(path, connection, lock)
        try:
            self.taken_over = self._take_over()
        except BaseException:
            self.close()
            raise

    def _take_over(self) -> tuple[str, ...]:
        """The lock is ours: whatever is said to be running was killed. The ids of these runs."""
        with self._change():
            rows = self._connection.execute(
                "SELECT run_id FROM runs WHERE status = 'running' ORDER BY run_id"
            ).fetchall()
            self._connection.execute(
                "UPDATE runs SET status = 'interrupted' WHERE status = 'running'"
            )
        return tuple(row[0] for row in rows)

    @classmethod
    def read(cls, path: Path) -> Store:
        """Open an existing journal for reading only. Raises TaskError if there is none."""
        if not path.is_file():
            raise TaskError(f"there is no journal at {path} yet; `oppie run` makes one")
        store = cls.__new__(cls)
        Reading.__init__(store, path, database.open_for_reading(path), None)
        return store

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, then let another planner in."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def create_run(self, view: RunView) -> None:
        """Begin a run; its nodes, root and results come later, from elsewhere."""
        with self._change():
            self._connection.execute(
                _INSERT_RUN,
                (
                    view.run_id, view.task, view.target, view.policy, view.seed, view.workers,
                    spec_to_json(view.objective), to_json(view.budget), view.started_at,
                ),
            )  # fmt: skip
        self.work_on(view.run_id)

    def set_root(
        self,
        run_id: str,
        state: State,
        metrics: Sequence[Metric],
        remarks: Sequence[str] = (),
        container_s: float = 0.0,
    ) -> None:
        """Write down the untouched target's state, what it measured, what it can't be relied on
        for, and the container seconds that trying it took."""
        run = self._id(run_id)
        with self._change():
            self._connection.execute(
                "INSERT INTO nodes (run, label) VALUES (?, ?) ON CONFLICT DO NOTHING", (run, ROOT)
            )
            self._connection.execute(
                "UPDATE runs SET root_state = ?, root_metrics = ?, remarks = ?,"
                " root_container_s = ? WHERE id = ?",
                (
                    state_to_json(state),
                    metrics_to_json(metrics),
                    to_json([printable(remark) for remark in remarks]),
                    container_s,
                    run,
                ),
            )

    def journal(self, run_id: str) -> RunJournal:
        """What the search of this run writes to."""
        return RunJournal(self._connection, self._path, self._id(run_id))

    def reopen(self, run_id: str) -> None:
        """Go on with a run. An attempt that was abandoned and not repeated is intended again."""
        run = self._id(run_id)
        with self._change():
            self._connection.execute(
                "UPDATE runs SET status = 'running', stop = NULL, stop_detail = '', ended_at = NULL"
                " WHERE id = ?",
                (run,),
            )
            self._connection.execute(_REPEAT_ABANDONED, {"run": run})
        self.work_on(run_id)

    def finish(self, run_id: str, stopped: Stopped) -> None:
        """Write down why the run ended. It can be reopened after an interruption only."""
        with self._change():
            self._connection.execute(
                "UPDATE runs SET status = ?, stop = ?, stop_detail = ?, ended_at = ? WHERE id = ?",
                (
                    _status_after(stopped),
                    stopped.reason,
                    printable(stopped.detail),
                    time.time(),
                    self._id(run_id),
                ),
            )

    def ended(self, run_id: str, stopped: Stopped) -> RunView:
        """The run as ``finish`` will leave it."""
        return replace(
            self.run(run_id),
            status=_status_after(stopped),
            stop=stopped.reason,
            stop_detail=printable(stopped.detail),
            ended_at=time.time(),
        )

    def set_elapsed(self, run_id: str, elapsed_s: float) -> None:
        """The wall time of the search, over all resumes. ``record`` keeps it up to date too."""
        with self._change():
            self._connection.execute(
                "UPDATE runs SET elapsed_s = ? WHERE id = ?", (elapsed_s, self._id(run_id))
            )

    def add_verification(self, run_id: str, verified: Verified) -> None:
        """Write down what came of verifying a candidate."""
        run = self._id(run_id)
        with self._change():
            self._connection.execute(
                "INSERT INTO verifications (run, made_at, facts) VALUES (?, ?, ?)",
                (run, time.time(), verified_to_json(verified)),
            )

    def set_verified(self, run_id: str, verified: Verified) -> None:
        """Write down which verification was chosen to be the run's result."""
        with self._change():
            self._connection.execute(
                "UPDATE runs SET verified = ? WHERE id = ?",
                (verified_to_json(verified), self._id(run_id)),
            )

    def delete_run(self, run_id: str) -> None:
        """Forget a run and all that belongs to it."""
        with self._change():
            self._connection.execute("DELETE FROM runs WHERE id = ?", (self._id(run_id),))

    def rebuild(self, run_id: str) -> int:
        """Recompute a run's statistics from its visits; how many nodes had wrong ones."""
        with self._change(), without_collector():
            return statistics.rebuild(self._connection, self._id(run_id))

    def batch(self) -> AbstractContextManager[None]:
        """All changes of a block in one transaction, such as those of a run that is imported."""
        return self._change()

    def work_on(self, run_id: str) -> None:
        """Let others know which run the folder is held for."""
        if self._lock is not None:
            with keeping("write", self._path.parent / LOCK_NAME):
                self._lock.tell(run_id)

    @contextmanager
    def _change(self) -> Iterator[None]:
        with database.telling(self._path), database.transaction(self._connection):
            yield


def _status_after(stopped: Stopped) -> str:
    return "interrupted" if stopped.reason in RESUMABLE else "stopped"


_INSERT_RUN = """
INSERT INTO runs
    (run_id, task, target, policy, seed, workers, objective, budget, started_at, status)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'running')
"""
_REPEAT_ABANDONED = """
INSERT INTO attempts (run, node, number, opened, kind, origin, against, actions, expected_gain)
SELECT run, node, number + 1,
    max((SELECT max(opened) FROM attempts WHERE run = :run),
        (SELECT coalesce(max(closed), 0) FROM visits WHERE run = :run))
        + row_number() OVER (ORDER BY opened),
    kind, origin, against, actions, expected_gain
FROM attempts a
WHERE run = :run AND abandoned IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM attempts b WHERE b.node = a.node AND b.number > a.number)
"""

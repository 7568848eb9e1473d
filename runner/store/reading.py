"""What can be asked of the journal, by its planner and by anyone else."""

from __future__ import annotations

import gc
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from runner.errors import JournalError, TaskError
from runner.model import ROOT, Action, Expansion, Job, Metric, RunView, State
from runner.store import views
from runner.store.codec import metrics_from_json, state_from_json
from runner.store.database import telling
from runner.store.known import KnownRun, known_run
from runner.store.lock import PlannerLock, holder, is_held
from runner.store.replay import Grows, Replay

LOCK_NAME = "planner.lock"


class Reading:
    """The reading half of ``Store``."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: PlannerLock | None
    ) -> None:
        self._path = path
        self._connection = connection
        self._lock = lock

    def runs(self) -> tuple[RunView, ...]:
        """All runs without their nodes, the latest first."""
        with self._rows():
            found = tuple(views.run_views(self._connection))
        return tuple(self._as_it_is(view) for view in found)

    def run(self, run_id: str = "", with_nodes: bool = True) -> RunView:
        """A run with its nodes, by its id or the beginning of one; the latest for "".

        Raises TaskError for none, or more than one.
        """
        run = self._id(self._whole_id(run_id))
        with self._rows():
            return self._as_it_is(views.run_view(self._connection, run, with_nodes))

    def at_work(self) -> frozenset[str]:
        """The runs that a planner is at work on who is somebody else; all of them where it isn't
        told which."""
        found = None if self._lock is not None else holder(self._path.parent / LOCK_NAME)
        if found is None:
            return frozenset()
        return frozenset({found.run_id} if found.run_id else {v.run_id for v in self.runs()})

    def root(self, run_id: str) -> tuple[State, tuple[Metric, ...]] | None:
        """The untouched target's state and metrics, or ``None`` if they aren't known yet."""
        with telling(self._path):
            row = self._connection.execute(
                "SELECT root_state, root_metrics FROM runs WHERE id = ?", (self._id(run_id),)
            ).fetchone()
        if row[0] is None:
            return None
        return state_from_json(ROOT, row[0]), metrics_from_json(row[1])

    def known(self, run_id: str) -> KnownRun:
        """What the journal can explain of a run."""
        run = self._id(run_id)
        with telling(self._path):
            return known_run(self._connection, run)

    def action_keys(self, run_id: str) -> tuple[str, ...]:
        """The keys of all actions that the run has tried, sorted."""
        with telling(self._path):
            rows = self._connection.execute(
                "SELECT DISTINCT actions FROM attempts WHERE run = ?", (self._id(run_id),)
            ).fetchall()
        return tuple(sorted({key for row in rows for key in json.loads(row[0])}))

    def container_s(self, run_id: str) -> float:
        """The container seconds of the root and all visits so far."""
        with telling(self._path):
            row = self._connection.execute(
                "SELECT root_container_s + (SELECT coalesce(sum(container_s), 0) FROM visits"
                " WHERE run = r.id) FROM runs r WHERE id = ?",
                (self._id(run_id),),
            ).fetchone()
        return float(row[0])

    def cost_usd(self, run_id: str) -> float:
        """What models have cost in all visits so far, as far as it is known."""
        with telling(self._path):
            row = self._connection.execute(
                "SELECT coalesce(sum(json_extract(details, '$.spending.cost_usd')), 0) FROM visits"
                " WHERE run = ? AND details LIKE '%\"spending\"%'",
                (self._id(run_id),),
            ).fetchone()
        return float(row[0])

    def elapsed_s(self, run_id: str) -> float:
        """The wall time of the search so far, over all resumes."""
        with telling(self._path):
            row = self._connection.execute(
                "SELECT elapsed_s FROM runs WHERE id = ?", (self._id(run_id),)
            ).fetchone()
        return float(row[0])

    def entries(self, run_id: str, actions: Mapping[str, Action]) -> Iterator[Job | Expansion]:
        """What was opened and closed, in that order; see ``Replay``."""
        with telling(self._path):
            yield from self._replay(run_id, actions).entries()

    def pending(self, run_id: str, actions: Mapping[str, Action]) -> tuple[Job, ...]:
        """The jobs that were handed out and neither recorded nor abandoned, in their order."""
        with telling(self._path):
            return self._replay(run_id, actions).pending()

    def replay(self, run_id: str, tree: Grows, actions: Mapping[str, Action]) -> None:
        """Grow a tree to where the search left it. Raises JournalError where it doesn't fit."""
        try:
            with without_collector():
                for entry in self.entries(run_id, actions):
                    if isinstance(entry, Job):
                        tree.adopt(entry)
                    else:
                        tree.settle(entry)
        except (ValueError, KeyError) as error:
            raise JournalError(
                f"journal {self._path}: run {run_id} can't be replayed: {error}"
            ) from error

    # Inside

    def _replay(self, run_id: str, actions: Mapping[str, Action]) -> Replay:
        run = self._id(run_id)
        row = self._connection.execute(
            "SELECT root_state FROM runs WHERE id = ?", (run,)
        ).fetchone()
        return Replay(self._connection, run, state_from_json(ROOT, row[0]), actions)

    def _id(self, run_id: str) -> int:
        with telling(self._path):
            row = self._connection.execute(
                "SELECT id FROM runs WHERE run_id = ?", (run_id,)
            ).fetchone()
        if row is None:
            raise TaskError(f"there is no run {run_id!r} in {self._path}")
        return int(row[0])

    def _whole_id(self, prefix: str) -> str:
        with telling(self._path):
            rows = self._connection.execute(
                "SELECT run_id FROM runs ORDER BY run_id DESC"
            ).fetchall()
        known = [row[0] for row in rows]
        if not known:
            raise TaskError(f"there are no runs in {self._path} yet; `oppie run` makes one")
        if prefix in known:
            return prefix
        found = [each for each in known if each.startswith(prefix)]
        if prefix == "" or len(found) == 1:
            return str(found[0])
        what = f"fits {_few(found)}" if found else f"is no run; there are {_few(known)}"
        raise TaskError(f"run {prefix!r} {what}")

    def _as_it_is(self, view: RunView) -> RunView:
        """A run that says it is running while no planner is at work was killed."""
        if view.status != "running" or self._lock is not None:
            return view
        if is_held(self._path.parent / LOCK_NAME):
            return view
        return replace(view, status="interrupted")

    @contextmanager
    def _rows(self) -> Iterator[None]:
        """Rows by column names, for the views; positions are faster, for the rest."""
        with telling(self._path):
            self._connection.row_factory = sqlite3.Row
            try:
                yield
            finally:
                self._connection.row_factory = None


@contextmanager
def without_collector() -> Iterator[None]:
    """Nothing that a replay makes is garbage; looking for some doubles its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _few(run_ids: Sequence[str], count: int = 5) -> str:
    more = f" and {len(run_ids) - count} more" if len(run_ids) > count else ""
    return ", ".join(run_ids[:count]) + more

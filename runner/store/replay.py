"""What a search opened and closed, in its order: the tree can be grown from it again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from runner.errors import TaskError
from runner.model import (
    ROOT,
    Action,
    Decision,
    Expansion,
    Job,
    JobKind,
    Measurement,
    Outcome,
    Round,
    Snapshot,
    State,
)
from runner.store.codec import metrics_from_fields, rounds_from_fields


class Grows(Protocol):
    """The planner's tree, as far as a replay is concerned."""

    def adopt(self, job: Job) -> None:
        """Open exactly this job."""

    def settle(self, expansion: Expansion) -> object:
        """Count this completed attempt."""


class Replay:
    """Reads one run's attempts and visits, in one pass, with what it takes to grow a tree.

    The expansions lack what no decision depends on: reason, baseline, ratios, times.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        run: int,
        root: State,
        actions: Mapping[str, Action],
    ) -> None:
        self._connection = connection
        self._run = run
        self._actions = actions
        self._chosen: dict[str, tuple[Action, ...]] = {}  # by their JSON
        self._states: dict[str, State] = {ROOT: root}
        self._jobs: dict[int, Job] = {}  # by attempt, until it is closed
        self._rounds_of: dict[int, tuple[Round, ...]] = {}

    def entries(self) -> Iterator[Job | Expansion]:
        """Jobs and expansions in the order in which they were opened and closed.

        A further attempt of a job that came to nothing is a job of its own. Raises TaskError for
        an action that ``actions`` lacks.
        """
        closes = self._closes()
        close = next(closes, None)
        for row in self._connection.execute(_OPENS, (self._run,)):
            while close is not None and close[0] < row[0]:
                yield self._expansion(close)
                close = next(closes, None)
            yield self._job(row)
        while close is not None:
            yield self._expansion(close)
            close = next(closes, None)

    def pending(self) -> tuple[Job, ...]:
        """The jobs that were handed out and neither recorded nor abandoned, in their order."""
        rows = self._connection.execute(_PENDING, (self._run,)).fetchall()
        for *_, origin, against, _, _ in rows:
            for label in (origin, against):
                if label not in self._states:
                    self._states[label] = self._look_up(label)
        return tuple([self._job(row) for row in rows])

    def _look_up(self, label: str) -> State:
        row = self._connection.execute(_STATE, (self._run, label)).fetchone()
        if row is None:
            return State(label)
        commit, tree_id, *columns = row
        return State(label, Snapshot(*columns) if columns[0] else None, commit, tree_id)

    def _job(self, row: tuple[Any, ...]) -> Job:
        _, attempt, label, number, kind, origin, against, actions, expected_gain = row
        job = Job(
            _KINDS[kind],
            label,
            number,
            self._state(origin),
            self._state(against),
            self._actions_of(label, actions),
            expected_gain,
        )
        self._jobs[attempt] = job
        return job

    def _rounds(self) -> dict[int, tuple[Round, ...]]:
        """The rounds of those attempts that agents made."""
        rows = self._connection.execute(_AGENTS, (self._run,))
        return {attempt: rounds_from_fields(json.loads(details)) for attempt, details in rows}

    def _closes(self) -> Iterator[tuple[Any, ...]]:
        """Closed attempts, their metrics decoded; many at a time, as each call costs its while."""
        self._rounds_of = self._rounds()
        rows = self._connection.execute(_CLOSES, (self._run,))
        while batch := rows.fetchmany(_BATCH):
            metrics = json.loads(f"[{','.join([row[-1] for row in batch])}]")
            for row, fields in zip(batch, metrics, strict=True):
                yield (*row, fields)

    def _expansion(self, row: tuple[Any, ...]) -> Expansion:
        (_, attempt, outcome, decision, reward, gain, low, high, pairs, tag, digest,
         parent_digest, depth, size_bytes, commit, tree_id, twin, files_changed, _,
         metrics) = row  # fmt: skip
        job = self._jobs.pop(attempt)
        measurement = snapshot = None
        if gain is not None:
            measurement = Measurement(gain, low, high, pairs, metrics_from_fields(metrics))
        if tag is not None:
            snapshot = Snapshot(tag, digest, parent_digest, depth, size_bytes)
        if job.kind is JobKind.EXPAND:
            self._states[job.label] = State(job.label, snapshot, commit, tree_id)
        return Expansion(
            job, _OUTCOMES[outcome], _DECISIONS[decision], reward, "", measurement, snapshot,
            commit, tree_id, twin, files_changed, rounds=self._rounds_of.get(attempt, ()),
        )  # fmt: skip

    def _state(self, label: str) -> State:
        return self._states.get(label) or State(label)

    def _actions_of(self, label: str, text: str) -> tuple[Action, ...]:
        known = self._chosen.get(text)
        if known is None:
            keys = json.loads(text)
            for key in keys:
                if key not in self._actions:
                    raise TaskError(
                        f"action {key!r} of node {label} is not in the catalogue any more; "
                        "the run can't go on without it"
                    )
            known = self._chosen[text] = tuple([self._actions[key] for key in keys])
        return known


_BATCH = 1000
_KINDS = {kind.value: kind for kind in JobKind}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_DECISIONS = {decision.value: decision for decision in Decision}
_ATTEMPTS = """
SELECT a.opened, a.id, n.label, a.number, a.kind, a.origin, a.against, a.actions,
    a.expected_gain
FROM attempts a JOIN nodes n ON n.id = a.node
WHERE a.run = ?"""
# The first column is the place in the run's order; no two rows share it.
_OPENS = f"{_ATTEMPTS} ORDER BY a.opened"
_PENDING = f"""{_ATTEMPTS} AND a.abandoned IS NULL
    AND NOT EXISTS (SELECT 1 FROM visits v WHERE v.attempt = a.id)
ORDER BY a.opened"""
_CLOSES = """
SELECT closed, attempt, outcome, decision, reward, gain, low, high, pairs, tag, digest,
    parent_digest, depth, size_bytes, commit_id, tree_id, twin, files_changed, metrics
FROM visits
WHERE run = ? ORDER BY closed
"""
_AGENTS = """
SELECT attempt, details FROM visits WHERE run = ? AND details LIKE '%"rounds":[{%'
"""
_STATE = """
SELECT v.commit_id, v.tree_id, v.tag, v.digest, v.parent_digest, v.depth, v.size_bytes
FROM nodes n JOIN attempts a ON a.node = n.id JOIN visits v ON v.attempt = a.id
WHERE n.run = ? AND n.label = ? AND a.kind = 'expand'
"""

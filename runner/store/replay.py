"""What a search opened and closed, in its order: the tree can be grown from it again."""

from __future__ import annotations

import heapq
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
    Snapshot,
    State,
)
from runner.store.codec import metrics_from_json


class Grows(Protocol):
    """The planner's tree, as far as a replay is concerned."""

    def adopt(self, job: Job) -> None:
        """Open exactly this job."""

    def close(self, expansion: Expansion) -> object:
        """Count this completed attempt."""


class Replay:
    """Reads one run's attempts and visits, in one pass, with what it takes to grow a tree.

    The expansions lack what no decision depends on: reason, baseline, ratios, seconds.
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

    def entries(self) -> Iterator[Job | Expansion]:
        """Jobs and expansions in the order in which they were opened and closed.

        A further attempt of a job that came to nothing is a job of its own. Raises TaskError for
        an action that ``actions`` lacks.
        """
        opens = self._connection.execute(_OPENS, (self._run,))
        closes = self._connection.execute(_CLOSES, (self._run,))
        for row in heapq.merge(opens, closes):
            yield self._job(row) if row[1] == _OPEN else self._expansion(row)

    def pending(self) -> tuple[Job, ...]:
        """The jobs that were handed out and neither recorded nor abandoned, in their order."""
        for _ in self.entries():
            pass
        abandoned = self._connection.execute(
            "SELECT id FROM attempts WHERE run = ? AND abandoned IS NOT NULL", (self._run,)
        )
        given_up = {attempt for (attempt,) in abandoned}
        return tuple(job for attempt, job in self._jobs.items() if attempt not in given_up)

    def _job(self, row: tuple[Any, ...]) -> Job:
        _, _, attempt, label, number, kind, origin, against, actions, expected_gain = row
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

    def _expansion(self, row: tuple[Any, ...]) -> Expansion:
        (_, _, attempt, outcome, decision, reward, gain, low, high, pairs, metrics, tag, digest,
         parent_digest, depth, size_bytes, commit, tree_id, twin, files_changed, started_at,
         ended_at) = row  # fmt: skip
        job = self._jobs.pop(attempt)
        measurement = snapshot = None
        if gain is not None:
            measurement = Measurement(gain, low, high, pairs, metrics_from_json(metrics))
        if tag is not None:
            snapshot = Snapshot(tag, digest, parent_digest, depth, size_bytes)
        if job.kind is JobKind.EXPAND:
            self._states[job.label] = State(job.label, snapshot, commit, tree_id)
        return Expansion(
            job, _OUTCOMES[outcome], _DECISIONS[decision], reward, "", measurement, snapshot,
            commit, tree_id, twin, files_changed, started_at=started_at, ended_at=ended_at,
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


_OPEN, _CLOSE = 0, 1
_KINDS = {kind.value: kind for kind in JobKind}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_DECISIONS = {decision.value: decision for decision in Decision}
# The first column orders the merge; no two rows share it.
_OPENS = f"""
SELECT a.opened, {_OPEN}, a.id, n.label, a.number, a.kind, a.origin, a.against, a.actions,
    a.expected_gain
FROM attempts a JOIN nodes n ON n.id = a.node
WHERE a.run = ? ORDER BY a.opened
"""
_CLOSES = f"""
SELECT closed, {_CLOSE}, attempt, outcome, decision, reward, gain, low, high, pairs, metrics, tag,
    digest, parent_digest, depth, size_bytes, commit_id, tree_id, twin, files_changed,
    started_at, ended_at
FROM visits
WHERE run = ? ORDER BY closed
"""

"""What the journal can explain of a run: which attempts are open, and what nodes have come to."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from runner.model import ROOT, Decision, JobKind, Snapshot, State
from runner.store.codec import state_from_json

ROOT_ATTEMPT = f"{ROOT}-1"  # has no row: the root is tried before there is a tree


@dataclass(frozen=True, slots=True)
class KnownNode:
    """A node by its rows. ``attempts`` are the ids of all, ``open`` those of them that are neither
    counted nor abandoned. ``state`` is what the counted one has made; its snapshot is ``None``
    unless it was committed."""

    label: str
    attempts: frozenset[str] = frozenset()
    open: frozenset[str] = frozenset()
    state: State | None = None


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run by its rows. One that is ``over`` has ended and is not gone on with. The root is among
    the ``nodes``; while it isn't known, its attempt is open unless the run is over."""

    run_id: str
    over: bool
    nodes: Mapping[str, KnownNode] = field(default_factory=dict)

    @property
    def attempts(self) -> frozenset[str]:
        """The ids of all attempts that have a row, and the root's."""
        return frozenset().union(*(node.attempts for node in self.nodes.values()))

    @property
    def open(self) -> frozenset[str]:
        """The ids of the attempts that somebody will go on with."""
        if self.over:
            return frozenset()
        return frozenset().union(*(node.open for node in self.nodes.values()))


def known_run(connection: sqlite3.Connection, run: int) -> KnownRun:
    """Read what is known of a run, by its row's number."""
    run_id, status, root_state = connection.execute(
        "SELECT run_id, status, root_state FROM runs WHERE id = ?", (run,)
    ).fetchone()
    nodes = {ROOT: _root(root_state)}
    for row in connection.execute(_ATTEMPTS, (run,)):
        node = nodes.get(row[0]) or KnownNode(row[0])
        nodes[node.label] = _with_attempt(node, row)
    return KnownRun(run_id, status == "stopped", nodes)


def _root(text: str | None) -> KnownNode:
    attempts = frozenset({ROOT_ATTEMPT})
    if text is None:
        return KnownNode(ROOT, attempts, attempts)
    return KnownNode(ROOT, attempts, state=state_from_json(ROOT, text))


def _with_attempt(node: KnownNode, row: tuple[object, ...]) -> KnownNode:
    label, number, kind, abandoned, decision, commit, tree_id, *columns = row
    attempt = f"{label}-{number}"
    node = replace(node, attempts=node.attempts | {attempt})
    if decision is None:
        return node if abandoned is not None else replace(node, open=node.open | {attempt})
    if kind != JobKind.EXPAND:
        return node
    kept = decision == Decision.COMMIT and columns[0] is not None
    snapshot = Snapshot(*columns) if kept else None  # type: ignore[arg-type]
    return replace(node, state=State(str(label), snapshot, str(commit), str(tree_id)))


_ATTEMPTS = """
SELECT n.label, a.number, a.kind, a.abandoned, v.decision, v.commit_id, v.tree_id,
    v.tag, v.digest, v.parent_digest, v.depth, v.size_bytes
FROM attempts a JOIN nodes n ON n.id = a.node LEFT JOIN visits v ON v.attempt = a.id
WHERE a.run = ?
"""

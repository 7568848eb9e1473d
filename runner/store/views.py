"""Runs and nodes as they are told to people and programs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from runner.model import (
    ROOT,
    Decision,
    Measurement,
    NodeView,
    Outcome,
    RunView,
    Snapshot,
    StopReason,
)
from runner.store.codec import (
    GAIN_UNITS,
    REWARD_UNITS,
    metrics_from_fields,
    metrics_from_json,
    rounds_from_fields,
    spec_from_json,
    spending_from_fields,
    state_from_json,
    verified_from_json,
)

OPEN, COMMITTED, DISCARDED = "open", "committed", "discarded"
_STATUS = {Decision.COMMIT: COMMITTED, Decision.DISCARD: DISCARDED, Decision.ABANDON: OPEN}


def run_views(connection: sqlite3.Connection) -> Iterator[RunView]:
    """All runs without their nodes, the latest first."""
    for row in connection.execute(f"{_RUNS} ORDER BY r.run_id DESC"):
        yield _run_view(row)


def run_view(connection: sqlite3.Connection, run: int, with_nodes: bool) -> RunView:
    """One run with its nodes, the root first, in the order in which they were opened."""
    row = connection.execute(f"{_RUNS} WHERE r.id = ?", (run,)).fetchone()
    if not with_nodes:
        return _run_view(row)
    root = state_from_json(ROOT, row["root_state"])
    nodes = [_node_view(each) for each in connection.execute(_NODES, (run,))]
    if nodes:
        nodes[0] = replace(
            nodes[0],
            status=COMMITTED,
            decision=Decision.COMMIT,
            gain=0.0,
            snapshot=root.snapshot,
            commit=root.commit,
            tree_id=root.tree_id,
        )
    found = connection.execute("SELECT facts FROM verifications WHERE run = ? ORDER BY id", (run,))
    verifications = tuple(verified_from_json(each["facts"]) for each in found)
    return replace(_run_view(row), nodes=tuple(nodes), verifications=verifications)


def _run_view(row: sqlite3.Row) -> RunView:
    return RunView(
        run_id=row["run_id"],
        task=row["task"],
        target=row["target"],
        status=row["status"],
        policy=row["policy"],
        seed=row["seed"],
        workers=row["workers"],
        objective=spec_from_json(row["objective"]),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        stop=StopReason(row["stop"]) if row["stop"] else None,
        stop_detail=row["stop_detail"],
        budget=json.loads(row["budget"]),
        root_metrics=metrics_from_json(row["root_metrics"]),
        evaluations=row["evaluations"],
        best=row["best"],
        verified=verified_from_json(row["verified"]) if row["verified"] else None,
        remarks=tuple(json.loads(row["remarks"])),
        container_s=row["spent_s"],
        saved_s=row["saved_s"],
    )


def _node_view(row: sqlite3.Row) -> NodeView:
    label = row["label"]
    decision = Decision(row["decision"]) if row["decision"] else None
    details: dict[str, Any] = json.loads(row["details"]) if row["details"] else {}
    observations = row["observations"]
    return NodeView(
        label=label,
        parent=label.rpartition(".")[0],
        status=_STATUS[decision] if decision else OPEN,
        actions=tuple(json.loads(row["actions"])) if row["actions"] else (),
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        decision=decision,
        reason=row["reason"] or "",
        visits=row["visits"],
        reward_sum=row["reward_micro"] / REWARD_UNITS,
        gain=row["gain_sum"] / observations / GAIN_UNITS if observations else None,
        edge=_edge(row, details),
        expected_gain=row["expected_gain"] or 0.0,
        snapshot=_snapshot(row),
        commit=row["commit_id"] or "",
        tree_id=row["tree_id"] or "",
        twin=row["twin"] or "",
        files_changed=row["files_changed"] or 0,
        attempts=row["attempts"],
        seconds=details.get("seconds", {}),
        started_at=row["started_at"] or 0.0,
        ended_at=row["ended_at"] or 0.0,
        container_s=row["container_s"] or 0.0,
        saved_s=row["saved_s"] or 0.0,
        proof=row["proof"] or "",
        rounds=rounds_from_fields(details),
        spending=spending_from_fields(details),
    )


def _edge(row: sqlite3.Row, details: dict[str, Any]) -> Measurement | None:
    if row["gain"] is None:
        return None
    return Measurement(
        row["gain"],
        row["low"],
        row["high"],
        row["pairs"],
        metrics_from_json(row["metrics"]),
        metrics_from_fields(details.get("baseline", ())),
        tuple(details.get("ratios", ())),
    )


def _snapshot(row: sqlite3.Row) -> Snapshot | None:
    if row["tag"] is None:
        return None
    return Snapshot(
        row["tag"], row["digest"], row["parent_digest"], row["depth"], row["size_bytes"]
    )


# Every visit goes up to the root, so the root's count is the run's.
_RUNS = f"""
SELECT r.*, coalesce(n.visits, 0) AS evaluations,
    r.root_container_s
        + (SELECT coalesce(sum(container_s), 0) FROM visits WHERE run = r.id)
        + (SELECT coalesce(sum(json_extract(facts, '$.container_s')), 0) FROM verifications WHERE run = r.id)
        AS spent_s,
    (SELECT coalesce(sum(saved_s), 0) FROM visits WHERE run = r.id)
        + (SELECT coalesce(sum(json_extract(facts, '$.saved_s')), 0) FROM verifications WHERE run = r.id)
        AS saved_s
FROM runs r LEFT JOIN nodes n ON n.run = r.id AND n.label = '{ROOT}'
"""
# A node is what its expansion made of it; measuring it again adds to its gain alone.
_NODES = """
SELECT n.label, n.visits, n.reward_micro, n.observations, n.gain_sum,
    (SELECT count(*) FROM attempts c WHERE c.node = n.id) AS attempts,
    a.actions, a.expected_gain, v.outcome, v.decision, v.reason, v.gain, v.low, v.high, v.pairs,
    v.metrics, v.tag, v.digest, v.parent_digest, v.depth, v.size_bytes, v.commit_id, v.tree_id,
    v.twin, v.files_changed, v.started_at, v.ended_at, v.details, v.container_s, v.saved_s, v.proof
FROM nodes n
LEFT JOIN attempts a ON a.id = (
    SELECT id FROM attempts e WHERE e.node = n.id AND e.kind = 'expand' ORDER BY number DESC LIMIT 1
)
LEFT JOIN visits v ON v.attempt = a.id
WHERE n.run = ? ORDER BY n.id
"""

"""The JSON that ``--json`` prints: stable shapes with a schema's name in each.

A shape may gain keys within its version and never loses or changes one; ``docs/json.md`` lists
them all. Numbers that aren't known, aren't finite or don't apply are ``null``. Gains are
log-ratios; ``delta`` is ``exp(gain) - 1``. Times are Unix seconds, sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from runner.model import (
    Measurement,
    Metric,
    MetricSpec,
    NodeView,
    RunView,
    Snapshot,
    Verified,
)
from runner.report.agents import AgentFigures, agent_figures
from runner.report.figures import known
from runner.report.records import delta_of
from runner.report.verification import nearest_outcome

VERSION = 1

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a diff; ``added`` and ``removed`` are lines, ``None`` for a binary file."""

    path: str
    added: int | None
    removed: int | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that ``oppie doctor`` looked at; ``fix`` is empty where there is nothing to do."""

    name: str
    status: str  # ok, warning, error
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing that containers are promised, and whether the engine keeps it."""

    name: str
    standing: str  # holds, doesn't hold, not known
    shown: bool  # by containers, and not only said by the engine
    why: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """One object that ``oppie doctor --repair`` has judged; ``did`` is empty where it did nothing."""

    thing: str  # container, image, ref, folder, file, run
    name: str
    run_id: str
    fate: str  # adopt, reset, kill, foreign, missing
    why: str
    did: str = ""


@dataclass(frozen=True, slots=True)
class Removal:
    """One object that ``oppie gc`` removed, or would remove."""

    kind: str  # container, image, run
    name: str
    run_id: str
    size_bytes: int | None = None
    reason: str = ""


def run_to_json(view: RunView) -> Json:
    """A run with its nodes, root first, in the order in which they were opened."""
    return {
        "schema": _schema("run"),
        **_run_facts(view),
        "verifications": [_verified(found) for found in view.verifications],
        "nodes": [_node_facts(node) for node in view.nodes],
    }


def runs_to_json(views: Sequence[RunView]) -> Json:
    """Runs in the order given, without what only a single run is loaded with."""
    return {"schema": _schema("runs"), "runs": [_run_facts(view) for view in views]}


def node_to_json(node: NodeView, run_id: str = "") -> Json:
    return {"schema": _schema("node"), "run_id": run_id, **_node_facts(node)}


def diff_to_json(before: str, after: str, files: Sequence[FileChange]) -> Json:
    """What lies between two nodes, as ``git diff --numstat`` counts it."""
    return {
        "schema": _schema("diff"),
        "from": before,
        "to": after,
        "files": [
            {"path": file.path, "added": file.added, "removed": file.removed} for file in files
        ],
        "added": sum(file.added or 0 for file in files),
        "removed": sum(file.removed or 0 for file in files),
    }


def doctor_to_json(
    findings: Sequence[Finding],
    repairs: Sequence[Repair] = (),
    promises: Sequence[Promise] = (),
) -> Json:
    return {
        "schema": _schema("doctor"),
        "ok": all(finding.status != "error" for finding in findings),
        "findings": [
            {"name": each.name, "status": each.status, "found": each.found, "fix": each.fix}
            for each in findings
        ],
        "guarantees": [
            {
                "name": each.name,
                "standing": each.standing,
                "shown": each.shown,
                "why": each.why,
            }
            for each in promises
        ],
        "repairs": [
            {
                "thing": each.thing,
                "name": each.name,
                "run_id": each.run_id,
                "fate": each.fate,
                "why": each.why,
                "did": each.did,
            }
            for each in repairs
        ],
    }


def gc_to_json(removals: Sequence[Removal], *, dry_run: bool) -> Json:
    """``size_bytes`` sums the sizes that are known."""
    return {
        "schema": _schema("gc"),
        "dry_run": dry_run,
        "removed": [
            {
                "kind": each.kind,
                "name": each.name,
                "run_id": each.run_id,
                "size_bytes": each.size_bytes,
                "reason": each.reason,
            }
            for each in removals
        ],
        "size_bytes": sum(each.size_bytes or 0 for each in removals),
    }


def _schema(kind: str) -> str:
    return f"oppie.{kind}/{VERSION}"


def _run_facts(view: RunView) -> Json:
    return {
        "run_id": view.run_id,
        "task": view.task,
        "target": view.target,
        "status": view.status,
        "policy": view.policy,
        "seed": view.seed,
        "workers": view.workers,
        "objective": _objective(view.objective),
        "started_at": known(view.started_at),
        "ended_at": known(view.ended_at),
        "stop": view.stop.value if view.stop else None,
        "stop_detail": view.stop_detail,
        "budget": finite(view.budget),
        "root_metrics": _metrics(view.root_metrics),
        "evaluations": view.evaluations,
        "best": view.best,
        "verified": _verified(view.verified) if view.verified else None,
        "remarks": list(view.remarks),
        "container_s": known(view.container_s),
        "saved_s": known(view.saved_s),
        "agents": agents_to_json(agent_figures(view)),
    }


def agents_to_json(figures: AgentFigures) -> Json | None:
    """The counters of a run's agents; ``None`` for a run without them."""
    if not figures.nodes:
        return None
    return {**asdict(figures), "repeated_rate": known(figures.repeated_rate)}


def _node_facts(node: NodeView) -> Json:
    gain = known(node.gain)
    return {
        "label": node.label,
        "parent": node.parent or None,
        "status": node.status,
        "actions": list(node.actions),
        "outcome": node.outcome.value if node.outcome else None,
        "decision": node.decision.value if node.decision else None,
        "reason": node.reason,
        "visits": node.visits,
        "reward_sum": known(node.reward_sum),
        "gain": gain,
        "delta": delta_of(gain),
        "edge": _measurement(node.edge) if node.edge else None,
        "expected_gain": known(node.expected_gain),
        "snapshot": _snapshot(node.snapshot) if node.snapshot else None,
        "commit": node.commit or None,
        "tree_id": node.tree_id or None,
        "twin": node.twin or None,
        "files_changed": node.files_changed,
        "attempts": node.attempts,
        "seconds": finite(node.seconds),
        "started_at": known(node.started_at) or None,
        "ended_at": known(node.ended_at) or None,
        "container_s": known(node.container_s),
        "saved_s": known(node.saved_s),
        "proof": node.proof or None,
        "rounds": [finite(asdict(each)) for each in node.rounds],
        "spending": asdict(node.spending) if node.rounds else None,
    }


def _verified(found: Verified) -> Json:
    return {
        "label": found.label,
        "outcome": nearest_outcome(found.verdict).value,
        "measurement": _measurement(found.measurement) if found.measurement else None,
        "reason": found.reason,
        "branch": found.branch or None,
        "patch": found.patch or None,
        "verdict": found.verdict.value,
        "claimed": known(found.claimed),
        "container_s": known(found.container_s),
        "saved_s": known(found.saved_s),
    }


def _measurement(measurement: Measurement) -> Json:
    gain = known(measurement.gain)
    return {
        "gain": gain,
        "low": known(measurement.low),
        "high": known(measurement.high),
        "delta": delta_of(gain),
        "pairs": measurement.pairs,
        "metrics": _metrics(measurement.metrics),
        "baseline": _metrics(measurement.baseline),
        "ratios": [known(ratio) for ratio in measurement.ratios],
    }


def _objective(objective: MetricSpec) -> Json:
    return {"name": objective.name, "goal": objective.goal.value, "unit": objective.unit}


def _metrics(metrics: Sequence[Metric]) -> list[Json]:
    return [
        {"name": metric.name, "value": known(metric.value), "unit": metric.unit}
        for metric in metrics
    ]


def _snapshot(snapshot: Snapshot) -> Json:
    return {
        "tag": snapshot.tag,
        "digest": snapshot.digest,
        "parent_digest": snapshot.parent_digest or None,
        "depth": snapshot.depth,
        "size_bytes": snapshot.size_bytes,
    }


def finite(facts: Mapping[str, object]) -> Json:
    """``facts`` with every float that isn't finite replaced by ``None``, at any depth."""
    return {str(key): _finite(value) for key, value in facts.items()}


def _finite(value: object) -> object:
    match value:
        case float():
            return known(value)
        case Mapping():
            return finite(value)
        case list() | tuple():
            return [_finite(each) for each in value]
        case None | bool() | int() | str():
            return value
        case _:
            return str(value)

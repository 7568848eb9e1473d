"""A plausible run, made from a seed: the same nodes as a ``RunView`` and as a stream of events."""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass, replace

from runner.model import (
    ROOT,
    Action,
    Closed,
    Decision,
    Event,
    Expansion,
    Goal,
    Job,
    JobKind,
    Measurement,
    Metric,
    MetricSpec,
    NodeView,
    Outcome,
    Phase,
    RunView,
    Selected,
    Snapshot,
    State,
    Stopped,
    StopReason,
    Verdict,
    Verified,
)

START = 1_760_000_000.0
OBJECTIVE = MetricSpec("vst_commit_us", Goal.MIN, "us")
ROOT_US = 358.9
ROOT_BYTES = 41_000.0
KEYS = (
    "batch-writes", "cache-tree-hash", "drop-fsync", "edit-benchmark", "hash-once", "inline-walk",
    "lazy-diff", "mmap-blobs", "no-copy", "pack-objects", "pool-buffers", "skip-unchanged",
    "sort-once", "zlib-level-1",
)  # fmt: skip
# Outcomes in the order in which attempts come back; the search's first tries are mostly poor.
_SCRIPT = [
    "neutral",
    "failed",
    "improved",
    "regressed",
    "improved",
    "rejected",
    "duplicate",
    "improved",
    "failed",
    "timeout",
    "improved",
    "neutral",
    "tampered",
    "improved",
    "rejected",
    "regressed",
    "improved",
    "duplicate",
    "oom",
    "improved",
    "neutral",
    "failed",
    "improved",
    "disk",
    "regressed",
    "improved",
    "neutral",
    "rejected",
    "improved",
]
_REASONS = {
    Outcome.FAILED: "check tests exited with 1: FAILED tests/test_restore.py::test_round_trip",
    Outcome.TIMEOUT: "the benchmark hit its time limit",
    Outcome.OOM: "the action hit the memory limit",
    Outcome.DISK: "the action hit the disk limit",
    Outcome.TAMPERED: "protected files changed: bench/run.py",
    Outcome.DUPLICATE: "the same source tree as A.1",
}
_DISCARDED = frozenset(_REASONS) | {Outcome.REJECTED}


@dataclass(frozen=True, slots=True)
class Story:
    """A run as it ended, and the events that led there with their times."""

    view: RunView
    events: tuple[tuple[float, Event], ...]


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def snapshot(label: str, parent: str = "") -> Snapshot:
    depth = 3 + label.count(".")
    return Snapshot(
        f"oppie/run:{label}", digest(label), digest(parent), depth, 180_000 + 9_000 * depth
    )


def state(label: str, parent: str = "") -> State:
    commit = digest(f"commit {label}")[7:47]
    return State(label, snapshot(label, parent), commit, digest(f"tree {label}")[7:47])


def measurement(gain: float, half_width: float, baseline_us: float, pairs: int = 8) -> Measurement:
    ratios = tuple(gain + half_width * math.cos(number) for number in range(pairs))
    value_us = baseline_us * math.exp(-gain)
    return Measurement(
        gain,
        gain - half_width,
        gain + half_width,
        pairs,
        (Metric("vst_commit_us", value_us, "us"), Metric("io_bytes_per_commit", ROOT_BYTES * 0.6)),
        (Metric("vst_commit_us", baseline_us, "us"), Metric("io_bytes_per_commit", ROOT_BYTES)),
        ratios,
    )


def empty_view(nodes: int = 30, workers: int = 2) -> RunView:
    """The run before its first event."""
    return RunView(
        run_id="20251009-085320-k3f9",
        task="helios",
        target="/home/me/helios",
        status="running",
        policy="frontier",
        seed=7,
        workers=workers,
        objective=OBJECTIVE,
        started_at=START,
        budget={
            "nodes": nodes,
            "wall_time_s": 600.0,
            "snapshot_bytes": 1 << 30,
            "target": "vst_commit_us < 70",
        },
    )


def story(nodes: int = 30, seed: int = 7, workers: int = 2) -> Story:
    """A run of ``nodes`` nodes, the root among them."""
    rng = random.Random(seed)
    made: dict[str, NodeView] = {ROOT: _root_view(0)}
    children: dict[str, int] = {}
    free_at = [START + 5.0] * workers
    expansions: list[Expansion] = []
    for number in range(nodes - 1):
        started_at = min(free_at)
        parent = _parent(rng, [node for node in made.values() if node.ended_at <= started_at])
        children[parent] = children.get(parent, 0) + 1
        label = f"{parent}.{children[parent]}"
        outcome = Outcome(_SCRIPT[number % len(_SCRIPT)])
        expansion = _expansion(rng, made, label, parent, outcome, started_at)
        made[label] = _view(expansion, made[parent].gain or 0.0)
        free_at[free_at.index(started_at)] = expansion.ended_at + 0.2
        expansions.append(expansion)
    closings = _closings(expansions, made)
    events = [event for closed in closings for event in _events(closed)]
    events.sort(key=lambda event: event[0])
    stop = Stopped(StopReason.NODES, f"{nodes - 1} of {nodes - 1} evaluations")
    view = _finished(made, closings, stop, max(free_at) + 12.0, workers)
    return Story(view, (*events, (max(free_at), stop)))


def _closings(expansions: list[Expansion], made: dict[str, NodeView]) -> list[Closed]:
    best = ROOT
    closings = []
    for expansion in sorted(expansions, key=lambda each: each.ended_at):
        label = expansion.job.label
        gain = made[label].gain or 0.0
        if expansion.decision is Decision.COMMIT and gain > (made[best].gain or 0.0):
            best = label
        closings.append(Closed(expansion, expansion.reward or 0.0, _path(label), best))
    return closings


def _finished(
    made: dict[str, NodeView],
    closings: list[Closed],
    stop: Stopped,
    ended_at: float,
    workers: int,
) -> RunView:
    visits: dict[str, int] = {}
    rewards: dict[str, float] = {}
    for closed in closings:
        for label in closed.path:
            visits[label] = visits.get(label, 0) + 1
            rewards[label] = rewards.get(label, 0.0) + closed.reward
    best = closings[-1].best if closings else ROOT
    gain = 0.97 * (made[best].gain or 0.0)
    return replace(
        empty_view(len(closings), workers),
        status="stopped",
        ended_at=ended_at,
        stop=stop.reason,
        stop_detail=stop.detail,
        evaluations=len(closings),
        best=best,
        root_metrics=(
            Metric("vst_commit_us", ROOT_US, "us"),
            Metric("io_bytes_per_commit", ROOT_BYTES),
        ),
        verified=Verified(
            best,
            Verdict.IMPROVED,
            measurement(gain, 0.03, ROOT_US, 16),
            branch=f"oppie/20251009-085320-k3f9/{best}",
            patch="/home/me/.oppie/runs/20251009-085320-k3f9/best.patch",
        ),
        nodes=tuple(
            replace(node, visits=visits.get(label, 0), reward_sum=rewards.get(label, 0.0))
            for label, node in made.items()
        ),
    )


def _root_view(visits: int) -> NodeView:
    root = state(ROOT)
    return NodeView(
        ROOT, "", "committed", outcome=Outcome.NEUTRAL, decision=Decision.COMMIT, visits=visits,
        gain=0.0, snapshot=root.snapshot, commit=root.commit, tree_id=root.tree_id,
        started_at=START, ended_at=START + 4.8,
    )  # fmt: skip


def _parent(rng: random.Random, known: list[NodeView]) -> str:
    kept = [node for node in known if node.decision is Decision.COMMIT]
    best = max(kept, key=lambda node: node.gain or 0.0)
    return best.label if rng.random() < 0.5 else rng.choice(kept).label


def _path(label: str) -> tuple[str, ...]:
    parts = label.split(".")
    return tuple(".".join(parts[: end + 1]) for end in range(len(parts)))


_GAINS = {
    Outcome.IMPROVED: (0.06, 0.45),
    Outcome.NEUTRAL: (-0.01, 0.02),
    Outcome.REGRESSED: (-0.1, -0.04),
    Outcome.REJECTED: (-0.6, -0.12),
}


def _expansion(
    rng: random.Random,
    made: dict[str, NodeView],
    label: str,
    parent: str,
    outcome: Outcome,
    started_at: float,
) -> Expansion:
    origin = replace(state(parent), snapshot=made[parent].snapshot)
    keys = rng.sample(KEYS, 2 if rng.random() < 0.15 else 1)
    actions = tuple(Action(key) for key in keys)
    job = Job(JobKind.EXPAND, label, 1, origin, origin, actions, round(rng.uniform(0, 0.3), 3))
    measured = None
    if outcome in _GAINS:
        gain = rng.uniform(*_GAINS[outcome])
        half = rng.uniform(0.01, 0.03) if outcome is not Outcome.NEUTRAL else 0.03
        measured = measurement(gain, half, ROOT_US * math.exp(-(made[parent].gain or 0.0)))
    decision = Decision.DISCARD if outcome in _DISCARDED else Decision.COMMIT
    seconds = {
        "act": round(rng.uniform(0.3, 1.2), 3),
        "evidence": 0.12,
        "commit": 0.06,
        "check": round(rng.uniform(0.5, 2.0), 3),
        "benchmark": round(rng.uniform(1.5, 4.0), 3) if measured else 0.0,
    }
    here = state(label, parent)
    return Expansion(
        job, outcome, decision, _reward(outcome, measured), _REASONS.get(outcome, ""), measured,
        here.snapshot if decision is Decision.COMMIT else None, here.commit, here.tree_id,
        "A.1" if outcome is Outcome.DUPLICATE else "", rng.randint(1, 4), seconds,
        started_at, started_at + sum(seconds.values()),
    )  # fmt: skip


def _reward(outcome: Outcome, measured: Measurement | None) -> float | None:
    if outcome is Outcome.DUPLICATE:
        return None
    if outcome is Outcome.IMPROVED and measured is not None:
        return measured.delta
    return {Outcome.NEUTRAL: 0.0, Outcome.REGRESSED: -0.5}.get(outcome, -1.0)


def _view(expansion: Expansion, parent_gain: float) -> NodeView:
    job, measured = expansion.job, expansion.measurement
    return NodeView(
        job.label, job.origin.label,
        "committed" if expansion.decision is Decision.COMMIT else "discarded",
        tuple(action.key for action in job.actions), expansion.outcome, expansion.decision,
        expansion.reason, 1, expansion.reward or 0.0,
        parent_gain + measured.gain if measured else None, measured, job.expected_gain,
        expansion.snapshot, expansion.commit, expansion.tree_id, expansion.twin,
        expansion.files_changed, 1, expansion.seconds, expansion.started_at, expansion.ended_at,
    )  # fmt: skip


def _events(closed: Closed) -> list[tuple[float, Event]]:
    expansion = closed.expansion
    job, at = expansion.job, expansion.started_at
    acted = at + expansion.seconds["act"]
    return [
        (at, Selected(job, f"oppie/run:{job.label}")),
        (at + 0.1, Phase(job.label, "container.started", {"container": "c", "image": "i"})),
        (
            acted,
            Phase(job.label, "action.finished", {"exit": "ok", "code": 0, "seconds": acted - at}),
        ),
        (acted + 0.2, Phase(job.label, "snapshot.committed", {"tag": f"oppie/run:{job.label}"})),
        (acted + 0.3, Phase(job.label, "check.started", {"check": "tests"})),
        (expansion.ended_at, closed),
    ]

"""Events as flat records with a name and scalar fields: the one place that knows what they say.

``EVENTS`` lists every record and its fields, in order; a ``Phase`` called ``x.y`` becomes
``mcts.x.y`` with the node and the phase's own facts. The event log, the JSON display and
``docs/events.md`` all follow from here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from runner.model import (
    Closed,
    Decision,
    Event,
    Job,
    JobKind,
    Measurement,
    Phase,
    Retried,
    RunView,
    Selected,
    Stopped,
    Verified,
)
from runner.report.budget import limits_of
from runner.report.figures import known
from runner.report.moment import LiveState
from runner.report.text import clean

FACT_LIMIT = 32
TEXT_LIMIT = 500
LIST_LIMIT = 200

Field = str | int | float | bool | None | list[str] | list[int] | dict[str, float | None]

_GAIN = ("gain", "gain_low", "gain_high", "delta", "pairs")
EVENTS: Mapping[str, tuple[str, ...]] = {
    "mcts.run.started": (
        *("task", "target", "policy", "seed", "workers", "objective", "goal", "unit"),
        *("budget_nodes", "budget_wall_time_s", "budget_container_s", "budget_snapshot_bytes"),
        *("budget_target", "resumed", "evaluations"),
    ),
    "mcts.node.selected": (
        *("node", "attempt", "kind", "action", "parent", "parent_snapshot"),
        *("target_snapshot", "against", "expected_improvement"),
    ),
    "mcts.node.evaluated": (
        *("node", "attempt", "kind", "outcome", "decision", "reason", "reward", *_GAIN),
        *("against", "metrics", "files_changed", "twin", "duration_s", "best"),
        *("container_s", "saved_s", "proof"),
    ),
    "mcts.node.committed": (
        *("node", "attempt", "snapshot", "digest", "parent_digest", "depth", "size_bytes"),
        *("commit", "tree_id"),
    ),
    "mcts.node.discarded": ("node", "attempt", "outcome", "reason", "commit"),
    "mcts.node.backtracked": ("node", "to", "outcome"),
    "mcts.node.backpropagated": ("node", "path", "reward", "visits"),
    "mcts.node.retried": ("node", "attempt", "reason", "delay_s"),
    "mcts.run.stopped": ("reason", "detail", "evaluations", "best"),
    "mcts.run.verified": (
        *("node", "verdict", "reason", *_GAIN, "metrics", "baseline", "branch", "patch"),
        *("claimed", "container_s", "saved_s"),
    ),
}
# Fields of every record, and names that structlog's rendering for people takes for its own.
_RESERVED = frozenset(
    {"event", "timestamp", "level", "run", "node", "logger", "logger_name"}
    | {"exc_info", "exception", "stack", "stack_info"}
)


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the event log. ``warns`` marks what a person should look at."""

    name: str
    fields: Mapping[str, Field]
    warns: bool = False


def started(view: RunView) -> Record:
    """The first record of a process that works on a run."""
    limits = limits_of(view.budget)
    objective = view.objective
    return _record(
        "mcts.run.started",
        *(_text(view.task), _text(view.target), _text(view.policy), view.seed, view.workers),
        *(_text(objective.name), objective.goal.value, _text(objective.unit)),
        *(limits.nodes, known(limits.wall_time_s), known(limits.container_s)),
        *(limits.snapshot_bytes, limits.target, view.evaluations > 0, view.evaluations),
    )


def verified(found: Verified) -> Record:
    """The record of a candidate that was measured again in a clean room."""
    measurement = found.measurement
    return _record(
        "mcts.run.verified",
        *(found.label, found.verdict.value, _text(found.reason), *_gain(measurement)),
        *(_metrics(measurement), _metrics(measurement, baseline=True)),
        *(_text(found.branch), _text(found.patch)),
        *(known(found.claimed), known(found.container_s), known(found.saved_s)),
    )


def records(event: Event, after: LiveState) -> Iterator[Record]:
    """What ``event`` says, one record per fact; ``after`` is the state that it led to."""
    match event:
        case Selected():
            yield _selected(event)
        case Phase(label=label, name=name, facts=facts):
            yield Record(f"mcts.{clean(name, 60)}", {"node": label, **scalars(facts)})
        case Closed():
            yield from _closed(event, after)
        case Retried(job=job, reason=reason, delay_s=delay_s):
            yield _record(
                "mcts.node.retried",
                *(job.label, job.attempt_id, _text(reason), known(delay_s)),
                warns=True,
            )
        case Stopped(reason=reason, detail=detail):
            yield _record(
                "mcts.run.stopped",
                *(reason.value, _text(detail), after.evaluations, after.best),
            )
        case _:
            assert_never(event)


def scalars(facts: Mapping[str, object]) -> dict[str, Field]:
    """The first ``FACT_LIMIT`` scalar facts, bounded and visible; what isn't a scalar is left out.

    A fact that is called like a field of every record gets an underscore behind its name.
    """
    kept: dict[str, Field] = {}
    for name, value in facts.items():
        key = clean(name, 60)
        key = f"{key}_" if key in _RESERVED else key
        match value:
            case None | bool() | int():
                kept[key] = value
            case float():
                kept[key] = known(value)
            case str():
                kept[key] = _text(value)
            case _:
                continue
        if len(kept) == FACT_LIMIT:
            break
    return kept


def action_of(job: Job) -> str:
    """The job's action keys as one text; several are one edge of the tree."""
    return " + ".join(clean(action.key, 120) for action in job.actions)


def _selected(event: Selected) -> Record:
    job = event.job
    origin = job.origin.snapshot
    return _record(
        "mcts.node.selected",
        *(job.label, job.attempt_id, job.kind.value, _text(action_of(job)), job.origin.label),
        *(origin.tag if origin else "", _text(event.target_tag), job.against.label),
        delta_of(known(job.expected_gain)),
    )


def _closed(event: Closed, after: LiveState) -> Iterator[Record]:
    expansion = event.expansion
    job, outcome = expansion.job, expansion.outcome.value
    yield _record(
        "mcts.node.evaluated",
        *(job.label, job.attempt_id, job.kind.value, outcome, expansion.decision.value),
        *(_text(expansion.reason), known(event.reward), *_gain(expansion.measurement)),
        *(job.against.label, _metrics(expansion.measurement), expansion.files_changed),
        *(expansion.twin, known(expansion.ended_at - expansion.started_at), event.best),
        *(known(expansion.container_s), known(expansion.saved_s), _text(expansion.proof)),
    )
    snapshot = expansion.snapshot
    if job.kind is JobKind.EXPAND and expansion.decision is Decision.COMMIT and snapshot:
        yield _record(
            "mcts.node.committed",
            *(job.label, job.attempt_id, snapshot.tag, snapshot.digest, snapshot.parent_digest),
            *(snapshot.depth, snapshot.size_bytes, expansion.commit, expansion.tree_id),
        )
    if job.kind is JobKind.EXPAND and expansion.decision is Decision.DISCARD:
        values = (job.label, job.attempt_id, outcome, _text(expansion.reason), expansion.commit)
        yield _record("mcts.node.discarded", *values)
        yield _record("mcts.node.backtracked", job.label, job.origin.label, outcome)
    path = list(event.path[:LIST_LIMIT])
    visits = [after.nodes[label].visits for label in path]
    yield _record("mcts.node.backpropagated", job.label, path, known(event.reward), visits)


def _record(event_name: str, *values: Field, warns: bool = False) -> Record:
    return Record(event_name, dict(zip(EVENTS[event_name], values, strict=True)), warns)


def _gain(measurement: Measurement | None) -> tuple[float | None, ...]:
    if measurement is None:
        return (None, None, None, None, None)
    gain, low, high = known(measurement.gain), known(measurement.low), known(measurement.high)
    return (gain, low, high, delta_of(gain), measurement.pairs)


def delta_of(gain: float | None) -> float | None:
    """``exp(gain) - 1``, or ``None`` where that isn't a finite number."""
    if gain is None:
        return None
    try:
        return known(math.expm1(gain))
    except OverflowError:
        return None


def _metrics(measurement: Measurement | None, *, baseline: bool = False) -> dict[str, float | None]:
    if measurement is None:
        return {}
    metrics = measurement.baseline if baseline else measurement.metrics
    return {clean(metric.name, 60): known(metric.value) for metric in metrics[:LIST_LIMIT]}


def _text(text: str) -> str:
    return clean(text, TEXT_LIMIT)

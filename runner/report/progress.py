"""What is known of a running search, as a pure function of its events.

``begin`` makes the state from a run as it stands (a resumed one has nodes already), ``advance``
makes the next state from an event. Nothing here looks at a clock or a terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import assert_never

from runner.model import (
    ROOT,
    Closed,
    Decision,
    Event,
    Expansion,
    Job,
    JobKind,
    NodeView,
    Phase,
    Retried,
    RunView,
    Selected,
    Stopped,
)
from runner.report.estimate import AT_ROOT, estimate
from runner.report.figures import find_metric
from runner.report.moment import RATE_WINDOW, RECENT, Aside, LiveNode, LiveState, Work
from runner.report.phases import EVICTED


def begin(view: RunView, now: float) -> LiveState:
    """The state before the first event of this process."""
    views = {node.label: node for node in view.nodes}
    root_metric = find_metric(view.root_metrics, view.objective.name)
    root = LiveNode(ROOT, "", estimate=AT_ROOT, value=root_metric.value if root_metric else None)
    nodes = {ROOT: root}
    for node in view.nodes:
        if node.label == ROOT:
            nodes[ROOT] = replace(root, visits=node.visits)
        else:
            nodes[node.label] = _resumed(node, views, view.objective.name)
    return LiveState(
        run_id=view.run_id,
        task=view.task,
        policy=view.policy,
        seed=view.seed,
        objective=view.objective,
        began_at=now,
        elapsed_before_s=_busy_s(view),
        root_value=root.value,
        nodes=nodes,
        slots=(None,) * max(view.workers, 1),
        best=view.best,
        evaluations=view.evaluations,
        outcomes=Counter(node.outcome for node in nodes.values() if node.outcome is not None),
        snapshot_bytes=sum(node.snapshot.size_bytes for node in view.nodes if node.snapshot),
        container_s=view.container_s,
        saved_s=view.saved_s,
    )


def _busy_s(view: RunView) -> float:
    """Seconds in which at least one attempt ran: what a resumed run took before it was resumed."""
    busy_s, until = 0.0, 0.0
    for node in sorted(view.nodes, key=lambda node: node.started_at):
        busy_s += max(node.ended_at - max(node.started_at, until), 0.0)
        until = max(until, node.ended_at)
    return busy_s


def _resumed(node: NodeView, views: Mapping[str, NodeView], objective: str) -> LiveNode:
    metric = find_metric(node.edge.metrics, objective) if node.edge else None
    return LiveNode(
        label=node.label,
        parent=node.parent,
        actions=node.actions,
        outcome=node.outcome,
        visits=node.visits,
        estimate=estimate(views, node.label),
        measurements=1 if node.edge else 0,
        value=metric.value if metric else None,
        twin=node.twin,
    )


def advance(state: LiveState, event: Event, now: float) -> LiveState:
    """The state after ``event``, which happened at ``now``."""
    match event:
        case Selected(job=job):
            return _selected(state, job, now)
        case Phase():
            return _phase(state, event, now)
        case Closed():
            return _closed(state, event, now)
        case Retried(job=job, delay_s=delay_s):
            return _at_work(
                replace(state, retries=state.retries + 1),
                job.label,
                lambda _: Work(job, since=now, retry_at=now + delay_s),
            )
        case Stopped():
            return state
        case _:
            assert_never(event)


def _selected(state: LiveState, job: Job, now: float) -> LiveState:
    nodes = state.nodes
    if job.kind is JobKind.EXPAND and job.label not in nodes:
        keys = tuple(action.key for action in job.actions)
        nodes = {**nodes, job.label: LiveNode(job.label, job.origin.label, keys)}
    slots = list(state.slots)
    free = next((at for at, work in enumerate(slots) if work is None), None)
    work = Work(job, since=now)
    if free is None:
        slots.append(work)
    else:
        slots[free] = work
    return replace(
        state,
        nodes=nodes,
        slots=tuple(slots),
        aside=None,
        selecting_at=now if state.selecting_at is None else state.selecting_at,
    )


def _phase(state: LiveState, phase: Phase, now: float) -> LiveState:
    name, facts = phase.name, phase.facts
    if name == EVICTED:  # the planner's own doing, beside the workers'
        return state
    if not any(work is not None and work.job.label == phase.label for work in state.slots):
        return replace(state, aside=Aside(phase.label, name, now, facts))
    return _at_work(
        state,
        phase.label,
        lambda work: replace(work, phase=name, facts=facts, since=now, retry_at=None),
    )


def _at_work(state: LiveState, label: str, change: Callable[[Work], Work | None]) -> LiveState:
    slots = tuple(
        change(work) if work is not None and work.job.label == label else work
        for work in state.slots
    )
    return replace(state, slots=slots)


def _closed(state: LiveState, closed: Closed, now: float) -> LiveState:
    expansion = closed.expansion
    job = expansion.job
    nodes = dict(state.nodes)
    for label in closed.path:
        node = nodes.get(label) or LiveNode(label, label.rpartition(".")[0])
        nodes[label] = replace(node, visits=node.visits + 1)
    nodes[job.label] = _measured(state, nodes, expansion)
    recent = (job.label, *(label for label in state.recent if label != job.label))[:RECENT]
    outcome = expansion.outcome
    outcomes = {**state.outcomes, outcome: state.outcomes.get(outcome, 0) + 1}
    return replace(
        _at_work(state, job.label, lambda _: None),
        nodes=nodes,
        best=closed.best,
        recent=recent,
        finishes=(*state.finishes, now)[-RATE_WINDOW:],
        evaluations=state.evaluations + 1,
        outcomes=outcomes if job.kind is JobKind.EXPAND else state.outcomes,
        root_value=_root_value(state, expansion),
        snapshot_bytes=state.snapshot_bytes + _kept_bytes(expansion),
        container_s=state.container_s + expansion.container_s,
        saved_s=state.saved_s + expansion.saved_s,
    )


def _kept_bytes(expansion: Expansion) -> int:
    new = expansion.job.kind is JobKind.EXPAND and expansion.decision is Decision.COMMIT
    return expansion.snapshot.size_bytes if new and expansion.snapshot else 0


def _root_value(state: LiveState, expansion: Expansion) -> float | None:
    """The root's value, from the first comparison with it where it wasn't known before."""
    measurement = expansion.measurement
    if state.root_value is not None or measurement is None or expansion.job.against.label != ROOT:
        return state.root_value
    metric = find_metric(measurement.baseline, state.objective.name)
    return metric.value if metric else None


def _measured(state: LiveState, nodes: Mapping[str, LiveNode], expansion: Expansion) -> LiveNode:
    """The node with its new measurement, which is relative to what it was measured against."""
    job = expansion.job
    node = nodes.get(job.label) or LiveNode(job.label, job.origin.label)
    if job.kind is JobKind.EXPAND:
        node = replace(node, outcome=expansion.outcome, twin=expansion.twin)
    if expansion.measurement is None:
        return node
    metric = find_metric(expansion.measurement.metrics, state.objective.name)
    node = replace(node, value=metric.value if metric is not None else node.value)
    other = nodes.get(job.against.label)
    if other is None or other.estimate is None:
        return node
    found = other.estimate.then(expansion.measurement)
    if node.estimate is not None:
        found = node.estimate.pooled(found, max(node.measurements, 1))
    return replace(node, estimate=found, measurements=node.measurements + 1)

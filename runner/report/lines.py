"""Events as plain lines, for logs and pipes: one line each, the time since the start in front."""

from __future__ import annotations

from typing import assert_never

from runner.model import Closed, Event, JobKind, Phase, Retried, RunView, Selected, Stopped
from runner.report.budget import limits_of
from runner.report.figures import (
    clock_time,
    count,
    duration,
    gain_with_interval,
    interval,
    number,
    percent,
)
from runner.report.glyphs import outcome_sign
from runner.report.moment import LiveState
from runner.report.phases import REMARK, REPETITION, happened, remark_of
from runner.report.records import action_of
from runner.report.text import clean


def opening_line(view: RunView) -> str:
    """What is searched, how, and what ends it."""
    parts = [
        f"{clean(view.task, 60)}: run {clean(view.run_id, 60)}",
        f"policy {clean(view.policy, 30)}, seed {view.seed}, {count(view.workers, 'worker')}",
        f"budget {limits_of(view.budget).words()}",
    ]
    if view.evaluations:
        parts.append(f"resumed after {count(view.evaluations, 'evaluation')}")
    return "; ".join(parts)


def event_line(event: Event, after: LiveState, now: float) -> str:
    """One line that says what ``event`` was; ``after`` is the state that it led to.

    It is empty for an event that isn't worth a line: one repetition of a benchmark among many.
    """
    if isinstance(event, Phase) and event.name == REPETITION:
        return ""
    return f"[{clock_time(after.elapsed_s(now))}] {_said(event, after)}"


def best_line(state: LiveState) -> str:
    """``A.3.1 est. +40.2 % [+35.0, +45.9] vst_commit_us 70.1 us (root 98.3)``."""
    node = state.nodes.get(state.best)
    if node is None or state.best not in state.nodes or not node.parent:
        return "none better than the root yet"
    gained = "gain not measured"
    if node.estimate is not None:
        found = node.estimate
        gained = f"est. {percent(found.gain)} {interval(found.low, found.high)}"
    objective = state.objective
    unit = f" {clean(objective.unit, 16)}" if objective.unit else ""
    value = f"{clean(objective.name, 40)} {number(node.value)}{unit}"
    return f"{node.label} {gained} {value} (root {number(state.root_value)})"


def _said(event: Event, after: LiveState) -> str:
    match event:
        case Selected(job=job) if job.kind is JobKind.REMEASURE:
            return f"{job.label} measured again, against {job.against.label}"
        case Selected(job=job):
            said = f"{job.label} try {action_of(job)} at {job.origin.label}"
            return f"{said}, expecting {percent(job.expected_gain)}" if job.expected_gain else said
        case Phase(name=name, facts=facts) if name == REMARK:
            return f"note: {remark_of(facts)}"
        case Phase(label=label, name=name, facts=facts):
            return f"{label} {happened(name, facts)}"
        case Closed():
            return _closed(event)
        case Retried(job=job, reason=reason, delay_s=delay_s):
            why = clean(reason)
            return f"{job.label} engine trouble, attempt {job.number} in {duration(delay_s)}: {why}"
        case Stopped(reason=reason, detail=detail):
            detail = f" ({clean(detail)})" if detail else ""
            done = count(after.evaluations, "evaluation")
            return f"stopped: {reason.value}{detail}; {done}; best {best_line(after)}"
        case _:
            assert_never(event)


def _closed(event: Closed) -> str:
    expansion = event.expansion
    parts = [f"{expansion.job.label} {outcome_sign(expansion.outcome).word}"]
    if expansion.measurement is not None:
        against = expansion.job.against.label
        parts.append(f"{gain_with_interval(expansion.measurement)} against {against}")
    if expansion.twin:
        parts.append(f"same as {expansion.twin}")
    if expansion.reason:
        parts.append(clean(expansion.reason))
    line = f"{', '.join(parts)}; {expansion.decision.value}, reward {event.reward:+.3f}"
    return f"{line}; best so far" if event.best == expansion.job.label else line

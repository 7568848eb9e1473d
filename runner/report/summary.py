"""What a finished search says in the end: what was verified, why it stopped, what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from rich.text import Text

from runner.model import ROOT, Measurement, RunView, StopReason, Verdict
from runner.report.agents import agent_figures, figures_words
from runner.report.figures import (
    count,
    duration,
    factor,
    find_metric,
    interval,
    metric_value,
    percent,
)
from runner.report.text import clean
from runner.report.verification import (
    containers_words,
    is_improvement,
    meaning,
    numbers_of,
    remarks_of,
    style_of,
)

_NAME_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Places:
    """Where the results lie; an empty text is left out. ``run_argument`` is what the next commands
    need to find this run, such as ``--run 2025-x``; empty if it is the latest."""

    report: str = ""
    events: str = ""
    run_argument: str = ""


def render_summary(view: RunView, places: Places = Places()) -> Text:
    """The summary of ``view`` as styled text; its ``plain`` is the text alone."""
    text = Text()
    _append_result(text, view)
    measurement = view.verified.measurement if view.verified else None
    if measurement is not None:
        _append_metrics(text, view, measurement)
    if len(view.verifications) > 1:
        _append_verifications(text, view)
    text.append("\n")
    for name, value in _facts(view, places):
        text.append(f"  {name:<{_NAME_WIDTH}}", "dim")
        text.append(f"{value}\n")
    commands = _next_commands(view, places)
    if commands:
        text.append("\nNext:\n")
        width = max(len(command) for command, _ in commands)
        for command, why in commands:
            text.append(f"  {command:<{width}}", "bold")
            text.append(f"  {why}\n", "dim")
    return text


def stop_words(reason: StopReason, detail: str = "") -> str:
    """Why a search ended, in a sentence's words, such as ``the budget of nodes is spent (60)``."""
    said = _reason_words(reason)
    return f"{said} ({clean(detail)})" if detail else said


def _reason_words(reason: StopReason) -> str:
    match reason:
        case StopReason.NODES:
            return "the budget of nodes is spent"
        case StopReason.TIME:
            return "the budget of time is spent"
        case StopReason.BYTES:
            return "the budget of snapshot bytes is spent"
        case StopReason.TARGET:
            return "the target was met"
        case StopReason.EXHAUSTED:
            return "there was nothing left to try"
        case StopReason.INTERRUPTED:
            return "it was interrupted, and can be resumed"
        case StopReason.CONTAINERS:
            return "the budget of container time is spent"
        case StopReason.COST:
            return "the budget of money is spent"
        case StopReason.ENVIRONMENT:
            return "the container engine kept failing; it can be resumed"
        case StopReason.ROOT_FAILS:
            return "the untouched target fails"
        case _:
            assert_never(reason)


def _append_result(text: Text, view: RunView) -> None:
    found = view.verified
    if found is None:
        candidate = "" if view.best == ROOT else f" By estimate, the best so far is {view.best}."
        text.append(f"Nothing was verified.{candidate}\n", "bold yellow")
        return
    measurement, reason = found.measurement, clean(found.reason, 400)
    if measurement is not None and is_improvement(found):
        gain = measurement.gain
        said = f"Verified: {found.label} is {percent(gain)} better than the root ({factor(gain)})"
        text.append(f"{said}\n", "bold green")
        text.append(f"  {_evidence(measurement)}\n")
        text.append(f"  {reason}\n" if reason else "")
        return
    text.append("No improvement was verified.\n", "bold yellow")
    said = f"The best candidate, {found.label}, came out as {found.verdict}"
    text.append(f"  {said}{': ' if reason else ''}{reason}\n")
    if measurement is not None:
        gained = percent(measurement.gain)
        text.append(f"  {gained} against the root, {_evidence(measurement)}\n")
    if found.verdict is not Verdict.IMPROVED:
        text.append(f"  That means: {meaning(found.verdict)}.\n", "dim")


def _append_verifications(text: Text, view: RunView) -> None:
    """A line for each candidate that was measured again, whatever came of it."""
    text.append("\nMeasured again, each in a clean room:\n")
    labels = max(len(found.label) for found in view.verifications)
    verdicts = max(len(found.verdict) for found in view.verifications)
    for found in view.verifications:
        text.append(f"  {found.label:<{labels}}  ")
        text.append(f"{found.verdict:<{verdicts}}", style_of(found.verdict))
        text.append(f"  {', '.join(numbers_of(found))}\n")


def _evidence(measurement: Measurement) -> str:
    between = interval(measurement.low, measurement.high)
    return f"95 % interval {between} %, {count(measurement.pairs, 'pair')}, fresh containers"


def _append_metrics(text: Text, view: RunView, measurement: Measurement) -> None:
    rows = []
    for metric in measurement.metrics:
        unit = view.objective.unit if metric.name == view.objective.name else ""
        name = clean(metric.name, 40)
        mark = "  (objective)" if metric.name == view.objective.name else ""
        before = metric_value(find_metric(measurement.baseline, metric.name), unit)
        rows.append((name, before, metric_value(metric, unit), mark))
    if not rows:
        return
    names, befores = (max(len(row[column]) for row in rows) for column in (0, 1))
    for name, before, after, mark in rows:
        text.append(f"  {name:<{names}}  {before:>{befores}} -> ")
        text.append(after, "bold")
        text.append(f"{mark}\n", "dim")


def _facts(view: RunView, places: Places) -> list[tuple[str, str]]:
    stopped = stop_words(view.stop, view.stop_detail) if view.stop else clean(view.status)
    ended_at = view.ended_at if view.ended_at is not None else view.started_at
    took = f"{count(view.evaluations, 'evaluation')} in {duration(int(ended_at - view.started_at))}"
    found = view.verified
    facts = [
        ("stopped", stopped),
        ("searched", f"{took}, {count(len(view.nodes), 'node')}, run {clean(view.run_id)}"),
        ("containers", containers_words(view.container_s, view.saved_s)),
        *(("agents", words) for words in figures_words(agent_figures(view))),
        *(("noted", remark) for remark in remarks_of(view)),
        ("branch", clean(found.branch, 400) if found else ""),
        ("patch", clean(found.patch, 400) if found else ""),
        ("report", clean(places.report, 400)),
        ("events", clean(places.events, 400)),
    ]
    return [(name, value) for name, value in facts if value]


def _next_commands(view: RunView, places: Places) -> list[tuple[str, str]]:
    extra = f" {clean(places.run_argument)}" if places.run_argument else ""
    found = view.verified
    label = found.label if found else view.best
    commands = []
    if label != ROOT:
        commands.append((f"oppie diff {ROOT} {label}{extra}", "see what was changed"))
    if found is not None and found.verdict is Verdict.IMPROVED:
        commands.append((f"oppie apply {label}{extra}", "put it on a branch of your repository"))
    if view.stop in (StopReason.INTERRUPTED, StopReason.ENVIRONMENT) or view.stop is None:
        commands.append((f"oppie resume{extra}", "go on with this run"))
    commands.append((f"oppie tree{extra}", "see everything that was tried"))
    return commands

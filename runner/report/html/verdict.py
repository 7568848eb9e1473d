"""The top of the page: what was verified, the metrics, why it stopped, and the run's facts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from runner.model import ROOT, Measurement, Metric, Outcome, RunView, Verdict
from runner.report.budget import limits_of
from runner.report.figures import (
    clock_time,
    count,
    factor,
    find_metric,
    interval,
    known,
    metric_value,
    percent,
)
from runner.report.glyphs import outcome_sign
from runner.report.html.charts import interval_bar
from runner.report.html.markup import Markup, join, tag
from runner.report.html.signs import icon, mark
from runner.report.summary import stop_words


def verdict(view: RunView) -> Markup:
    """What may be claimed, and on what evidence; nothing that wasn't verified is claimed."""
    found = view.verified
    improved = found is not None and found.verdict is Verdict.IMPROVED and found.measurement
    if found is not None and improved:
        said: list[Markup] = [
            tag("p", "Verified improvement", class_="kicker"),
            tag(
                "p",
                tag("strong", percent(improved.gain), class_="big"),
                f" better than the root ({factor(improved.gain)}), at node ",
                _node_link(found.label),
                class_="claim",
            ),
            *_evidence(improved),
        ]
        return tag("section", *said, class_="verdict good")
    said = [tag("p", "No improvement was verified", class_="kicker")]
    if found is not None:
        line = join(
            ["The best candidate, ", _node_link(found.label), f", came out as {found.verdict}. "]
        )
        said.append(tag("p", line, found.reason))
        said += _evidence(found.measurement) if found.measurement else []
    elif view.best != ROOT:
        line = join(["The best candidate is ", _node_link(view.best), ". "])
        said.append(tag("p", line, "It has not been measured against the root in a clean room."))
    return tag("section", *said, class_="verdict open")


def metrics_table(view: RunView) -> Markup:
    """Root against best, each metric's medians, as the verification measured them."""
    measurement = view.verified.measurement if view.verified else None
    before = measurement.baseline if measurement else view.root_metrics
    after = measurement.metrics if measurement else ()
    names = dict.fromkeys(metric.name for metric in (*before, *after))
    rows = [
        _metric_row(view, name, find_metric(before, name), find_metric(after, name))
        for name in names
    ]
    head = tag(
        "tr", *(tag("th", said, scope="col") for said in ("metric", "root", "best", "change"))
    )
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="numbers")
    return tag("div", table, class_="scroll") if rows else tag("p", "No metrics yet.", class_="dim")


def outcome_counts(view: RunView) -> Markup:
    """The legend of all pictures: each outcome with its shape and how often it came."""
    counts = {
        outcome: sum(node.outcome is outcome for node in view.nodes if node.label != ROOT)
        for outcome in Outcome
    }
    items = [
        tag(
            "li",
            icon(mark(7, 7, outcome)),
            f" {outcome_sign(outcome).word} ",
            tag("b", f"{amount}"),
        )
        for outcome, amount in counts.items()
        if amount
    ]
    return tag("ul", *items, class_="legend")


def run_facts(view: RunView, engine: Mapping[str, str], generated_at: float | None) -> Markup:
    """Everything needed to find this run, its result, and the machine again."""
    ended_at = known(view.ended_at)
    took = "" if ended_at is None else f", {clock_time(ended_at - view.started_at)} in all"
    stop = stop_words(view.stop, view.stop_detail) if view.stop else view.status
    facts = {
        "run": view.run_id,
        "task": view.task,
        "target": view.target,
        "stopped because": stop,
        "searched": f"{count(view.evaluations, 'evaluation')}, {count(len(view.nodes), 'node')}",
        "started": _moment(view.started_at) + took,
        "policy": f"{view.policy}, seed {view.seed}, {count(view.workers, 'worker')}",
        "budget": limits_of(view.budget).words(),
        "objective": f"{view.objective.name} ({view.objective.goal.value})",
        "branch": view.verified.branch if view.verified else "",
        "patch": view.verified.patch if view.verified else "",
        **{f"engine: {name}": value for name, value in engine.items()},
        "report written": "" if generated_at is None else _moment(generated_at),
    }
    rows = [join([tag("dt", name), tag("dd", said)]) for name, said in facts.items() if said]
    return tag("dl", *rows, class_="facts")


def _evidence(measurement: Measurement) -> list[Markup]:
    gain, low, high = measurement.gain, measurement.low, measurement.high
    known_ends = [end for end in (0.0, gain, low, high) if math.isfinite(end)]
    margin = max(0.08 * (max(known_ends) - min(known_ends)), 0.01)
    ends = (min(known_ends) - margin, max(known_ends) + margin)
    between = interval(low, high)
    said = f"95 % interval {between} %, {count(measurement.pairs, 'pair')}, in fresh containers"
    bar = interval_bar(gain, low, high, ends, width=280)
    return [tag("p", bar, " ", tag("span", said, class_="dim"), class_="evidence")]


def _metric_row(view: RunView, name: str, before: Metric | None, after: Metric | None) -> Markup:
    is_objective = name == view.objective.name
    unit = view.objective.unit if is_objective else ""
    note = tag("small", f" objective, {view.objective.goal.value}") if is_objective else Markup()
    cells = (
        tag("th", name, note, scope="row"),
        tag("td", metric_value(before, unit)),
        tag("td", metric_value(after, unit)),
        tag("td", _change(before, after)),
    )
    return tag("tr", *cells, class_="objective" if is_objective else None)


def _change(before: Metric | None, after: Metric | None) -> str:
    if before is None or after is None or before.value <= 0 or after.value <= 0:
        return "–"
    return percent(math.log(after.value / before.value))


def _node_link(label: str) -> Markup:
    return tag("a", label, href=f"#{label}")


def _moment(unix_s: float) -> str:
    if not math.isfinite(unix_s) or unix_s <= 0:
        return "unknown"
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

"""The top of the page: what was verified, the metrics, why it stopped, and the run's facts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from runner.model import ROOT, Measurement, Metric, Outcome, RunView, Verdict, Verified
from runner.report.budget import limits_of
from runner.report.figures import (
    clock_time,
    count,
    duration,
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
from runner.report.html.signs import icon, mark, outcome_class
from runner.report.summary import stop_words
from runner.report.verification import (
    containers_words,
    is_improvement,
    meaning,
    nearest_outcome,
    remarks_of,
)

_CANDIDATE_COLUMNS = (
    *("node", "verdict", "gain", "95 % interval, %", "pairs"),
    *("estimate", "spent", "saved", "why"),
)


def verdict(view: RunView) -> Markup:
    """What may be claimed, and on what evidence; nothing that wasn't verified is claimed."""
    found = view.verified
    improved = found.measurement if found is not None and is_improvement(found) else None
    if found is not None and improved is not None:
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
            *_paragraphs(found.reason),
        ]
        return tag("section", *said, class_="verdict good")
    said = [tag("p", "No improvement was verified", class_="kicker")]
    if found is not None:
        line = join(
            ["The best candidate, ", _node_link(found.label), f", came out as {found.verdict}. "]
        )
        said.append(tag("p", line, found.reason))
        said += _evidence(found.measurement) if found.measurement else []
        if found.verdict is not Verdict.IMPROVED:
            said += _paragraphs(f"That means: {meaning(found.verdict)}.")
    elif view.best != ROOT:
        line = join(["By estimate, the best candidate is ", _node_link(view.best), ". "])
        said.append(tag("p", line, "It has not been measured against the root in a clean room."))
    return tag("section", *said, class_="verdict open")


def candidates_table(view: RunView) -> Markup:
    """All that was measured again, each in a clean room, whatever came of it."""
    head = tag("tr", *(tag("th", name, scope="col") for name in _CANDIDATE_COLUMNS))
    rows = [tag("tr", *_candidate_cells(found)) for found in view.verifications]
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="numbers candidates")
    return tag("div", table, class_="scroll")


def remarks_list(view: RunView) -> Markup:
    """What the root's own checks and benchmark can't be relied on for."""
    return tag("ul", *(tag("li", remark) for remark in remarks_of(view)), class_="remarks")


def metrics_table(view: RunView) -> Markup:
    """Root against candidate, each metric's medians, as the verification measured them."""
    measurement = view.verified.measurement if view.verified else None
    before = measurement.baseline if measurement else view.root_metrics
    after = measurement.metrics if measurement else ()
    names = dict.fromkeys(metric.name for metric in (*before, *after))
    rows = [
        _metric_row(view, name, find_metric(before, name), find_metric(after, name))
        for name in names
    ]
    head = tag(
        "tr", *(tag("th", said, scope="col") for said in ("metric", "root", "candidate", "change"))
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
        "containers": containers_words(view.container_s, view.saved_s),
        "objective": f"{view.objective.name} ({view.objective.goal.value})",
        "branch": view.verified.branch if view.verified else "",
        "patch": view.verified.patch if view.verified else "",
        **{f"engine: {name}": value for name, value in engine.items()},
        "report written": "" if generated_at is None else _moment(generated_at),
    }
    rows = [join([tag("dt", name), tag("dd", said)]) for name, said in facts.items() if said]
    return tag("dl", *rows, class_="facts")


def _candidate_cells(found: Verified) -> Iterator[Markup]:
    measured, css = found.measurement, outcome_class(nearest_outcome(found.verdict))
    yield tag("th", _node_link(found.label), scope="row")
    yield tag("td", found.verdict.value, class_=f"verdict-word {css}")
    yield tag("td", percent(measured.gain) if measured else "–")
    yield tag("td", interval(measured.low, measured.high) if measured else "–")
    yield tag("td", f"{measured.pairs:,}" if measured else "–")
    yield tag("td", percent(found.claimed) if found.claimed is not None else "–")
    for seconds in (found.container_s, found.saved_s):
        yield tag("td", duration(seconds) if known(seconds) else "–")
    yield tag("td", found.reason, class_="why")


def _paragraphs(said: str) -> list[Markup]:
    return [tag("p", said)] if said else []


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

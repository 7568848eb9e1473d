"""One node, told in full."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from runner.model import ROOT, Metric, NodeView, RunView
from runner.report.estimate import path_to
from runner.report.figures import (
    count,
    duration,
    find_metric,
    gain_with_interval,
    metric_value,
    number,
    percent,
    size,
)
from runner.report.text import clean


def render_node(view: RunView, node: NodeView) -> Table:
    """What was tried at ``node``, what came of it, and where its parts lie, as a two-column table."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(view, node):
        if value:
            table.add_row(name, Text(clean(value, 500)))
    return table


def _facts(view: RunView, node: NodeView) -> list[tuple[str, str]]:
    nodes = {each.label: each for each in view.nodes}
    path = [f"{each.label} {' + '.join(each.actions)}".strip() for each in path_to(nodes, node.label)]
    metrics = view.root_metrics if node.label == ROOT else node.edge.metrics if node.edge else ()
    baseline = node.edge.baseline if node.edge else ()
    facts = [
        ("node", f"{node.label} of run {view.run_id}"),
        ("path", " > ".join(path)),
        ("outcome", str(node.outcome or node.status)),
        ("decision", str(node.decision or "")),
        ("reason", node.reason),
        ("twin", node.twin),
        ("gain over the root", percent(node.gain) if node.gain is not None else ""),
        ("gain over the parent", _edge(node)),
        ("expected gain", percent(node.expected_gain) if node.label != ROOT else ""),
        ("visits", f"{node.visits}, rewards {number(node.reward_sum)}"),
        ("attempts", str(node.attempts)),
    ]
    facts += [(f"metric {m.name}", _metric(m, baseline)) for m in metrics]
    facts += [
        ("files changed", str(node.files_changed) if node.label != ROOT else ""),
        ("evidence", node.commit),
        ("source tree", node.tree_id),
        ("times", ", ".join(f"{name} {duration(s)}" for name, s in node.seconds.items())),
    ]
    if node.snapshot:
        facts += [
            ("snapshot", node.snapshot.tag),
            ("digest", node.snapshot.digest),
            ("layers", f"{node.snapshot.depth}, adds {size(node.snapshot.size_bytes)}"),
        ]
    return facts


def _edge(node: NodeView) -> str:
    if node.edge is None:
        return ""
    return f"{gain_with_interval(node.edge)} from {count(node.edge.pairs, 'pair')}"


def _metric(metric: Metric, baseline: tuple[Metric, ...]) -> str:
    before = find_metric(baseline, metric.name)
    value = metric_value(metric)
    return f"{value} (parent: {metric_value(before)})" if before else value

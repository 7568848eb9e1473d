"""One node, with everything that is known of it."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from runner.model import ROOT, NodeView, RunView
from runner.report.agents import round_facts
from runner.report.figures import (
    count,
    duration,
    gain_with_interval,
    metric_value,
    percent,
    size,
)
from runner.report.glyphs import sign_of
from runner.report.text import clean
from runner.report.verification import (
    containers_words,
    is_improvement,
    meaning,
    remarks_of,
    verification_of,
    verifications_of,
    verified_words,
)

_VALUE_LIMIT = 1000


def render_node(view: RunView, node: NodeView) -> RenderableType:
    """A node for the terminal: its state in one line, then a line per fact."""
    sign = sign_of(node.label, node.outcome)
    title = Text(f"{node.label}  ", "bold").append(sign.word, sign.style)
    if node.label == ROOT:
        metrics = ", ".join(
            f"{clean(metric.name)} {metric_value(metric)}" for metric in view.root_metrics
        )
        noted = [("noted", remark) for remark in remarks_of(view)]
        facts = [("metrics", metrics), *noted, *node_facts(node).items()]
    else:
        gain = f"{percent(node.gain)}, by estimate" if node.gain is not None else "not measured"
        found = verification_facts(view, node)
        facts = [
            ("gain from the root", gain), *found, *node_facts(node).items(), *round_facts(node)
        ]  # fmt: skip
    if node.label == view.best and node.label != ROOT:
        title.append("  best by estimate", "bold")
    if is_improvement(verification_of(view, node.label)):
        title.append("  verified", "bold green")
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, said in facts:
        if said:
            table.add_row(name, Text(clean(said, _VALUE_LIMIT)))
    return Group(title, table)


def verification_facts(view: RunView, node: NodeView) -> list[tuple[str, str]]:
    """What came of measuring a node in a clean room, each time; empty if it never was.

    The texts are not made safe yet.
    """
    facts = []
    for found in verifications_of(view, node.label):
        facts.append(("verification", verified_words(found)))
        facts.append(("that means", meaning(found.verdict)))
        if found.measurement and found.reason:
            facts.append(("because", found.reason))
    return facts


def node_facts(node: NodeView) -> dict[str, str]:
    """What is known of a node, in the order in which one asks; facts that don't apply are left out.

    The texts are not made safe yet: they hold the node's own words.
    """
    snapshot, edge = node.snapshot, node.edge
    facts = {
        "actions": " + ".join(node.actions),
        "why": node.reason,
        "same as": node.twin,
        "against the parent": f"{gain_with_interval(edge)}, {count(edge.pairs, 'pair')}"
        if edge
        else "",
        "metrics": ", ".join(f"{each.name} {metric_value(each)}" for each in edge.metrics)
        if edge
        else "",
        "expected": percent(node.expected_gain) if node.expected_gain else "",
        "visits": f"{node.visits}, sum of rewards {node.reward_sum:+.3f}",
        "decision": node.decision.value if node.decision else node.status,
        "attempts": str(node.attempts) if node.attempts > 1 else "",
        "files changed": str(node.files_changed) if node.files_changed else "",
        "test-driven": node.proof,
        "time": ", ".join(f"{name} {duration(spent)}" for name, spent in node.seconds.items()),
        "containers": containers_words(node.container_s, node.saved_s),
        "commit": node.commit,
        "source tree": node.tree_id,
        "snapshot": f"{snapshot.tag}, depth {snapshot.depth}, {size(snapshot.size_bytes)}"
        if snapshot
        else "",
        "image": snapshot.digest if snapshot else "",
    }
    return {name: said for name, said in facts.items() if said}

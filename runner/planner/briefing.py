"""What an agent is told of the tree around its node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.model import Briefing, Job, Metric, NodeView, RunView, Target, Tried

_MOST_SIBLINGS = 24
_SAID_CHARS = 300


def briefing(
    run: RunView,
    job: Job,
    targets: Sequence[Target] = (),
    lessons: Sequence[str] = (),
    model: str = "",
    why: str = "",
) -> Briefing:
    """Tell a job's agent of the node that it starts from: the way there, and what was tried.

    ``run`` has all nodes up to now. ``lessons``, ``model`` and ``why`` come from the knowledge base.
    """
    nodes = {node.label: node for node in run.nodes}
    parent = job.origin.label
    siblings = [
        node for node in run.nodes if node.parent == parent and node.label not in (parent, job.label)
    ]
    return Briefing(
        objective=run.objective,
        parent=parent,
        targets=tuple(targets),
        metrics=_metrics(nodes, run, parent),
        root_metrics=run.root_metrics,
        path=tuple(_tried(nodes[label]) for label in _path(parent) if label in nodes),
        siblings=tuple(map(_tried, siblings[-_MOST_SIBLINGS:])),
        expected_gain=job.expected_gain,
        lessons=tuple(lessons),
        model=model,
        why=why,
    )


def _metrics(nodes: Mapping[str, NodeView], run: RunView, label: str) -> tuple[Metric, ...]:
    node = nodes.get(label)
    return node.edge.metrics if node and node.edge else run.root_metrics


def _path(label: str) -> list[str]:
    """The labels that lead to a node, the root's and its own included."""
    parts = label.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _tried(node: NodeView) -> Tried:
    """A node in few words: its actions, and the last that an agent said of its work there."""
    said = node.rounds[-1].said.strip() if node.rounds else ""
    what = " + ".join(node.actions) or "the untouched target"
    if said:
        what += f": {said[:_SAID_CHARS]}"
    gain = node.edge.gain if node.edge else None
    return Tried(node.label, what, node.outcome, node.reason, gain)

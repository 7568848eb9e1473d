"""Where an agent is in the tree, told from what the planner told it, or from the journal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from runner.mcp.desk import DeskError
from runner.mcp.results import MyNode, NodeInfo, Nodes
from runner.model import Briefing, NodeView, Outcome, RunView, Target, Tried

BAD = frozenset(Outcome) - {Outcome.IMPROVED, Outcome.NEUTRAL, Outcome.DUPLICATE, Outcome.INFRA}
_REASON_CHARS = 400


@dataclass(frozen=True, slots=True)
class BriefedPlace:
    """The place of a node under way (``TreePart``): what was known when its job was opened."""

    label: str
    briefing: Briefing

    def node(self) -> MyNode:
        """The node under way; its path ends with the parent."""
        told = self.briefing
        return MyNode(
            self.label,
            told.parent,
            told.objective.name,
            told.objective.goal.value,
            told.objective.unit,
            tuple(map(_of_tried, told.path)),
            told.metrics,
            told.root_metrics,
            tuple(map(_wish, told.targets)),
            percent(told.expected_gain),
        )

    def siblings(self, most: int) -> Nodes:
        """What was tried at the parent so far."""
        return _last(tuple(map(_of_tried, self.briefing.siblings)), most)

    def failures(self, most: int) -> Nodes:
        """Those siblings that came to nothing."""
        bad = [each for each in self.briefing.siblings if each.outcome in BAD]
        return _last(tuple(map(_of_tried, bad)), most)


@dataclass(frozen=True, slots=True)
class JournalPlace:
    """The place of a person's agent (``TreePart``): at the best state of a run so far."""

    view: RunView

    def node(self) -> MyNode:
        """The best node; ``parent`` is itself, as the state that one goes on from."""
        view = self.view
        best = self._node(view.verified.label if view.verified else view.best)
        edge = best.edge
        wish = str(view.budget.get("target") or "")
        return MyNode(
            best.label,
            best.label,
            view.objective.name,
            view.objective.goal.value,
            view.objective.unit,
            tuple(_of_view(self._node(label)) for label in _way(best.label)),
            edge.metrics if edge else view.root_metrics,
            view.root_metrics,
            (wish,) if wish else (),
            percent(best.expected_gain),
        )

    def siblings(self, most: int) -> Nodes:
        """What was tried at the best node."""
        best = self.node().label
        return _last([_of_view(each) for each in self.view.nodes if each.parent == best], most)

    def failures(self, most: int) -> Nodes:
        """What came to nothing anywhere in the run."""
        return _last([_of_view(each) for each in self.view.nodes if each.outcome in BAD], most)

    def _node(self, label: str) -> NodeView:
        for each in self.view.nodes:
            if each.label == label:
                return each
        raise DeskError(f"run {self.view.run_id} has no node {label} yet")


def percent(gain: float) -> float:
    """A gain (log-ratio) in per cent, to two decimals."""
    return round(100 * math.expm1(gain), 2)


def _of_tried(tried: Tried) -> NodeInfo:
    gain = None if tried.gain is None else percent(tried.gain)
    reason = tried.reason[:_REASON_CHARS]
    return NodeInfo(tried.label, tried.what, tried.outcome or "", reason, gain)


def _of_view(node: NodeView) -> NodeInfo:
    gain = percent(node.edge.gain) if node.edge else None
    what = " + ".join(node.actions)
    return NodeInfo(node.label, what, node.outcome or "", node.reason[:_REASON_CHARS], gain)


def _way(label: str) -> tuple[str, ...]:
    """The labels from the root to a node."""
    parts = label.split(".")
    return tuple(".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _last(nodes: Sequence[NodeInfo], most: int) -> Nodes:
    return Nodes(tuple(nodes[-most:]), max(0, len(nodes) - most))


def _wish(target: Target) -> str:
    return f"{target.metric} {target.operator} {target.value:g}"

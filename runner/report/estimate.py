"""How far the gain of a state from the root is known, from the edges on its path.

A state's gain is the sum of the gains of its edges, each measured against its parent. The edges
are measured one after another and their errors are taken as independent, so the half-widths of
their intervals add in quadrature (root of the sum of squares), each side by itself. It is an
estimate for people to read; only ``Verified`` is a direct measurement against the root.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from runner.model import Measurement, NodeView


@dataclass(frozen=True, slots=True)
class Estimate:
    """A cumulative gain (log-ratio from the root) with its 95 % interval."""

    gain: float
    low: float
    high: float

    def then(self, edge: Measurement) -> Estimate:
        """The estimate of a state that was measured against this one."""
        gain = self.gain + edge.gain
        below = math.hypot(self.gain - self.low, edge.gain - edge.low)
        above = math.hypot(self.high - self.gain, edge.high - edge.gain)
        return Estimate(gain, gain - below, gain + above)

    def pooled(self, other: Estimate, measurements: int) -> Estimate:
        """The mean of ``measurements`` earlier ones, which this is, and another, independent one."""
        total = measurements + 1
        gain = (measurements * self.gain + other.gain) / total
        below = math.hypot(measurements * (self.gain - self.low), other.gain - other.low)
        above = math.hypot(measurements * (self.high - self.gain), other.high - other.gain)
        return Estimate(gain, gain - below / total, gain + above / total)

    def centred(self, gain: float) -> Estimate:
        """The same uncertainty around another gain, such as the planner's shrunken one."""
        return Estimate(gain, gain - (self.gain - self.low), gain + (self.high - self.gain))


AT_ROOT = Estimate(0.0, 0.0, 0.0)


def estimate(nodes: Mapping[str, NodeView], label: str) -> Estimate | None:
    """The estimate of ``label``, or ``None`` where an edge on its path wasn't measured.

    It is centred on the gain that the planner holds, which may be shrunk or pooled.
    """
    found = AT_ROOT
    for node in path_to(nodes, label)[1:]:
        if node.edge is None:
            return None
        found = found.then(node.edge)
    held = nodes[label].gain if label in nodes else None
    return found if held is None else found.centred(held)


def path_to(nodes: Mapping[str, NodeView], label: str) -> list[NodeView]:
    """The nodes from the root to ``label``; empty for a label that isn't known."""
    path: list[NodeView] = []
    seen: set[str] = set()
    while label in nodes and label not in seen:
        seen.add(label)
        path.append(nodes[label])
        label = nodes[label].parent
    return path[::-1]

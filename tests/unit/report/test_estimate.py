from __future__ import annotations

import math

import pytest

from runner.model import Measurement, NodeView
from runner.report.estimate import AT_ROOT, Estimate, estimate, path_to


def _node(label: str, edge: Measurement | None, gain: float | None) -> NodeView:
    return NodeView(label, label.rpartition(".")[0], "committed", gain=gain, edge=edge)


NODES = {
    "A": _node("A", None, 0.0),
    "A.1": _node("A.1", Measurement(0.2, 0.17, 0.24, 8), 0.2),
    "A.1.1": _node("A.1.1", Measurement(0.1, 0.06, 0.13, 8), 0.28),
    "A.2": _node("A.2", None, None),
    "A.2.1": _node("A.2.1", Measurement(0.1, 0.0, 0.2, 8), None),
}


def test_half_widths_add_in_quadrature_around_the_planners_gain() -> None:
    found = estimate(NODES, "A.1.1")
    assert found is not None
    assert found.gain == 0.28
    assert found.gain - found.low == pytest.approx(math.hypot(0.03, 0.04))
    assert found.high - found.gain == pytest.approx(math.hypot(0.04, 0.03))


def test_the_root_is_known_exactly_and_an_unmeasured_edge_is_not_guessed() -> None:
    assert estimate(NODES, "A") == AT_ROOT
    assert estimate(NODES, "A.2.1") is None


def test_a_path_ends_even_where_parents_go_in_circles() -> None:
    circle = {"x": NodeView("x", "y", "open"), "y": NodeView("y", "x", "open")}
    assert [node.label for node in path_to(circle, "x")] == ["y", "x"]
    assert path_to(NODES, "A.9") == []


def test_n_equal_measurements_are_known_root_n_times_better() -> None:
    one = Estimate(0.2, 0.1, 0.3)
    pooled = one
    for earlier in range(1, 4):
        pooled = pooled.pooled(one, earlier)
    assert pooled.gain == pytest.approx(0.2)
    assert pooled.high - pooled.gain == pytest.approx(0.1 / math.sqrt(4))

"""The pictures of a run: how the best was found, when what ran, and a gain with its interval."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence

from runner.model import ROOT, Decision, NodeView, RunView
from runner.report.estimate import estimate, path_to
from runner.report.figures import clock_time, duration, interval, known, percent
from runner.report.glyphs import sign_of
from runner.report.html.markup import Markup, join, tag
from runner.report.html.scale import Scale, count_ticks, gain_ticks, time_ticks
from runner.report.html.signs import mark, outcome_class, root_mark

_WIDTH = 1080.0
_LEFT = 64.0
_RIGHT = 1060.0


def search_chart(view: RunView) -> Markup:
    """Every evaluation at its gain from the root, joined to its parent, and the best so far.

    What has no gain stands in a strip below. The order is that of completion.
    """
    nodes = {node.label: node for node in view.nodes}
    done = sorted(
        (node for node in view.nodes if node.label != ROOT and node.outcome is not None),
        key=lambda node: node.ended_at,
    )
    if not done:
        return tag("p", "Nothing has been evaluated yet.", class_="dim")
    gains = [0.0, *(gain for node in done if (gain := known(node.gain)) is not None)]
    low, high = min(gains), max(gains)
    margin = max(0.05, 0.08 * (high - low))
    y = Scale(low - margin, high + margin, 290.0, 16.0)
    x = Scale(0, len(done) + 1, _LEFT, _RIGHT)
    places = {ROOT: (x.at(0), y.at(0.0))}
    for number, node in enumerate(done, start=1):
        gain = known(node.gain)
        places[node.label] = (x.at(number), 320.0 if gain is None else y.at(gain))
    parts = [
        *_gain_axis(y),
        *[_label(x.at(tick), 350, str(tick), "middle") for tick in count_ticks(len(done), 12)],
        _label(_RIGHT, 350, "evaluations", "end"),
        _label(_LEFT - 8, 324, "no gain", "end"),
        *_edges(view, nodes, places),
        _best_line(done, x, y),
        *[_whisker(nodes, node, places[node.label][0], y) for node in done],
        root_mark(*places[ROOT]),
        *[_titled(node, mark(*places[node.label], node.outcome)) for node in done],
    ]
    return _picture(parts, 360, "Gain of every evaluation, and the best so far")


def timeline(view: RunView) -> Markup:
    """When each node's last attempt ran, in as many lanes as ran at a time."""
    spans = sorted(
        (node for node in view.nodes if node.ended_at > node.started_at > 0),
        key=lambda node: node.started_at,
    )
    if not spans:
        return tag("p", "No times were recorded.", class_="dim")
    origin = min(view.started_at, spans[0].started_at) if view.started_at else spans[0].started_at
    length_s = max(node.ended_at for node in spans) - origin
    x = Scale(0, length_s, _LEFT, _RIGHT)
    lanes = lanes_of(spans)
    height = 26.0 * (max(lanes.values()) + 1)
    parts = [
        _line(x.at(tick), 4, x.at(tick), height + 8, "grid") for tick in time_ticks(length_s, 12)
    ]
    parts += [
        _label(x.at(tick), height + 22, clock_time(tick), "middle")
        for tick in time_ticks(length_s, 12)
    ]
    for lane in range(max(lanes.values()) + 1):
        parts.append(_label(_LEFT - 8, 26.0 * lane + 21, f"lane {lane + 1}", "end"))
    for node in spans:
        start, end = x.at(node.started_at - origin), x.at(node.ended_at - origin)
        parts.append(_span(node, start, end, 26.0 * lanes[node.label] + 6))
    return _picture(parts, height + 30, "When each attempt ran")


def lanes_of(spans: Sequence[NodeView]) -> dict[str, int]:
    """For spans in order of their start: the lowest lane that was free then."""
    lanes: dict[str, int] = {}
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    for node in spans:
        while busy and busy[0][0] <= node.started_at:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane = heapq.heappop(free) if free else len(busy)
        lanes[node.label] = lane
        heapq.heappush(busy, (node.ended_at, lane))
    return lanes


def interval_bar(
    gain: float, low: float, high: float, ends: tuple[float, float], width: int = 132
) -> Markup:
    """A gain with its interval on a scale from one of ``ends`` to the other; a line marks 0.

    Empty where one of the numbers isn't known.
    """
    if not all(map(math.isfinite, (gain, low, high))):
        return Markup()
    x = Scale(*ends, 4.0, width - 4.0)
    css = "bar-better" if low > 0 else "bar-worse" if high < 0 else "bar-open"
    parts = (
        _line(4, 8, width - 4, 8, "track"),
        _line(x.at(0), 1, x.at(0), 15, "zero"),
        _line(x.at(low), 8, x.at(high), 8, f"range {css}"),
        tag("circle", class_=f"point {css}", cx=x.at(gain), cy=8, r=2.5),
    )
    said = f"{percent(gain)}, 95 % interval {interval(low, high)} %"
    return tag(
        "svg",
        tag("title", said),
        *parts,
        class_="interval",
        viewBox=f"0 0 {width} 16",
        width=width,
        height=16,
        role="img",
    )


def reach_of(nodes: Sequence[NodeView]) -> float:
    """A scale's half-width that shows nine in ten of the edges' intervals whole."""
    ends = sorted(
        end
        for node in nodes
        if node.edge and math.isfinite(end := max(abs(node.edge.low), abs(node.edge.high)))
    )
    return max(ends[(len(ends) * 9) // 10], 0.02) if ends else 0.1


def _gain_axis(y: Scale) -> list[Markup]:
    parts = []
    for gain in gain_ticks(y, 22):
        css = "grid axis" if gain == 0 else "grid"
        parts.append(_line(_LEFT, y.at(gain), _RIGHT, y.at(gain), css))
        parts.append(_label(_LEFT - 8, y.at(gain) + 4, percent(gain).replace(".0", ""), "end"))
    return parts


def _edges(
    view: RunView, nodes: Mapping[str, NodeView], places: Mapping[str, tuple[float, float]]
) -> list[Markup]:
    best = {node.label for node in path_to(nodes, view.best)}
    # The way to the best is drawn last, above all others.
    labels = sorted(places.keys() & nodes.keys(), key=lambda label: (label in best, label))
    parts: list[Markup] = []
    for label in labels:
        node = nodes[label]
        parent = places.get(node.parent)
        if parent is not None:
            css = (
                "edge best" if label in best else "edge" if node.gain is not None else "edge faint"
            )
            parts.append(_line(*parent, *places[label], css))
    return parts


def _best_line(done: Sequence[NodeView], x: Scale, y: Scale) -> Markup:
    best = 0.0
    points = [(x.at(0), y.at(0.0))]
    for number, node in enumerate(done, start=1):
        gain = known(node.gain)
        if gain is not None and gain > best and node.decision is Decision.COMMIT:
            points.append((x.at(number), y.at(best)))
            best = gain
            points.append((x.at(number), y.at(best)))
    points.append((_RIGHT, y.at(best)))
    return tag("polyline", class_="sofar", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in points))


def _whisker(nodes: Mapping[str, NodeView], node: NodeView, x: float, y: Scale) -> Markup:
    found = estimate(nodes, node.label)
    if found is None or known(found.low) is None or known(found.high) is None:
        return Markup()
    return _line(x, y.at(found.low), x, y.at(found.high), f"whisker {outcome_class(node.outcome)}")


def _span(node: NodeView, start: float, end: float, y: float) -> Markup:
    width = max(end - start - 1, 1.5)
    parts = [
        tag(
            "rect",
            class_=f"span {outcome_class(node.outcome if node.label != ROOT else None)}",
            x=start,
            y=y,
            width=width,
            height=20,
            rx=3,
        )
    ]
    if width > 6.6 * len(node.label) + 8:
        parts.append(_label(start + 5, y + 14, node.label, "start", "label inside"))
    return _titled(node, join(parts))


def _titled(node: NodeView, drawn: Markup) -> Markup:
    said = [f"{node.label}: {sign_of(node.label, node.outcome).word}"]
    if node.gain is not None and node.label != ROOT:
        said.append(f"{percent(node.gain)} over the root")
    if node.actions:
        said.append(" + ".join(node.actions))
    if node.ended_at > node.started_at > 0:
        said.append(duration(node.ended_at - node.started_at))
    return tag("g", tag("title", ", ".join(said)), drawn)


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> Markup:
    return tag("line", class_=css, x1=x1, y1=y1, x2=x2, y2=y2)


def _label(x: float, y: float, said: str, anchor: str, css: str = "label") -> Markup:
    return tag("text", said, class_=css, x=x, y=y, text_anchor=anchor)


def _picture(parts: Sequence[Markup], height: float, name: str) -> Markup:
    drawn = tag(
        "svg",
        *parts,
        class_="chart",
        viewBox=f"0 0 {_WIDTH:.0f} {height:.0f}",
        role="img",
        aria_label=name,
    )
    return tag("div", drawn, class_="scroll", tabindex=0, role="region", aria_label=name)

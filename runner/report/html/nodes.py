"""The tree as nested lists, each node with everything that is known of it behind a click."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.model import ROOT, NodeView, RunView
from runner.report.agents import round_facts
from runner.report.estimate import path_to
from runner.report.figures import count, duration, percent
from runner.report.glyphs import sign_of
from runner.report.html.charts import interval_bar, reach_of
from runner.report.html.markup import Markup, join, tag
from runner.report.html.signs import icon, mark, outcome_class, root_mark
from runner.report.node import node_facts, verification_facts
from runner.report.text import clean_block
from runner.report.verification import is_improvement, verification_of

DIFF_LIMIT = 40_000
ALL_DIFFS_LIMIT = 4_000_000


def node_tree(view: RunView, diffs: Mapping[str, str]) -> Markup:
    """All nodes, root first; ``diffs`` are texts by label, shown with the nodes they belong to.

    Written without recursion: a tree may be deeper than Python's stack.
    """
    nodes = {node.label: node for node in view.nodes}
    best = {node.label for node in path_to(nodes, view.best)}
    children: dict[str, list[NodeView]] = {}
    for node in view.nodes:
        if node.label != ROOT:
            children.setdefault(node.parent if node.parent in nodes else ROOT, []).append(node)
    below = _sizes(view, children)
    shown = dict(_within(diffs, ALL_DIFFS_LIMIT))
    reach = reach_of(view.nodes)
    parts: list[Markup] = []
    todo: list[NodeView | Markup] = [nodes[ROOT]] if ROOT in nodes else []
    while todo:
        each = todo.pop()
        if isinstance(each, Markup):
            parts.append(each)
            continue
        css = "best" if each.label in best else None
        opening = tag("li", _node(view, each, shown, reach), id=each.label, class_=css)
        parts.append(Markup(opening.removesuffix("</li>")))
        if each.label in children:
            amount = count(below[each.label], "node")
            parts.append(Markup(f"<details open class=below><summary>{amount} below</summary><ul>"))
            todo += [Markup("</ul></details></li>"), *reversed(children[each.label])]
        else:
            parts.append(Markup("</li>"))
    return tag("ul", *parts, class_="tree")


def _sizes(view: RunView, children: Mapping[str, list[NodeView]]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    # Nodes stand in the order in which they were opened: from the back, children come first.
    for node in reversed(view.nodes):
        below = children.get(node.label, [])
        sizes[node.label] = sum(1 + sizes.get(child.label, 0) for child in below)
    return sizes


def _within(diffs: Mapping[str, str], limit: int) -> Iterator[tuple[str, str]]:
    for label, diff in diffs.items():
        limit -= min(len(diff), DIFF_LIMIT)
        if limit < 0:
            return
        yield label, diff


def _node(view: RunView, node: NodeView, diffs: Mapping[str, str], reach: float) -> Markup:
    line = tag("summary", *_line(view, node, reach))
    return tag("details", line, _facts(view, node), _times(node), _diff(node, diffs), class_="node")


def _line(view: RunView, node: NodeView, reach: float) -> Iterator[Markup]:
    yield icon(root_mark(7, 7) if node.label == ROOT else mark(7, 7, node.outcome))
    yield tag("span", node.label, class_="name")
    if node.label == view.best and node.label != ROOT:
        yield tag("span", "best by estimate", class_="badge estimate")
    if is_improvement(verification_of(view, node.label)):
        yield tag("span", "verified", class_="badge")
    if node.label == ROOT:
        yield tag("span", "the untouched target", class_="what")
    else:
        yield tag("span", percent(node.gain) if node.gain is not None else "–", class_="gain")
        word = sign_of(node.label, node.outcome).word
        said = f"{word} of {node.twin}" if node.twin else word
        yield tag("span", said, class_=f"word {outcome_class(node.outcome)}")
        yield tag("span", " + ".join(node.actions), class_="what")
    if node.edge is not None:
        yield interval_bar(node.edge.gain, node.edge.low, node.edge.high, (-reach, reach))


def _facts(view: RunView, node: NodeView) -> Markup:
    facts = [*verification_facts(view, node), *node_facts(node).items(), *round_facts(node)]
    rows = [join([tag("dt", name), tag("dd", said)]) for name, said in facts]
    if node.twin:
        rows.append(join([tag("dt", "twin"), tag("dd", tag("a", node.twin, href=f"#{node.twin}"))]))
    return tag("dl", *rows, class_="facts")


def _times(node: NodeView) -> Markup:
    spent = [(name, seconds) for name, seconds in node.seconds.items() if seconds > 0]
    if not spent:
        return Markup()
    items = [tag("li", f"{name} ", tag("b", duration(seconds))) for name, seconds in spent]
    return tag("ul", *items, class_="times")


def _diff(node: NodeView, diffs: Mapping[str, str]) -> Markup:
    if node.label not in diffs:
        return Markup()
    diff = diffs[node.label]
    lines = [_diff_line(line) for line in clean_block(diff, DIFF_LIMIT).splitlines()]
    title = tag("summary", f"diff, {count(diff.count(chr(10)), 'line')}")
    return tag("details", title, tag("pre", *lines, class_="diff"))


def _diff_line(line: str) -> Markup:
    css = None
    if line.startswith(("+++", "---", "diff ", "index ")):
        css = "file"
    elif line.startswith("@@"):
        css = "hunk"
    elif line.startswith("+"):
        css = "add"
    elif line.startswith("-"):
        css = "del"
    return join([tag("span", line, class_=css), "\n"])

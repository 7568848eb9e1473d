"""A run's tree as a picture for terminals and text files."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from runner.model import ROOT, NodeView, RunView
from runner.report.estimate import path_to
from runner.report.figures import count, gain_with_interval, objective_value, percent
from runner.report.glyphs import sign_of
from runner.report.text import clean

_KEY_LIMIT = 80
_REASON_LIMIT = 120
_TEXT_WIDTH = 400


def render_tree(
    view: RunView,
    *,
    ascii_only: bool = False,
    reasons: bool = False,
    max_nodes: int | None = None,
) -> Tree:
    """The tree of ``view``, a line per node: sign, label, gain from the root, outcome, actions,
    what the step from its parent gained, visits.

    The path to the best node is bold, a duplicate names its twin. ``reasons`` adds why a node was
    discarded. With ``max_nodes`` the path to the best and the nodes opened first are kept, and
    every node says how many of its children are hidden.
    """
    nodes = {node.label: node for node in view.nodes}
    best_path = {node.label for node in path_to(nodes, view.best)}
    shown = _kept(view, best_path, max_nodes)
    root = nodes.get(ROOT) or NodeView(label=ROOT, parent="", status="")
    tree = Tree(_line(view, root, best_path, ascii_only, reasons), guide_style="dim")
    branches = {ROOT: tree}
    hidden: dict[str, int] = {}
    for node in view.nodes:
        if node.label == ROOT:
            continue
        parent = branches.get(node.parent)
        if node.label not in shown or parent is None:
            hidden[node.parent] = hidden.get(node.parent, 0) + 1
            continue
        line = _line(view, node, best_path, ascii_only, reasons)
        branches[node.label] = parent.add(line)
    for label, amount in hidden.items():
        if label in branches:
            more = "..." if ascii_only else "…"
            branches[label].add(Text(f"{more} {count(amount, 'child', 'children')} hidden", "dim"))
    return tree


def tree_text(
    view: RunView,
    *,
    ascii_only: bool = False,
    reasons: bool = False,
    max_nodes: int | None = None,
) -> str:
    """The picture of ``render_tree`` without colours, for files and pipes."""
    console = Console(
        file=StringIO(),
        width=_TEXT_WIDTH,
        color_system=None,
        force_terminal=False,
        legacy_windows=False,
    )
    tree = render_tree(view, ascii_only=ascii_only, reasons=reasons, max_nodes=max_nodes)
    options = console.options
    if ascii_only:
        options = options.update()
        options.encoding = "ascii"
    lines = console.render_lines(tree, options, pad=False)
    texts = ("".join(segment.text for segment in line).rstrip() for line in lines)
    return "\n".join(texts) + "\n"


def _kept(view: RunView, best_path: set[str], max_nodes: int | None) -> set[str]:
    labels = [node.label for node in view.nodes]
    if max_nodes is None or len(labels) <= max_nodes:
        return set(labels)
    # Nodes stand in the order in which they were opened, so a parent is always kept with its child.
    kept = set(best_path) | {ROOT}
    for label in labels:
        if len(kept) >= max_nodes:
            break
        kept.add(label)
    return kept


def _line(
    view: RunView, node: NodeView, best_path: set[str], ascii_only: bool, reasons: bool
) -> Text:
    sign = sign_of(node.label, node.outcome)
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{sign.text(ascii_only)} ", sign.style)
    line.append(node.label, "bold" if node.label in best_path else "")
    if node.label == ROOT:
        value = objective_value(view.root_metrics, view.objective)
        name = clean(view.objective.name, _KEY_LIMIT, ascii_only=ascii_only)
        line.append(f"  {name} {clean(value, 40, ascii_only=ascii_only)}")
    else:
        _append_state(line, node, ascii_only)
    actions = " + ".join(clean(key, _KEY_LIMIT, ascii_only=ascii_only) for key in node.actions)
    line.append(f"  {actions}" if actions else "", "bold" if node.label in best_path else "")
    if node.edge is not None:
        line.append(f"  step {gain_with_interval(node.edge)}", "dim")
    line.append(f"  {count(node.visits, 'visit')}", "dim")
    if node.label == view.best and node.label != ROOT:
        line.append("  <- best" if ascii_only else "  ◀ best", "bold green")
    if reasons and node.reason:
        line.append(f"  ({clean(node.reason, _REASON_LIMIT, ascii_only=ascii_only)})", "dim")
    return line


def _append_state(line: Text, node: NodeView, ascii_only: bool) -> None:
    sign = sign_of(node.label, node.outcome)
    if node.gain is not None:
        line.append(f"  {percent(node.gain)}", sign.style)
    line.append(f"  {sign.word}", sign.style)
    if node.twin:
        line.append(f" of {clean(node.twin, 60, ascii_only=ascii_only)}", sign.style)

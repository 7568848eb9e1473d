"""A run's tree as a picture for terminals and text files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Group
from rich.text import Text

from runner.model import ROOT, NodeView, RunView
from runner.report.estimate import path_to
from runner.report.figures import count, gain_with_interval, objective_value, percent
from runner.report.glyphs import sign_of
from runner.report.text import clean
from runner.report.verification import is_improvement, standing, verification_of

_KEY_LIMIT = 80
_REASON_LIMIT = 120
DEEPEST = 16


@dataclass(frozen=True, slots=True)
class _Guides:
    """What joins a node to its parent, and what stands below it; all of the same length."""

    child: str
    last: str
    bar: str
    blank: str


_GUIDES = _Guides("├─ ", "└─ ", "│  ", "   ")
_ASCII_GUIDES = _Guides("+- ", "`- ", "|  ", "   ")


def render_tree(
    view: RunView,
    *,
    ascii_only: bool = False,
    reasons: bool = False,
    max_nodes: int | None = None,
) -> Group:
    """The tree of ``view``, a line per node: sign, label, gain from the root, outcome, what was
    verified, actions, what the step from its parent gained, visits.

    The path to the node that is best by estimate is bold, a duplicate names its twin. ``reasons``
    adds why a node was discarded. With ``max_nodes`` the paths to the best and the verified nodes,
    and the nodes opened first, are kept, and every node says how many nodes below it are hidden.
    Lines are indented down to level ``DEEPEST``; a label tells its level anyway.
    """
    nodes = {node.label: node for node in view.nodes}
    best_path = {node.label for node in path_to(nodes, view.best)}
    shown = _kept(view, best_path | _verified_paths(view, nodes), max_nodes)
    children, hidden = _below(view, shown)
    guides = _ASCII_GUIDES if ascii_only else _GUIDES
    root = nodes.get(ROOT) or NodeView(label=ROOT, parent="", status="")
    lines: list[Text] = []
    # (node, or the number of hidden ones; guides of the levels above; whether it is the last)
    todo: list[tuple[NodeView | int, str, bool]] = [(root, "", True)]
    while todo:
        entry, above, last = todo.pop()
        own = "" if entry is root else guides.last if last else guides.child
        line = Text(no_wrap=True, overflow="ellipsis").append(above + own, "dim")
        if isinstance(entry, int):
            more = "..." if ascii_only else "…"
            lines.append(line.append(f"{more} {count(entry, 'node')} hidden", "dim"))
            continue
        lines.append(line.append_text(_line(view, entry, best_path, ascii_only, reasons)))
        if entry is not root and len(above) < DEEPEST * len(guides.child):
            above += guides.blank if last else guides.bar
        below: list[NodeView | int] = [*children.get(entry.label, [])]
        below += [hidden[entry.label]] if entry.label in hidden else []
        todo += [(each, above, each is below[-1]) for each in reversed(below)]
    return Group(*lines)


def tree_text(
    view: RunView,
    *,
    ascii_only: bool = False,
    reasons: bool = False,
    max_nodes: int | None = None,
) -> str:
    """The picture of ``render_tree`` without colours, for files and pipes."""
    drawn = render_tree(view, ascii_only=ascii_only, reasons=reasons, max_nodes=max_nodes)
    return "".join(f"{line}\n" for line in drawn.renderables)


def _below(view: RunView, shown: set[str]) -> tuple[dict[str, list[NodeView]], dict[str, int]]:
    """The shown children of each node, and how many nodes are hidden below each shown one."""
    children: dict[str, list[NodeView]] = {}
    hidden: dict[str, int] = {}
    drawn_at = {ROOT: ROOT}  # label -> itself if it is shown, else its nearest shown ancestor
    for node in view.nodes:
        if node.label == ROOT:
            continue
        above = drawn_at.get(node.parent, ROOT)
        if node.label in shown and above == node.parent:
            drawn_at[node.label] = node.label
            children.setdefault(above, []).append(node)
        else:
            drawn_at[node.label] = above
            hidden[above] = hidden.get(above, 0) + 1
    return children, hidden


def _verified_paths(view: RunView, nodes: Mapping[str, NodeView]) -> set[str]:
    found = view.verifications + ((view.verified,) if view.verified else ())
    return {node.label for each in found for node in path_to(nodes, each.label)}


def _kept(view: RunView, wanted: set[str], max_nodes: int | None) -> set[str]:
    labels = [node.label for node in view.nodes]
    if max_nodes is None or len(labels) <= max_nodes:
        return set(labels)
    # Nodes stand in the order in which they were opened, so a parent is always kept with its child.
    kept = wanted | {ROOT}
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
        _append_standing(line, view, node, ascii_only)
    actions = " + ".join(clean(key, _KEY_LIMIT, ascii_only=ascii_only) for key in node.actions)
    line.append(f"  {actions}" if actions else "", "bold" if node.label in best_path else "")
    if node.edge is not None:
        line.append(f"  step {gain_with_interval(node.edge)}", "dim")
    line.append(f"  {count(node.visits, 'visit')}", "dim")
    if reasons and node.reason:
        line.append(f"  ({clean(node.reason, _REASON_LIMIT, ascii_only=ascii_only)})", "dim")
    return line


def _append_standing(line: Text, view: RunView, node: NodeView, ascii_only: bool) -> None:
    """Before the actions: the end of a line is what a narrow terminal cuts off."""
    if said := standing(view, node.label):
        proven = is_improvement(verification_of(view, node.label))
        line.append(f"  {'<-' if ascii_only else '◀'} {said}", "bold green" if proven else "bold")


def _append_state(line: Text, node: NodeView, ascii_only: bool) -> None:
    sign = sign_of(node.label, node.outcome)
    if node.gain is not None:
        line.append(f"  {percent(node.gain)}", sign.style)
    line.append(f"  {sign.word}", sign.style)
    if node.twin:
        line.append(f" of {clean(node.twin, 60, ascii_only=ascii_only)}", sign.style)

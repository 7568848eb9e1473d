"""A moment of a search as a calm picture that fits a terminal.

The picture never grows beyond the terminal: the header takes a handful of rows, the workers at
most a third, and the tree what is left. A tree that is too big shows the path to the best node,
what is in flight and what came back last, each under its nearest shown ancestor, and says how
many nodes are hidden.
"""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from runner.model import ROOT
from runner.report.budget import Limits
from runner.report.figures import clock_time, count, percent, size
from runner.report.glyphs import sign_of
from runner.report.lines import best_line
from runner.report.moment import LiveNode, LiveState
from runner.report.text import clean
from runner.report.verification import containers_words
from runner.report.workers import columns, encoded, workers_table

_BAR_CELLS = 12
_SMALLEST_TREE = 3
_ROOMY = 16  # rows, from which on there is one to spare


def screen(
    state: LiveState, limits: Limits, now: float, width: int, height: int, ascii_only: bool
) -> RenderableType:
    """The picture of ``state`` at ``now``, at most ``height`` rows of ``width`` columns."""
    header = _header(state, limits, now, ascii_only, roomy=height >= _ROOMY)
    workers = workers_table(state, now, max(2, height // 3), ascii_only)
    rows = height - header.row_count - workers.row_count - 1
    shown, hidden = choose(state, max(rows, _SMALLEST_TREE))
    title = count(len(state.nodes), "node")
    if hidden:
        title += f", {hidden:,} of them not shown"
    lines = [Text(title, style="dim"), *tree_lines(state, shown, ascii_only)]
    for line in lines:
        line.truncate(width, overflow="ellipsis" if not ascii_only else "crop")
    return Group(header, workers, *lines)


def choose(state: LiveState, rows: int) -> tuple[list[str], int]:
    """The labels to show in at most ``rows`` rows, in tree order, and how many stay hidden.

    The root and the best node come first, then what is in flight, then the way to the best, then
    the most recent.
    """
    if len(state.nodes) <= rows:
        wanted = dict.fromkeys(state.nodes)
    else:
        flying = [work.job.label for work in state.slots if work is not None]
        path = state.path(state.best)
        order = [ROOT, state.best, *flying, *reversed(path), *state.recent]
        wanted = dict.fromkeys(
            [label for label in dict.fromkeys(order) if label in state.nodes][:rows]
        )
    return sorted(wanted, key=label_order), len(state.nodes) - len(wanted)


def label_order(label: str) -> tuple[int, ...]:
    """Sorts labels as a tree is read: parents before children, ``A.2`` before ``A.10``."""
    return tuple(int(part) if part.isdigit() else 0 for part in label.split("."))


def tree_lines(state: LiveState, shown: list[str], ascii_only: bool) -> list[Text]:
    """One line per shown label, indented below its nearest shown ancestor."""
    best_path = set(state.path(state.best))
    depths: dict[str, int] = {}
    lines = []
    for label in shown:
        parent = state.nodes[label].parent
        while parent and parent not in depths:
            parent = state.nodes[parent].parent if parent in state.nodes else ""
        depths[label] = depths[parent] + 1 if parent else 0
        lines.append(_node_line(state, state.nodes[label], depths[label], best_path, ascii_only))
    return lines


def _node_line(
    state: LiveState, node: LiveNode, depth: int, best_path: set[str], ascii_only: bool
) -> Text:
    sign = sign_of(node.label, node.outcome)
    line = Text("  " * depth, no_wrap=True)
    line.append(f"{sign.text(ascii_only)} ", style=sign.style)
    line.append(node.label, style="bold" if node.label in best_path else "")
    if node.label != ROOT:
        line.append(f"  {sign.word}", style=sign.style)
    if node.estimate is not None and node.label != ROOT:
        line.append(f"  {percent(node.estimate.gain)}", style=sign.style)
    if node.twin:
        line.append(f" of {node.twin}", style="dim")
    actions = " + ".join(clean(key, 60, ascii_only=ascii_only) for key in node.actions)
    line.append(f"  {actions}" if actions else "")
    line.append(f"  {count(node.visits, 'visit')}", style="dim")
    if node.label == state.best and node.label != ROOT:
        line.append("  best so far" if ascii_only else "  ◀ best so far", style="bold green")
    return line


def _header(
    state: LiveState, limits: Limits, now: float, ascii_only: bool, *, roomy: bool
) -> Table:
    table = columns(ascii_only)
    task = clean(state.task, 60, ascii_only=ascii_only)
    policy = clean(state.policy, 30, ascii_only=ascii_only)
    run = f"{task}  run {clean(state.run_id, 60)}  {policy}, seed {state.seed}"
    table.add_row("search", Text(run, style="bold"))
    table.add_row("best", Text(encoded(best_line(state), ascii_only), style="green"))
    table.add_row("pace", Text(_pace(state, now)))
    if roomy and (spent := containers_words(state.container_s, state.saved_s)):
        table.add_row("cost", Text(f"containers {spent}"))
    table.add_row("left", Text(_left(state, limits, now, ascii_only)))
    return table


def _pace(state: LiveState, now: float) -> str:
    rate = state.nodes_per_minute(now)
    words = [
        f"{'-' if rate is None else f'{rate:.1f}'} nodes/min",
        f"{state.evaluations} evaluated in {clock_time(state.elapsed_s(now))}",
    ]
    words += [
        f"{amount} {outcome.value}"
        for outcome, amount in sorted(state.outcomes.items(), key=lambda item: -item[1])[:3]
    ]
    if state.retries:
        words.append(f"{state.retries} retried")
    return "  ".join(words)


def _left(state: LiveState, limits: Limits, now: float, ascii_only: bool) -> str:
    spent: list[float] = []
    words: list[str] = []
    if limits.nodes is not None:
        words.append(f"{count(max(limits.nodes - state.evaluations, 0), 'node')}")
        spent.append(state.evaluations / max(limits.nodes, 1))
    if limits.wall_time_s is not None:
        elapsed_s = state.elapsed_s(now)
        words.append(clock_time(limits.wall_time_s - elapsed_s))
        spent.append(elapsed_s / max(limits.wall_time_s, 1e-9))
    if limits.container_s is not None:
        words.append(f"{clock_time(limits.container_s - state.container_s)} in containers")
        spent.append(state.container_s / max(limits.container_s, 1e-9))
    if limits.snapshot_bytes is not None:
        words.append(size(max(limits.snapshot_bytes - state.snapshot_bytes, 0)))
        spent.append(state.snapshot_bytes / max(limits.snapshot_bytes, 1))
    if limits.target:
        words.append(encoded(f"until {limits.target}", ascii_only))
    if not spent:
        return ", ".join(words) or "no budget was set"
    return f"{_bar(max(spent), ascii_only)}  {', '.join(words)}"


def _bar(part: float, ascii_only: bool) -> str:
    full = round(min(max(part, 0.0), 1.0) * _BAR_CELLS)
    done, rest = ("#", "-") if ascii_only else ("█", "░")
    return done * full + rest * (_BAR_CELLS - full)

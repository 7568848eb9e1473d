"""What the workers of a running search are doing, as a small table."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from runner.model import JobKind
from runner.report.figures import clock_time, count, duration
from runner.report.moment import Aside, LiveState, Work
from runner.report.phases import doing, doing_aside
from runner.report.records import action_of
from runner.report.text import clean


def workers_table(state: LiveState, now: float, rows: int, ascii_only: bool) -> Table:
    """At most ``rows`` rows, one per worker; with more workers than rows, the busy ones.

    While the root is made or the best is verified no worker searches, and one row tells that.
    """
    table = columns(ascii_only)
    if state.aside is not None:
        table.add_row("now", _aside_line(state.aside, now, ascii_only))
        return table
    slots = list(enumerate(state.slots, start=1))
    busy = [(at, work) for at, work in slots if work is not None]
    shown = slots if len(slots) <= rows else busy[: rows - 1]
    for at, work in shown:
        table.add_row(f"{at}", _work_line(work, now, ascii_only) if work else Text("idle", "dim"))
    if len(shown) < len(slots):
        table.add_row("", Text(f"and {count(len(slots) - len(shown), 'more worker')}", "dim"))
    return table


def columns(ascii_only: bool) -> Table:
    """Two columns, a dim name and what it says, cut at the terminal's edge."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, min_width=6)
    table.add_column(no_wrap=True, overflow="crop" if ascii_only else "ellipsis")
    return table


def encoded(text: str, ascii_only: bool) -> str:
    """A line as the terminal can take it."""
    return clean(text, 400, ascii_only=ascii_only)


def _aside_line(aside: Aside, now: float, ascii_only: bool) -> Text:
    line = Text(encoded(doing_aside(aside.label, aside.phase, aside.facts), ascii_only))
    return line.append(f"  {clock_time(now - aside.since)}", "dim")


def _work_line(work: Work, now: float, ascii_only: bool) -> Text:
    job = work.job
    line = Text(f"{job.label}  ")
    if work.retry_at is not None and now < work.retry_at:
        line.append(f"engine trouble, again in {duration(work.retry_at - now)}", "yellow")
    else:
        line.append(encoded(doing(work.phase, work.facts), ascii_only))
        line.append(f"  {clock_time(now - work.since)}", "dim")
    if job.kind is JobKind.REMEASURE:
        line.append("  measured again", "dim")
    else:
        line.append(f"  {encoded(action_of(job), ascii_only)}", "dim")
    if job.number > 1:
        line.append(f"  attempt {job.number}", "yellow")
    return line

"""What the workers of a running search are doing, as a small table."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from runner.model import ROOT, JobKind
from runner.report.figures import clock_time, count, duration
from runner.report.moment import Aside, LiveState, Work
from runner.report.records import action_of
from runner.report.text import clean

# What is being done after a phase was announced: a phase tells what has just happened.
_DOING = {
    "": "waiting for a container",
    "container.started": "applying the action",
    "action.finished": "keeping the evidence",
    "evidence.recorded": "saving the snapshot",
    "snapshot.committed": "starting the checks",
    "snapshot.discarded": "cleaning up",
    "check.started": "checking",
    "check.finished": "checking",
    "benchmark.waiting": "waiting for the benchmark lane",
    "benchmark.started": "measuring",
    "benchmark.repeated": "measuring",
    "benchmark.finished": "deciding",
    "verify.started": "verifying",
}


def workers_table(state: LiveState, now: float, rows: int, ascii_only: bool) -> Table:
    """At most ``rows`` rows, one per worker; with more workers than rows, the busy ones.

    While the root is made or the best is verified no worker searches, and one row tells that.
    """
    table = columns()
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


def columns() -> Table:
    """Two columns, a dim name and what it says, cut at the terminal's edge."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, min_width=6)
    table.add_column(no_wrap=True, overflow="ellipsis")
    return table


def encoded(text: str, ascii_only: bool) -> str:
    """A line as the terminal can take it."""
    return clean(text, 400, ascii_only=ascii_only)


def _aside_line(aside: Aside, now: float, ascii_only: bool) -> Text:
    line = Text("the root: " if aside.label == ROOT else f"verifying {aside.label}: ")
    line.append(_doing(aside.phase, aside.facts, ascii_only))
    return line.append(f"  {clock_time(now - aside.since)}", "dim")


def _work_line(work: Work, now: float, ascii_only: bool) -> Text:
    job = work.job
    line = Text(f"{job.label}  ")
    if work.retry_at is not None and now < work.retry_at:
        line.append(f"engine trouble, again in {duration(work.retry_at - now)}", "yellow")
    else:
        line.append(_doing(work.phase, work.facts, ascii_only))
        line.append(f"  {clock_time(now - work.since)}", "dim")
    if job.kind is JobKind.REMEASURE:
        line.append("  measured again", "dim")
    else:
        line.append(f"  {encoded(action_of(job), ascii_only)}", "dim")
    if job.number > 1:
        line.append(f"  attempt {job.number}", "yellow")
    return line


def _doing(phase: str, facts: Mapping[str, object], ascii_only: bool) -> str:
    words = _DOING.get(phase) or clean(phase, 40, ascii_only=ascii_only)
    match facts:
        case {"check": str(check)}:
            return f"{words}: {clean(check, 40, ascii_only=ascii_only)}"
        case {"done": int(done), "of": int(of)}:
            return f"{words} {done}/{of}"
        case _:
            return words

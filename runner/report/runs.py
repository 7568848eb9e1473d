"""All runs as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from runner.model import RunView, Verdict
from runner.report.figures import clock_time, known, percent
from runner.report.text import clean


def render_runs(views: Sequence[RunView]) -> RenderableType:
    """A row per run, in the order given. ``verified`` is a gain, ``none`` where the best candidate
    turned out to be no improvement, and ``-`` where nothing was verified; times are UTC."""
    if not views:
        return Text("There are no runs yet. `oppie run` begins one.")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("run", "task", "started", "took", "nodes", "verified", "status"):
        right = name in ("took", "nodes", "verified")
        # Where the terminal is narrow, the task's name gives way first.
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "task")
    for view in views:
        table.add_row(*_row(view))
    return table


def _row(view: RunView) -> tuple[Text, ...]:
    started = datetime.fromtimestamp(known(view.started_at) or 0.0, UTC)
    took = clock_time(view.ended_at - view.started_at) if view.ended_at is not None else "-"
    return (
        Text(clean(view.run_id, 40), "bold"),
        Text(clean(view.task, 40)),
        Text(f"{started:%m-%d %H:%M}"),
        Text(took),
        Text(f"{view.evaluations:,}"),
        _result(view),
        Text(view.stop.value if view.stop else clean(view.status, 20)),
    )


def _result(view: RunView) -> Text:
    found = view.verified
    if found is None:
        return Text("-", "dim")
    if found.verdict is Verdict.IMPROVED and found.measurement is not None:
        return Text(percent(found.measurement.gain), "green")
    return Text("none", "dim")

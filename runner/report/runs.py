"""The list of all runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from runner.model import RunView, Verified
from runner.report.figures import gain_with_interval
from runner.report.text import clean


def render_runs(views: Sequence[RunView]) -> Table:
    """One line a run, in the order given."""
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("run", "task", "began", "policy", "nodes", "status", "verified"):
        table.add_column(title, no_wrap=title == "run")
    for view in views:
        table.add_row(
            view.run_id,
            Text(clean(view.task, 40)),
            datetime.fromtimestamp(view.started_at).strftime("%Y-%m-%d %H:%M"),
            view.policy,
            str(view.evaluations),
            Text(clean(_status(view), 60)),
            Text(clean(_verified(view.verified), 60)),
        )
    return table


def _status(view: RunView) -> str:
    return f"{view.status}: {view.stop}" if view.stop else view.status


def _verified(found: Verified | None) -> str:
    if found is None:
        return ""
    if found.measurement is None:
        return f"{found.label} {found.outcome}"
    return f"{found.label} {found.outcome} {gain_with_interval(found.measurement)}"

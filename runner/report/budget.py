"""The limits of a run, as they stand in ``RunView.budget``.

The keys are ``nodes``, ``wall_time_s``, ``container_s``, ``snapshot_bytes`` and ``target``; a key
that is missing or ``None`` is no limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.report.figures import clock_time, count, size
from runner.report.text import clean


@dataclass(frozen=True, slots=True)
class Limits:
    """``None`` where there is no limit; ``target`` is a text that is safe to show, such as
    ``vst_commit_us < 70``, or empty."""

    nodes: int | None = None
    wall_time_s: float | None = None
    container_s: float | None = None
    snapshot_bytes: int | None = None
    target: str = ""

    def words(self) -> str:
        """``60 nodes, 5:00, 30:00 in containers, until vst_commit_us < 70``."""
        parts = [
            "" if self.nodes is None else count(self.nodes, "node"),
            "" if self.wall_time_s is None else clock_time(self.wall_time_s),
            "" if self.container_s is None else f"{clock_time(self.container_s)} in containers",
            "" if self.snapshot_bytes is None else size(self.snapshot_bytes),
            f"until {self.target}" if self.target else "",
        ]
        return ", ".join(filter(None, parts)) or "none"


def limits_of(budget: Mapping[str, object]) -> Limits:
    """Read the limits, ignoring what isn't a number, or a text, where one belongs."""
    nodes = _number(budget.get("nodes"))
    snapshot_bytes = _number(budget.get("snapshot_bytes"))
    target = budget.get("target")
    return Limits(
        nodes=None if nodes is None else int(nodes),
        wall_time_s=_number(budget.get("wall_time_s")),
        container_s=_number(budget.get("container_s")),
        snapshot_bytes=None if snapshot_bytes is None else int(snapshot_bytes),
        target=clean(target) if isinstance(target, str) else "",
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

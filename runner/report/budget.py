"""The limits of a run, as they stand in ``RunView.budget``.

The keys are ``nodes``, ``wall_time_s``, ``snapshot_bytes`` and ``targets``; a key that is missing
or ``None`` is no limit. A target is a text such as ``vst_commit_us < 70``, or its three parts as a
mapping with ``metric``, ``operator`` and ``value``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.report.text import clean


@dataclass(frozen=True, slots=True)
class Limits:
    """``None`` where there is no limit; ``targets`` are texts that are safe to show."""

    nodes: int | None = None
    wall_time_s: float | None = None
    snapshot_bytes: int | None = None
    targets: tuple[str, ...] = ()


def limits_of(budget: Mapping[str, object]) -> Limits:
    """Read the limits, ignoring what isn't a number where one belongs."""
    nodes = _number(budget.get("nodes"))
    snapshot_bytes = _number(budget.get("snapshot_bytes"))
    targets = budget.get("targets")
    return Limits(
        nodes=None if nodes is None else int(nodes),
        wall_time_s=_number(budget.get("wall_time_s")),
        snapshot_bytes=None if snapshot_bytes is None else int(snapshot_bytes),
        targets=tuple(map(_target, targets)) if isinstance(targets, list | tuple) else (),
    )


def _target(target: object) -> str:
    if isinstance(target, Mapping):
        parts = (target.get(part, "") for part in ("metric", "operator", "value"))
        target = " ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in parts)
    return clean(str(target), 80)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

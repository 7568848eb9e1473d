"""Sandboxes without an engine: a node works in a git worktree or in a copy, its states are commits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from runner.model import SandboxKind
from runner.sandbox.local.holdings import LocalHoldings
from runner.sandbox.local.promises import shortcomings
from runner.sandbox.local.sandbox import LocalSandbox

__all__ = ["LocalHoldings", "LocalSandbox", "open_local", "shortcomings"]


def open_local(
    kind: SandboxKind,
    folder: Path,
    run_id: str,
    slot: int = 0,
    cancelled: Callable[[], bool] = lambda: False,
    environment: Mapping[str, str] | None = None,
) -> LocalSandbox:
    """A sandbox for one worker. ``folder`` is below the state folder, and one for all runs.

    What a root starts from is ``LocalSandbox.base()``: there is no image. ``environment`` is the
    planner's; ``PATH``, language and time zone are all that is taken of it. Raises ``EngineError``,
    ``StateError``.
    """
    del slot  # workers share nothing but the folder
    return LocalSandbox(kind, folder, run_id, cancelled, environment)

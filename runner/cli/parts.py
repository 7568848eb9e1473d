"""What a run is made of."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from runner.cli.learning import Learning
from runner.expand.context import RunContext
from runner.sandbox.protocol import OpenSlot, Sandbox
from runner.store import Store


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run is made of. ``open_slot`` opens a sandbox for each worker, for the planner, and for
    the tools of agents; ``image`` is what the root's container starts from. ``learning`` is what the
    run remembers for others, and knows of them."""

    context: RunContext
    store: Store
    open_slot: OpenSlot
    image: str
    workers: int
    cancelled: threading.Event
    learning: Learning | None = None

    def open_sandbox(self, slot: int) -> Sandbox:
        """One that gives up when the run does."""
        return self.open_slot(slot, self.cancelled.is_set)

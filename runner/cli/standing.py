"""A node's image for a person to enter: as it was committed, or rebuilt."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from runner.cli.beginning import parts_for
from runner.cli.engine import opener
from runner.cli.home import aside, read_store, state
from runner.cli.signals import interruptible
from runner.expand.judging import Trial
from runner.expand.rebuilding import standing
from runner.model import NodeView, RunView, Snapshot, State
from runner.report.phases import happened
from runner.sandbox.protocol import SHELL
from runner.task import kept_task


def standing_image(view: RunView, node: NodeView, slot: int) -> str:
    """The digest of a node's snapshot; if that is gone, of one that is rebuilt now, which is told.

    Raises ``SnapshotMissing`` where it can't be rebuilt, ``Cancelled`` once told to stop.
    """
    assert node.snapshot is not None
    task, image = kept_task(state().run(view.run_id))
    with closing(opener(task, view.run_id, image)(slot, lambda: False)) as sandbox:
        if sandbox.held(node.snapshot.digest) is not None:
            return node.snapshot.digest
    return _rebuilt(view, node, slot).digest


def _rebuilt(view: RunView, node: NodeView, slot: int) -> Snapshot:
    task, image = kept_task(state().run(view.run_id))
    with read_store() as store:
        parts = parts_for(store, view, task, image)
    with (
        interruptible(parts.cancelled),
        closing(parts.open_sandbox(slot)) as sandbox,
        tempfile.TemporaryDirectory() as folder,
    ):
        # Its log is nobody's attempt, and of no use once it has ended.
        context = replace(parts.context, folder=Path(folder))
        attempt_id = f"{SHELL}-{node.label}-{secrets.token_hex(3)}"
        trial = Trial(context, sandbox, attempt_id, node.label)
        wanted = State(node.label, node.snapshot, node.commit, node.tree_id)
        walk = standing(trial, wanted)
        while True:
            try:
                phase = next(walk)
            except StopIteration as end:
                found: Snapshot = end.value.snapshot
                return found
            aside.print(happened(phase.name, phase.facts), markup=False)

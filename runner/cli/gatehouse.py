"""A run that is over, opened for judging its nodes again."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from runner.cli.beginning import parts_for
from runner.cli.conduct import reconciled, root_of
from runner.cli.home import aside, settings, state
from runner.cli.parts import Parts
from runner.cli.publishing import cases
from runner.cli.read import node_of
from runner.cli.run import display_mode
from runner.cli.signals import interruptible
from runner.errors import TaskError
from runner.expand.plans import verification_of
from runner.gate import CleanRoom, opened
from runner.measure.plan import Plan
from runner.model import Event, NodeView, RunView
from runner.report.estimate import Estimate, estimate
from runner.report.eventlog import EventLog, open_event_stream
from runner.report.live import Display, make_display
from runner.sandbox.protocol import Sandbox
from runner.settings import LogFormat
from runner.store import Store
from runner.task import Task, kept_task

T = TypeVar("T")
_HALVINGS = 8


@dataclass(frozen=True, slots=True)
class Gatehouse:
    """A run that is over, with all that it takes to judge its nodes again."""

    store: Store
    view: RunView
    task: Task
    parts: Parts
    sandbox: Sandbox
    log: EventLog
    display: Display

    def follow(self, walk: Generator[Event, None, T]) -> T:
        """Show and log what happens; what came of it."""
        while True:
            try:
                event = next(walk)
            except StopIteration as end:
                result: T = end.value
                return result
            self.log.event(event)
            self.display.event(event)

    @contextmanager
    def room(self) -> Iterator[CleanRoom]:
        """The clean room, with the run's root in it. What a killed command left is removed."""
        parts = self.parts
        self.follow(reconciled(parts, self.sandbox))
        root = self.follow(root_of(parts, self.sandbox))
        walk = opened(parts.context, self.sandbox, root, parts.image, parts.cancelled)
        with closing(self.follow(walk)) as room:
            yield room

    def plan(self, room: CleanRoom) -> Plan:
        """The plan of one more verification of this run.

        Asking again until the answer pleases is peeking, too: each verification has half the chance
        of an error that the one before had.
        """
        folder = state().run(self.view.run_id)
        asked = len(self.view.verifications) + sum(1 for _ in cases(folder))
        return verification_of(room.context, 2 ** min(asked, _HALVINGS))

    def claim(self, label: str) -> Estimate | None:
        """What the search has measured of a node."""
        return estimate({node.label: node for node in self.view.nodes}, label)

    def node(self, label: str) -> NodeView:
        """A node with sources. Raises ``TaskError``."""
        found = node_of(self.view, label)
        if not found.commit:
            raise TaskError(f"node {found.label} has no sources ({found.outcome or found.status})")
        return found


@contextmanager
def gatehouse(run: str, quiet: bool, plain: bool) -> Iterator[Gatehouse]:
    """Open a run for judging; nobody else may write to the journal meanwhile."""
    with Store(state().journal) as store:
        view = store.run(run)
        store.work_on(view.run_id)
        folder = state().run(view.run_id)
        task, image = kept_task(folder)
        parts = parts_for(store, view, task, image)
        with (
            open_event_stream(folder / "events.jsonl") as stream,
            interruptible(parts.cancelled),
            closing(parts.open_sandbox(parts.workers)) as sandbox,
        ):
            log = EventLog(stream, view, human=settings().log_format is LogFormat.PEOPLE)
            display = make_display(display_mode(quiet, plain, False), aside, view)
            try:
                yield Gatehouse(store, view, task, parts, sandbox, log, display)
            finally:
                display.close()

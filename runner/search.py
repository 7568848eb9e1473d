"""The loop: select -> expand -> backpropagate -> record.

It knows nothing of containers, threads or files. The world enters through a ``Pool`` (which makes
journeys happen) and a ``Journal`` (which remembers them); the decisions come from a ``Policy``
and a ``Budget``. The same loop therefore runs over threads with a real engine, over the fake
sandbox, and over a recorded space.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Protocol

from runner.model import (
    Closed,
    Decision,
    Event,
    Expansion,
    Job,
    Outcome,
    Phase,
    Retried,
    Selected,
    Stopped,
    StopReason,
)
from runner.planner.budget import Budget
from runner.planner.policy import Policy
from runner.planner.tree import Tree

MAX_ATTEMPTS = 6
MAX_DELAY_S = 60.0


class Pool(Protocol):
    """Makes up to ``workers`` journeys at a time; everything they say comes out of ``take``."""

    @property
    def workers(self) -> int: ...

    def submit(self, job: Job, delay_s: float = 0.0) -> None:
        """Hand out a job, to be started in ``delay_s`` seconds at the earliest."""

    def take(self) -> Phase | Expansion | Stopped:
        """Block until something happens. ``Stopped`` means that the user wants an end."""


class Journal(Protocol):
    """What must outlive the process; called from the planner's thread only."""

    def intend(self, job: Job) -> None:
        """Write down that a job is about to be handed out."""

    def record(self, closed: Closed) -> None:
        """Count a visit, once, in one transaction with the statistics that follow from it."""

    def abandon(self, expansion: Expansion) -> None:
        """Write down that an attempt came to nothing, for no fault of the action's."""


def search(
    tree: Tree,
    policy: Policy,
    budget: Budget,
    pool: Pool,
    journal: Journal,
    pending: Iterable[Job] = (),
) -> Iterator[Event]:
    """Run the search, yielding what happens; the last event is ``Stopped``.

    ``pending`` are jobs that an interrupted run had handed out: they are open in ``tree`` already,
    and go first.
    """
    parked: dict[str, list[Expansion]] = {}
    failures: Counter[str] = Counter()  # of the engine, by node, since this search began
    for job in pending:
        pool.submit(job)
        yield Selected(job)
    while True:
        stop = budget.spent(tree)
        # What is parked waits for a twin, not for a worker.
        waiting = sum(map(len, parked.values()))
        while stop is None and tree.in_flight - waiting < pool.workers:
            choice = policy.select(tree, budget.progress(tree))
            if choice is None:
                break
            job = tree.open(choice)
            journal.intend(job)
            pool.submit(job)
            yield Selected(job)
            stop = budget.spent(tree)
        if tree.in_flight == 0:
            yield stop or Stopped(StopReason.EXHAUSTED, "no untried action is left")
            return
        match pool.take():
            case Phase() as phase:
                yield phase
            case Stopped() as stopped:
                yield stopped
                return
            case Expansion(outcome=Outcome.INFRA) as expansion:
                journal.abandon(expansion)
                failed = expansion.job
                failures[failed.label] += 1
                if failures[failed.label] >= MAX_ATTEMPTS:
                    yield Stopped(StopReason.ENVIRONMENT, f"{failed.label}: {expansion.reason}")
                    return
                delay_s = min(2.0 ** (failures[failed.label] - 1), MAX_DELAY_S)
                yield _again(failed, expansion.reason, delay_s, tree, pool, journal)
            case Expansion(twin=twin) as expansion if twin and tree.is_open(twin):
                # Its reward is its twin's, which is still being measured.
                parked.setdefault(twin, []).append(expansion)
            case Expansion() as expansion:
                ready = [expansion]
                while ready:
                    event = _close(ready.pop(), tree, pool, journal)
                    yield event
                    if isinstance(event, Closed):
                        label = event.expansion.job.label
                        ready.extend(reversed(parked.pop(label, [])))


def _close(expansion: Expansion, tree: Tree, pool: Pool, journal: Journal) -> Closed | Retried:
    """Count an attempt, unless it calls itself the twin of a node that has become another state:
    the attempt that it had met there came to nothing, and the next one went elsewhere."""
    if expansion.twin and tree.node(expansion.twin).tree_id != expansion.tree_id:
        reason = f"{expansion.twin}, whose twin it was, has become another state"
        journal.abandon(_come_to_nothing(expansion, reason))
        return _again(expansion.job, reason, 0.0, tree, pool, journal)
    closed = tree.close(expansion)
    journal.record(closed)
    return closed


def _come_to_nothing(expansion: Expansion, reason: str) -> Expansion:
    return Expansion(expansion.job, Outcome.INFRA, Decision.ABANDON, None, reason)


def _again(
    job: Job, reason: str, delay_s: float, tree: Tree, pool: Pool, journal: Journal
) -> Retried:
    """Hand out the next attempt of a job that came to nothing."""
    job = tree.reopen(job)
    journal.intend(job)
    pool.submit(job, delay_s)
    return Retried(job, reason, delay_s)

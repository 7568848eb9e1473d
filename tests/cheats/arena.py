"""Runs cheats through the product, and lets each that fooled the search be verified."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from cheats.cheat import HERE
from runner.cli.conduct import Finished, conduct
from runner.cli.parts import Parts
from runner.evidence import Claims, Evidence
from runner.expand.context import RunContext
from runner.expand.lane import Lane
from runner.expand.plans import verification_of
from runner.expand.root import kept_root
from runner.gate import CleanRoom, opened, verified
from runner.model import Action, Decision, NodeView, Outcome, RunView, State, Verdict, Verified
from runner.planner.budget import BudgetLimits
from runner.report.estimate import estimate
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.protocol import Sandbox
from runner.store import Store
from runner.task import Task, load_task

WORKERS = 2
HONEST = (FASTER, COMMENT) = ("one-pass", "comment")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ended:
    """How an action ended: what the search made of it and, if that was an improvement, what the
    verification did."""

    node: NodeView
    verified: Verified | None

    @property
    def word(self) -> str:
        """The last word on it: a verdict if there is one, else the search's outcome."""
        return str(self.verified.verdict if self.verified else self.node.outcome)

    def __str__(self) -> str:
        said = f"{self.node.outcome}: {self.node.reason}"
        return said + (
            f"; {self.verified.verdict}: {self.verified.reason}" if self.verified else ""
        )


def task_with(name: str, actions: Sequence[Action]) -> Task:
    """The task ``<name>.toml``, with more actions, each of which is tried once at the root."""
    task = load_task(HERE / f"{name}.toml")
    every = (*task.actions, *actions)
    return replace(task, actions=every, budget=BudgetLimits(nodes=len(every)))


@contextmanager
def arena(task: Task, image: str, folder: Path, lanes: int = WORKERS) -> Iterator[Parts]:
    """The parts of a new run on the engine, which has nothing left of it afterwards.

    As many benchmarks run at a time as there are lanes: what is measured here differs by far more
    than they disturb each other.
    """
    run_id = f"cheats-{secrets.token_hex(4)}"
    (folder / "runs" / run_id).mkdir(parents=True)
    cancelled = threading.Event()
    context = RunContext(
        run_id,
        task,
        folder / "runs" / run_id,
        Evidence(folder / "evidence.git"),
        Claims(),
        Lane(lanes, folder),
        cancelled.is_set,
    )

    def open_sandbox(slot: int, told: Callable[[], bool]) -> EngineSandbox:
        return EngineSandbox(connect(), run_id, image, slot, told)

    with Store(folder / "journal.db") as store:
        store.create_run(_new(task, run_id))
        try:
            yield Parts(context, store, open_sandbox, image, WORKERS, cancelled)
        finally:
            with closing(open_sandbox(WORKERS, cancelled.is_set)) as sandbox:
                _clear(sandbox)


def _new(task: Task, run_id: str) -> RunView:
    how, objective = task.search, task.benchmark.objective
    about = (run_id, task.name, str(task.target), "running")
    return RunView(*about, how.policy, how.seed, WORKERS, objective, time.time())


def _clear(sandbox: Sandbox) -> None:
    left = sandbox.leftovers()
    for container in left.containers:
        sandbox.remove(container)
    for tag in left.images:
        sandbox.discard(tag)


def judged(parts: Parts) -> dict[str, Ended]:
    """How each action of the task ended, by its key.

    The run verifies what looks best. Whatever else the search has kept is verified here, as if it
    had looked best; but honest work only if it was taken for an improvement.
    """
    finished: Finished = _result(conduct(parts))
    view = parts.store.run(parts.context.run_id)
    known = {finished.verified.label: finished.verified} if finished.verified else {}
    wanted = [node for node in view.nodes[1:] if _counts(node) and node.label not in known]
    known |= _verified(parts, view, wanted)
    return {node.actions[0]: Ended(node, known.get(node.label)) for node in view.nodes[1:]}


def _counts(node: NodeView) -> bool:
    kept = node.decision is Decision.COMMIT and node.actions[0] not in HONEST
    return kept or node.outcome is Outcome.IMPROVED


def _verified(parts: Parts, view: RunView, nodes: Sequence[NodeView]) -> dict[str, Verified]:
    """The verdicts on nodes, by label; several are verified at a time."""
    context = parts.context
    known = {node.label: node for node in view.nodes}
    kept = parts.store.root(context.run_id)
    assert kept is not None
    root, plan = kept_root(context, kept[0]), verification_of(context, 1)

    def some(slot: int, room: CleanRoom) -> list[Verified]:
        with closing(parts.open_sandbox(slot)) as sandbox:
            own = replace(room, sandbox=sandbox)
            return [
                _result(verified(own, _state(node), plan, estimate(known, node.label)))
                for node in nodes[slot::WORKERS]
            ]

    with closing(parts.open_sandbox(WORKERS)) as sandbox:
        opening = opened(context, sandbox, root, parts.image, parts.cancelled)
        with closing(_result(opening)) as room, ThreadPoolExecutor(WORKERS) as threads:
            found = threads.map(some, range(WORKERS), [room] * WORKERS)
            return {each.label: each for every in found for each in every}


def _state(node: NodeView) -> State:
    return State(node.label, node.snapshot, node.commit, node.tree_id)


def _result(journey: Generator[object, None, T]) -> T:
    """What a generator returns in the end."""
    while True:
        try:
            next(journey)
        except StopIteration as end:
            result: T = end.value
            return result


def is_verified(ended: Ended) -> bool:
    """Whether it would have been sold as an improvement."""
    return ended.verified is not None and ended.verified.verdict is Verdict.IMPROVED

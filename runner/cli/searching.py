"""The search of a run: the loop with its policy, its budget and its workers."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace

from runner.cli.estimating import estimated
from runner.cli.learning import BriefedPool
from runner.cli.parts import Parts
from runner.expand.claiming import claim_again
from runner.expand.context import RunContext
from runner.expand.evicting import Evictor
from runner.expand.journey import Expander
from runner.expand.root import Root
from runner.keeping import keep_whole, keeping
from runner.model import (
    ROOT,
    Closed,
    Event,
    Expand,
    Job,
    Mode,
    Phase,
    Selected,
    Stopped,
    StopReason,
)
from runner.planner.budget import Budget
from runner.planner.complexity import Complexity
from runner.planner.mode import ByMode, Stage, Standing
from runner.planner.policy import make_policy
from runner.planner.tree import Tree
from runner.pool import ThreadPool
from runner.sandbox.protocol import Sandbox
from runner.sandbox.snapshots import tag_of
from runner.search import search
from runner.store import Store

_COMPLEXITY = "complexity.json"
_EARLIER_RUNS = 20


def searched(
    parts: Parts, sandbox: Sandbox, root: Root, tree: Tree
) -> Generator[Event, None, Stopped]:
    """Search from where ``tree`` stands until something ends it. Raises ``OppieError``."""
    context, store, learning = parts.context, parts.store, parts.learning
    policy = _policy(parts)
    budget = Budget(
        context.task.budget,
        spent_s=store.elapsed_s(context.run_id),
        before_s=store.container_s(context.run_id),
        before_usd=store.cost_usd(context.run_id),
    )
    pending = store.pending(context.run_id, {action.key: action for action in tree.actions})
    _claim_again(context, pending)
    evictor = Evictor(context, sandbox, tree, parts.workers)
    yield from evictor.make_room()
    standing = policy.standing(tree)
    yield _told(standing)
    with ThreadPool(
        parts.workers, lambda slot: _worker(parts, root, slot), parts.cancelled
    ) as threads:
        pool = BriefedPool(threads, learning, context, store) if learning else threads
        try:
            for event in search(tree, policy, budget, pool, store.journal(context.run_id), pending):
                match event:
                    case Stopped():
                        if event.reason is StopReason.ENVIRONMENT:
                            parts.cancelled.set()  # what else is in flight won't do better
                        return _explained(event, policy.standing(tree))
                    case Selected(job=job):
                        event = replace(event, target_tag=tag_of(context.run_id, job.label))
                    case Closed() if learning:
                        learning.record(event, context, tree)
                yield event
                if isinstance(event, Closed) and policy.standing(tree).stage is not standing.stage:
                    standing = policy.standing(tree)
                    yield _told(standing)
                yield from evictor.after(event)
        finally:
            store.set_elapsed(context.run_id, budget.elapsed_s)
    raise AssertionError("a search ends with Stopped")


def _policy(parts: Parts) -> ByMode:
    context, task = parts.context, parts.context.task
    view = parts.store.run(context.run_id, with_nodes=False)
    objective, memory = task.benchmark.objective, None
    if parts.learning:
        memory = parts.learning.knowledge.memory(objective, context.run_id)
    policy = make_policy(view.policy, task.actions, view.seed, task.search, memory)
    return ByMode(policy, task.actions, task.mode, _complexity(parts))


def _complexity(parts: Parts) -> Complexity | None:
    """How complex the task looked when its run began; ``None`` where nothing depends on it."""
    context, task = parts.context, parts.context.task
    if task.mode.mode is not Mode.AUTO or not any(action.agent for action in task.actions):
        return None
    path = context.folder / _COMPLEXITY
    with keeping("read", path):
        kept = json.loads(path.read_bytes()) if path.exists() else None
    if kept is not None:
        return Complexity(**kept)
    found = estimated(task, list(_earlier(parts.store, context.run_id)))
    keep_whole(path, json.dumps(asdict(found)).encode())
    return found


def _earlier(store: Store, run_id: str) -> Iterator[list[float | None]]:
    """The latest runs of the same task over the same target, each as the gains of its evaluations."""
    own = store.run(run_id, with_nodes=False)
    same = [
        view
        for view in store.runs()
        if view.run_id < run_id and (view.task, view.target) == (own.task, own.target)
    ]
    for view in same[:_EARLIER_RUNS]:
        nodes = [node for node in store.run(view.run_id).nodes if node.outcome]
        yield [node.gain for node in sorted(nodes, key=lambda node: node.ended_at)]


def _told(standing: Standing) -> Phase:
    facts: dict[str, object] = {"stage": str(standing.stage), "why": standing.reason}
    return Phase(ROOT, "mode.chosen", facts)


def _explained(stop: Stopped, standing: Standing) -> Stopped:
    """A loop that is over without a search says why."""
    over = standing.stage in (Stage.SUFFICED, Stage.GIVEN_UP)
    if over and stop.reason is StopReason.EXHAUSTED:
        return Stopped(stop.reason, standing.reason)
    return stop


def _claim_again(context: RunContext, pending: tuple[Job, ...]) -> None:
    """What open attempts had claimed before their planner died, before any job is handed out."""
    for job in pending:
        claim_again(context, job)


@contextmanager
def _worker(parts: Parts, root: Root, slot: int) -> Iterator[Expand]:
    with closing(parts.open_sandbox(slot)) as sandbox:
        yield Expander(parts.context, sandbox, root)

"""The best parts together: states of different branches of the tree, merged one after another."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from runner.errors import EngineError
from runner.evidence import Conflict, Recorded, merge_trees, record_tree
from runner.expand.context import RunContext
from runner.expand.judging import Failure, Meter
from runner.expand.plans import verification_of
from runner.expand.verify import build, sources_of, tampering
from runner.gate.clean_room import CleanRoom, Judged, fresh_id, paired, patiently
from runner.measure.plan import Plan
from runner.model import (
    Action,
    ActionKind,
    Decision,
    Expansion,
    Job,
    JobKind,
    Measurement,
    Phase,
    Snapshot,
    State,
)
from runner.planner.node import Node
from runner.planner.reward import judge, verdict_of
from runner.planner.tree import Tree
from runner.sandbox.snapshots import tag_of

_MERGE = "merge:"


@dataclass(frozen=True, slots=True)
class Part:
    """A node that was tried as a part, and why it was kept or left out."""

    label: str
    kept: bool
    why: str


@dataclass(frozen=True, slots=True)
class Combination:
    """Sources that are several nodes' together. ``labels`` are the nodes, the best first, of which
    the sources are ``commit`` and ``tree_id``; ``gain`` is over the first of them."""

    labels: tuple[str, ...]
    commit: str
    tree_id: str
    gain: Measurement | None = None


@dataclass(frozen=True, slots=True)
class Synthesis:
    """What came of it: the combination, and each part that was tried."""

    combination: Combination
    parts: tuple[Part, ...]
    meter: Meter


def merge_action(label: str) -> Action:
    """The action that a combination's edge has for each further part."""
    return Action(f"{_MERGE}{label}", ActionKind.MERGE, description=f"the sources of {label}")


def parts_of(tree: Tree, most: int) -> tuple[Node, ...]:
    """The states worth combining, best first: what passed and gained, and is no ancestor of a
    better one, which holds it already."""
    chosen: list[Node] = []
    for node in tree.top(len(tree.nodes)):
        if node.parent is None or node.value <= 0.0 or len(chosen) == most:
            break
        if not any(_is_ancestor(node.label, other.label) for other in chosen):
            chosen.append(node)
    return tuple(chosen)


def synthesise(
    room: CleanRoom, tree: Tree, parts: Sequence[Node]
) -> Generator[Phase, None, Synthesis]:
    """Add the parts to the first one, best first; each is kept only if it gains over what is there.

    Each is merged with its sources since the nearest common ancestor as the base, built in the
    clean room, checked, and measured against the combination so far. Raises ``EngineError``.
    """
    first = parts[0]
    combination = Combination((first.label,), first.commit, first.tree_id)
    plan = verification_of(room.context, max(len(parts) - 1, 1))
    told = [Part(first.label, True, "the best by itself")]
    meter = Meter()
    for node in parts[1:]:
        yield Phase(node.label, "synthesis.tried", {"with": "+".join(combination.labels)})
        found = yield from _added(room, tree, combination, node, plan, meter)
        if isinstance(found, str):
            told.append(Part(node.label, False, found))
        else:
            combination, gain = found, found.gain
            assert gain is not None
            told.append(Part(node.label, True, f"{math.expm1(gain.gain):+.1%} more"))
        yield Phase(node.label, "synthesis.judged", {"kept": told[-1].kept, "why": told[-1].why})
    return Synthesis(combination, tuple(told), meter)


def settle(
    room: CleanRoom, job: Job, synthesis: Synthesis, plan: Plan
) -> Generator[Phase, None, Expansion]:
    """Make the combination the node of ``job``, measured once more against its best part."""
    context, combination, meter = room.context, synthesis.combination, synthesis.meter
    started_at = time.time()
    recorded = _recorded(context, job.label, combination)
    before = sources_of(context, room.root, job.against.commit)

    def once(attempt_id: str) -> Judged:
        trial = room.trial(attempt_id, job.label, meter)
        return paired(room, trial, before, sources_of(context, room.root, recorded.commit), plan)

    result = yield from patiently(room, job.label, f"{job.label}-whole", once)
    thresholds = context.task.search.thresholds
    if isinstance(result, Measurement):
        told, reason = judge(result, thresholds), f"{' + '.join(combination.labels)} together"
    else:
        told, reason = verdict_of(result.outcome, thresholds), result.reason
    snapshot = None
    if told.decision is Decision.COMMIT:
        snapshot = yield from _snapshot(room, job.label, recorded.commit, meter)
    return Expansion(
        job=job,
        outcome=told.outcome,
        decision=told.decision,
        reward=told.reward,
        reason=reason,
        measurement=result if isinstance(result, Measurement) else None,
        snapshot=snapshot,
        commit=recorded.commit,
        tree_id=recorded.tree_id,
        files_changed=recorded.files_changed,
        started_at=started_at,
        ended_at=time.time(),
        container_s=round(meter.container_s, 4),
        saved_s=round(meter.saved_s, 4),
    )


def _recorded(context: RunContext, label: str, combination: Combination) -> Recorded:
    """The combination's sources as the evidence of its node, a child of all its parts."""
    evidence, run_id = context.evidence, context.run_id
    parents = tuple(evidence.commit(run_id, each) for each in combination.labels)
    message = f"{label}: {' + '.join(combination.labels)} together\n"
    return record_tree(evidence, run_id, label, combination.tree_id, parents, message)


def _snapshot(
    room: CleanRoom, label: str, commit: str, meter: Meter
) -> Generator[Phase, None, Snapshot]:
    """The node's own image. One of an earlier try that was never recorded is replaced."""
    room.sandbox.discard(tag_of(room.context.run_id, label))
    trial = room.trial(fresh_id(room.context, f"{label}-built"), label, meter)
    sources = sources_of(room.context, room.root, commit)
    built = yield from build(trial, room.image, sources, label)
    if isinstance(built, Failure):
        raise EngineError(f"{label} was built before, and can't be built again: {built.reason}")
    return built.snapshot


def _added(
    room: CleanRoom,
    tree: Tree,
    so_far: Combination,
    node: Node,
    plan: Plan,
    meter: Meter,
) -> Generator[Phase, None, Combination | str]:
    """The combination with one more part, or why it is better without."""
    context = room.context
    base = tree.node(_common(so_far.labels[0], node.label))
    together = merge_trees(
        context.evidence, base.commit, so_far.commit, node.commit, ("the others", node.label)
    )
    if isinstance(together, Conflict):
        return f"conflicts in {', '.join(together.paths[:3])}"
    if together.tree_id == so_far.tree_id:
        return "the others hold it already"
    label = f"synthesis-{node.label}"
    recorded = record_tree(
        context.evidence, context.run_id, label, together.tree_id, (so_far.commit, node.commit), label
    )
    if reason := tampering(context, room.root, recorded.commit):
        return reason
    before = sources_of(context, room.root, so_far.commit)

    def once(attempt_id: str) -> Judged:
        trial = room.trial(attempt_id, node.label, meter)
        return paired(room, trial, before, sources_of(context, room.root, recorded.commit), plan)

    result = yield from patiently(room, node.label, f"{node.label}-synthesis", once)
    if isinstance(result, Failure):
        return result.reason
    if result.low <= 0.0:
        return f"no gain over the others ({math.expm1(result.gain):+.1%})"
    return Combination((*so_far.labels, node.label), recorded.commit, recorded.tree_id, result)


def job_of(tree: Tree, combination: Combination) -> Job:
    """The job that stands for making the combination; its node is not opened yet."""
    best = tree.node(combination.labels[0])
    label = f"{best.label}.{best.last_child + 1}"
    state = State(best.label, best.snapshot, best.commit, best.tree_id)
    actions = tuple(merge_action(each) for each in combination.labels[1:])
    return Job(JobKind.EXPAND, label, 1, state, state, actions)


def with_merges(actions: Sequence[Action], keys: Sequence[str]) -> tuple[Action, ...]:
    """A task's actions, and the merges that a run has made beside them."""
    known = {action.key for action in actions}
    merges = sorted({key for key in keys if key.startswith(_MERGE)} - known)
    return (*actions, *(merge_action(key.removeprefix(_MERGE)) for key in merges))


def _common(one: str, other: str) -> str:
    """The nearest common ancestor, by labels."""
    parts = []
    for mine, theirs in zip(one.split("."), other.split("."), strict=False):
        if mine != theirs:
            break
        parts.append(mine)
    return ".".join(parts)


def _is_ancestor(label: str, of: str) -> bool:
    return of.startswith(f"{label}.")

"""One run from its root to its verified best: the parts, put together.

A generator of events, like the search in its middle; what came of it is its return value.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace

from runner.cli.parts import Parts
from runner.cli.searching import searched
from runner.errors import Cancelled, EngineError, ExitCode, RootFails
from runner.evidence import pack_target
from runner.expand.agency import agency_of
from runner.expand.judging import Trial
from runner.expand.plans import verification_of
from runner.expand.probing import agents_of, demand_models, probed
from runner.expand.root import ATTEMPT_ID, Root, build_root, kept_root
from runner.gate import best_of, opened, verified, with_merges
from runner.keeping import keeping
from runner.measure.protected import matches
from runner.model import (
    ROOT,
    Event,
    Phase,
    Stopped,
    StopReason,
    Verdict,
    Verified,
)
from runner.planner.tree import Tree
from runner.reconcile import settle
from runner.report.estimate import estimate
from runner.sandbox.protocol import Sandbox

_SPENT = (
    StopReason.NODES,
    StopReason.TIME,
    StopReason.BYTES,
    StopReason.CONTAINERS,
    StopReason.COST,
)


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended."""

    stop: Stopped
    verified: Verified | None
    exit_code: ExitCode


def conduct(parts: Parts) -> Generator[Event, None, Finished]:
    """Run, or go on with, the run of ``parts``. Raises ``OppieError``.

    The last event is ``Stopped``.
    """
    context, store = parts.context, parts.store
    stop, found = Stopped(StopReason.INTERRUPTED, "told to stop"), None
    with keeping("make", context.folder):
        context.folder.mkdir(parents=True, exist_ok=True)
    with closing(parts.open_sandbox(parts.workers)) as sandbox:
        try:
            yield from reconciled(parts, sandbox)
            root = yield from root_of(parts, sandbox)
            assert root.state.snapshot is not None
            sandbox.find(root.state.snapshot.digest)  # or there is nothing to go on with
            yield from _agents_asked(parts, sandbox, root)
            tree = grown(parts, root)
            stop = yield from searched(parts, sandbox, root, tree)
            if stop.reason not in (StopReason.INTERRUPTED, StopReason.ENVIRONMENT):
                yield from _tidied(parts, sandbox)
                found = yield from _verify_best(parts, sandbox, root, tree)
                yield from _tidied(parts, sandbox)
        except RootFails:
            yield from _tidied(parts, sandbox, over=True)
            raise
        except Cancelled:
            stop = Stopped(StopReason.INTERRUPTED, "told to stop")
    if found:
        store.set_verified(context.run_id, found)
    yield stop
    return Finished(stop, found, exit_code_of(stop, found))


def exit_code_of(stop: Stopped, found: Verified | None) -> ExitCode:
    """DESIGN's exit codes, from why the search stopped and what was verified."""
    match stop.reason:
        case StopReason.INTERRUPTED:
            return ExitCode.INTERRUPTED
        case StopReason.ENVIRONMENT:
            return ExitCode.ENVIRONMENT
    if found and found.verdict is Verdict.IMPROVED:
        return ExitCode.IMPROVED
    if stop.reason in _SPENT:
        return ExitCode.BUDGET
    return ExitCode.NO_IMPROVEMENT


def root_of(parts: Parts, sandbox: Sandbox) -> Generator[Event, None, Root]:
    """The root as the journal has it, or else made now."""
    context, store = parts.context, parts.store
    kept = store.root(context.run_id)
    if kept:
        state, _ = kept
        assert state.snapshot is not None
        return kept_root(context, state)
    excluded = context.task.exclude
    root = yield from build_root(
        context,
        sandbox,
        parts.image,
        lambda: pack_target(context.task.target, lambda path: matches(excluded, path)),
    )
    store.set_root(context.run_id, root.state, root.metrics, root.remarks, root.container_s)
    return root


def _agents_asked(parts: Parts, sandbox: Sandbox, root: Root) -> Generator[Event, None, None]:
    """What the task's agents say of themselves, before any of them is needed. Raises ``TaskError``."""
    context = parts.context
    specs = agents_of(context.task)
    if specs:
        demand_models(agency_of(context), specs)
        trial = Trial(context, sandbox, ATTEMPT_ID, ROOT)
        agency_of(context).found.update((yield from probed(trial, root, specs)))


def grown(parts: Parts, root: Root, merges: Sequence[str] = ()) -> Tree:
    """The tree as far as the journal has it, and the claims of the states that it knows.

    ``merges`` are the keys of actions that are about to be added to those of the task.
    """
    run_id = parts.context.run_id
    actions = with_merges(
        parts.context.task.actions, (*parts.store.action_keys(run_id), *merges)
    )
    tree = Tree(root.state, actions, root.metrics)
    parts.store.replay(run_id, tree, {action.key: action for action in actions})
    for node in tree.nodes:
        if node.tree_id and not node.twin and not node.open:
            parts.context.claims.claim(node.tree_id, node.label)
    return tree


def reconciled(
    parts: Parts, sandbox: Sandbox, *, over: bool = False
) -> Generator[Phase, None, None]:
    """Bring engine, evidence and folder to what the journal knows of the run: what a crash, or
    trouble with the engine, has left and no open attempt goes on with is removed.

    ``over``: nothing will be searched from this root, whatever the journal says by now. Its logs
    stay in the attempt's folder. Raises ``EngineError``, ``EvidenceError``.
    """
    context = parts.context
    known = parts.store.known(context.run_id)
    known = replace(known, over=known.over or over)
    for done in settle(known, sandbox, context.evidence, context.folder.parent):
        ruling = done.ruling
        facts: dict[str, object] = {
            "thing": str(ruling.thing),
            "name": ruling.name,
            "did": done.did,
            "why": ruling.why,
        }
        yield Phase(ROOT, "leftover.settled", facts)


def _tidied(
    parts: Parts, sandbox: Sandbox, *, over: bool = False
) -> Generator[Phase, None, None]:
    """``reconciled``, where the engine may have failed what came before: an answer that was lost
    may have left something. What stays now is found at the next start, or by gc."""
    with suppress(EngineError):
        yield from reconciled(parts, sandbox, over=over)


def _verify_best(
    parts: Parts, sandbox: Sandbox, root: Root, tree: Tree
) -> Generator[Event, None, Verified | None]:
    """Verify the most promising states, and choose among them.

    Each is judged by samples of its own, that played no part in the search, and the chance of an
    error is shared out among them: so the choice is made by the same samples, honestly.
    """
    context = parts.context
    top = tree.top(context.task.verify_top)
    candidates = [node for node in top if node.parent is not None and node.value > 0.0]
    if not candidates:
        return None
    view = parts.store.run(context.run_id)
    nodes = {node.label: node for node in view.nodes}
    done = {each.label: each for each in view.verifications}  # before an interruption
    plan = verification_of(context, len(candidates))
    room = yield from opened(context, sandbox, root, parts.image, parts.cancelled)
    try:
        for node in candidates:
            if node.label not in done:
                claim = estimate(nodes, node.label)
                each = yield from verified(room, tree.state_of(node), plan, claim)
                parts.store.add_verification(context.run_id, each)
                done[node.label] = each
    finally:
        with suppress(EngineError):
            room.close()
    return best_of([done[node.label] for node in candidates])

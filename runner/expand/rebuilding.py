"""A snapshot that is gone, made again: from the nearest ancestor that still has one, and from what the
evidence says has changed since.

What the recipe is made of is recorded anyway: a label says who the ancestors are, and each snapshot
says in its labels which commit and which tree it holds. A rebuilt one counts if it holds the very
tree of the one that is gone. What no evidence is kept of comes from the ancestor, or not at all:
ignored files, and whatever lies outside the workspace.
"""

from __future__ import annotations

import contextlib
import math
import posixpath
import shlex
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

from runner.errors import SnapshotMissing
from runner.evidence import Evidence, TreeTooLarge
from runner.expand.attempt import last_words
from runner.expand.judging import Trial, failure_of, seconds_since
from runner.expand.room import demand_room, run_step
from runner.expand.root import rules_of
from runner.model import Job, Phase, Snapshot, State
from runner.sandbox.protocol import Step, StepResult
from runner.sandbox.snapshots import tag_of

_PATHS_PER_COMMAND = 100


@dataclass(frozen=True, slots=True)
class Recipe:
    """What leads from one recorded tree to another: the files to write, as they are in the commit
    that is wanted, those to remove, and the folders that may be empty then, deepest first."""

    written: frozenset[str]
    removed: tuple[str, ...]
    emptied: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Base:
    """An ancestor's snapshot that is there."""

    label: str
    snapshot: Snapshot
    commit: str


def standing(trial: Trial, state: State) -> Generator[Phase, None, State]:
    """The state with a snapshot that the engine has: its own, or one that is rebuilt now.

    Raises ``SnapshotMissing`` where there is nothing to rebuild it from, or where another tree came
    of it than the evidence has; ``EngineOutOfSpace`` where there is no room for it.
    """
    there = _found(trial, state)
    if there is None:
        # Another worker may have the same need; what it makes is there for this one.
        with trial.context.rebuilding.of(state.label):
            there = _found(trial, state) or (yield from _rebuilt(trial, state))
    return replace(state, snapshot=there)


def grounded(trial: Trial, job: Job) -> Generator[Phase, None, Job]:
    """The job with snapshots that the engine has: some may have been evicted since it was written
    down where they are. Raises as ``standing`` does."""
    origin = yield from standing(trial, job.origin)
    same = job.against.label == job.origin.label
    against = origin if same else (yield from standing(trial, job.against))
    return replace(job, origin=origin, against=against)


def recipe(evidence: Evidence, base_commit: str, commit: str) -> Recipe:
    """What leads from the workspace of one commit to that of another."""
    changed, files = evidence.changed(base_commit, commit), evidence.manifest(commit)
    folders = {folder for path in files for folder in _above(path)}
    # What gave way to a folder, or lay below what is a file now, goes when the new files come.
    gone = [
        path
        for path in changed
        if path not in files and path not in folders and not files.keys() & set(_above(path))
    ]
    emptied = {folder for path in gone for folder in _above(path)} - folders
    deepest_first = sorted(emptied, key=lambda folder: (-folder.count("/"), folder))
    written = frozenset(path for path in changed if path in files)
    return Recipe(written, tuple(gone), tuple(deepest_first))


def removal_script(wanted: Recipe) -> bytes:
    """A shell script that removes what a recipe says, and the folders that nothing is left in."""
    lines = ["set -e"]
    for first in range(0, len(wanted.removed), _PATHS_PER_COMMAND):
        some = wanted.removed[first : first + _PATHS_PER_COMMAND]
        lines.append(f"rm -f -- {shlex.join(f'./{path}' for path in some)}")
    lines += [
        f"rmdir -- {shlex.quote(f'./{folder}')} 2>/dev/null || :" for folder in wanted.emptied
    ]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _found(trial: Trial, state: State) -> Snapshot | None:
    """The node's snapshot, as it was recorded or as it was rebuilt; ``None`` if there is neither."""
    sandbox = trial.sandbox
    if state.snapshot is not None:
        with contextlib.suppress(SnapshotMissing):
            return sandbox.find(state.snapshot.digest)
    tag = tag_of(trial.context.run_id, state.label)
    held = sandbox.held(tag)
    if held is None or not state.tree_id or held.tree_id != state.tree_id:
        return None
    return sandbox.find(tag)


def _rebuilt(trial: Trial, state: State) -> Generator[Phase, None, Snapshot]:
    started = time.monotonic()
    base = _nearest(trial, state)
    demand_room(trial.context, trial.sandbox)
    result = _run(trial, state, base)
    trial.meter.container_s += result.seconds
    try:
        _demand_same_tree(trial, state, base, result)
        facts = {
            "attempt": trial.attempt_id,
            "tree": state.tree_id,
            "commit": state.commit,
            "rebuilt": base.label,
        }
        snapshot = trial.sandbox.commit(result.container, state.label, base.snapshot, facts)
    finally:
        trial.sandbox.remove(result.container)
    yield Phase(
        trial.label,
        "snapshot.rebuilt",
        {
            "of": state.label,
            "tag": snapshot.tag,
            "digest": snapshot.digest,
            "base": base.label,
            "tree": state.tree_id,
            "size_bytes": snapshot.size_bytes,
            "seconds": seconds_since(started),
        },
    )
    return snapshot


def _nearest(trial: Trial, state: State) -> _Base:
    """The nearest ancestor that has a snapshot which says what it holds."""
    ancestor = state.label
    while ancestor := ancestor.rpartition(".")[0]:
        tag = tag_of(trial.context.run_id, ancestor)
        held = trial.sandbox.held(tag)
        if held is not None and held.commit:
            return _Base(ancestor, trial.sandbox.find(tag), held.commit)
    raise SnapshotMissing(
        f"the snapshot of {state.label} is gone, and so are those of all its ancestors: nothing is "
        "left to rebuild it from"
    )


def _run(trial: Trial, state: State, base: _Base) -> StepResult:
    context = trial.context
    wanted = recipe(context.evidence, base.commit, state.commit)
    name = f"rebuild-{state.label}"
    # All with the present as their time: what the ancestor was built from is older, and one of them
    # is no older than another.
    now_s = math.ceil(time.time())
    files = context.evidence.archive(state.commit, wanted.written.__contains__, now_s)
    step = Step(
        f"{trial.attempt_id}-{name}",
        trial.attempt_id,
        base.snapshot.digest,
        ("sh", "-s"),
        context.task.limits,
        stdin=removal_script(wanted),
        archive=files,
    )
    log = trial.attempt.log(name)
    result = run_step(context, trial.sandbox, step, log)
    failure = failure_of(result.exit, result.code, f"rebuilding it from {base.label}", last_words(log))
    if failure:
        trial.sandbox.remove(result.container)
        raise SnapshotMissing(f"the snapshot of {state.label} is gone: {failure.reason}")
    return result


def _demand_same_tree(trial: Trial, state: State, base: _Base, result: StepResult) -> None:
    """Record what was made, as the node itself was; its ref stays what it is."""
    context, name = trial.context, f"{trial.attempt_id}-rebuilt"
    try:
        made = context.evidence.record(
            context.run_id,
            name,
            "",
            trial.sandbox.archive(result.container),
            f"{state.label}: rebuilt from {base.label}\n",
            rules_of(context),
        )
    except TreeTooLarge as error:
        raise SnapshotMissing(f"the snapshot of {state.label} can't be rebuilt: {error}") from error
    finally:
        context.evidence.forget(context.run_id, name)
    if made.tree_id != state.tree_id:
        raise SnapshotMissing(
            f"the snapshot of {state.label} is gone, and can't be rebuilt from {base.label}: its tree "
            f"is {state.tree_id}, and {made.tree_id} came of it"
        )


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in."""
    while path := posixpath.dirname(path):
        yield path

"""What must be so when a run has come to its end, however often its planner was killed."""

from __future__ import annotations

import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from runner.expand.attempt import Attempt
from runner.model import Decision, NodeView, RunView, State
from runner.planner.tree import Tree
from runner.sandbox.logfile import sent_mark
from runner.store import Store
from tests.crash import left
from tests.crash.scenes import Place

_ONCE = ("act", "setup", "red", "green")  # and the checks


@dataclass(frozen=True, slots=True)
class Kept:
    """What a killed planner left at one moment, by the names of containers: the steps whose ends
    were written down, and those under way that can be gone on with."""

    moment: float
    finished: frozenset[str]
    adoptable: frozenset[str]
    volumes: frozenset[str] = frozenset()


def kept_at(place: Place, moment: float) -> Kept:
    """Look at what is there while no planner lives."""
    finished, delivered = set(), set()
    for folder in (place.state / "runs" / place.run_id / "attempts").glob("*"):
        steps = (file.stem for file in folder.glob("*.json") if _is_step(file.stem))
        finished |= {_container(place, folder, step) for step in steps}
        for log in folder.glob("*.log"):
            if sent_mark(log).exists():
                delivered.add(_container(place, folder, log.stem))
    alive = left.containers(place)
    return Kept(moment, frozenset(finished), frozenset(delivered & alive), left.volumes(place))


def _is_step(name: str) -> bool:
    return name in _ONCE or name.startswith("check-")


def _container(place: Place, folder: Path, step: str) -> str:
    return f"oppie-{place.run_id}-{folder.name}-{step}"


def tree_of(place: Place) -> tuple[object, ...]:
    """The tree, without what may differ between two runs that do the same."""
    view = _view(place)
    nodes = [
        (
            n.label, n.actions, n.outcome, n.decision, n.visits, n.reward_sum, n.gain, n.tree_id,
            n.twin, n.commit, n.snapshot is not None,
        )
        for n in view.nodes
    ]  # fmt: skip
    found = view.verified
    result = (found.label, found.verdict, bool(found.branch)) if found else ()
    return (view.best, view.stop, result, *nodes)


def unsound(
    place: Place,
    same: tuple[object, ...],
    kept: Sequence[Kept],
    starts: Sequence[tuple[str, float]],
    *,
    retried: bool = False,
) -> list[str]:
    """All that is wrong, in words. ``same`` is the tree that it must be, if it must be one."""
    view = _view(place)
    return [
        *_different(place, same, retried),
        *_miscounted(place, view),
        *_begun_again(kept, starts),
        *_left_over(place, view, kept),
        *_evidence(place, view),
    ]


def _different(place: Place, same: tuple[object, ...], retried: bool) -> Iterator[str]:
    if not same:
        return
    for here, there in zip_longest(tree_of(place), same):
        if here != there:
            yield f"another tree: {here} instead of {there}"
    attempts = [node.attempts for node in _view(place).nodes[1:]]
    if not retried and set(attempts) - {1}:
        yield f"attempts were repeated: {attempts}"


def _miscounted(place: Place, view: RunView) -> Iterator[str]:
    with closing(sqlite3.connect(place.state / "journal.db")) as journal:
        rows = journal.execute(
            "SELECT a.id, a.abandoned IS NULL, count(v.attempt) FROM attempts a"
            " LEFT JOIN visits v ON v.attempt = a.id GROUP BY a.id"
        ).fetchall()
        (sound,) = journal.execute("PRAGMA integrity_check").fetchone()
    if sound != "ok":
        yield f"the journal: {sound}"
    for attempt, counts, visits in rows:
        if counts != visits:
            yield f"attempt {attempt}: {visits} visits, {'counted' if counts else 'abandoned'}"
    if sum(visits for *_, visits in rows) != view.evaluations:
        yield f"{view.evaluations} evaluations of {len(rows)} attempts"
    actions = {action.key: action for action in place.task().actions}
    root = view.nodes[0]
    tree = Tree(State("A", root.snapshot, root.commit, root.tree_id), tuple(actions.values()))
    with Store(place.state / "journal.db") as store:
        if store.pending(view.run_id, actions):
            yield "attempts are open"
        if wrong := store.rebuild(view.run_id):
            yield f"{wrong} nodes with wrong statistics"
        store.replay(view.run_id, tree, actions)
    if tree.in_flight or any(node.open for node in tree.nodes):
        yield f"{tree.in_flight} in flight"


def _begun_again(kept: Sequence[Kept], starts: Sequence[tuple[str, float]]) -> Iterator[str]:
    """A command whose end was written down never begins again; one that could be adopted neither."""
    begun = Counter(name for name, _ in starts)
    for each in kept:
        yield from (f"{name} is said to be finished" for name in each.finished - begun.keys())
        late = {name for name, moment in starts if moment > each.moment}
        yield from (f"{name} was finished, and began again" for name in each.finished & late)
    for name, count in begun.items():
        allowed = sum(name not in each.finished | each.adoptable for each in kept)
        if count > 1 + allowed:
            yield f"{name} began {count} times, with {allowed} reasons to begin again"


def _left_over(place: Place, view: RunView, kept: Sequence[Kept]) -> Iterator[str]:
    yield from (f"container {name}" for name in sorted(left.containers(place)))
    yield from (f"process {command}" for command in left.processes(place))
    wanted = {f"oppie/{view.run_id}:{node.label}" for node in view.nodes if _has_image(node)}
    there = left.images(place)
    yield from (f"image {name} is there for nothing" for name in sorted(there - wanted))
    yield from (f"image {name} is gone" for name in sorted(wanted - there))
    volumes = frozenset[str]().union(*(each.volumes for each in kept))
    yield from (f"volume {name}" for name in sorted(volumes & left.all_volumes(place)))
    yield from (f"file {path}" for path in left.scratch(place))


def _has_image(node: NodeView) -> bool:
    return node.parent == "" or node.decision is Decision.COMMIT


def _evidence(place: Place, view: RunView) -> Iterator[str]:
    """Each node has its ref, at its commit; each attempt's work is held by some ref; and each ref
    belongs to a node, or to an attempt that has a folder."""
    refs = _refs(place)
    attempts = place.state / "runs" / view.run_id / "attempts"
    names = {folder.name for folder in attempts.iterdir()}
    nodes = {node.label for node in view.nodes}
    stems = {"A-room"} | {f"{label}-verify" for label in nodes}
    for name in sorted(names):
        stem, _, number = name.rpartition("-")
        if not number.isdigit() or stem not in nodes | stems:
            yield f"attempt {name} of no node"
    for node in view.nodes:
        if node.commit and refs.get(node.label) != node.commit:
            yield f"ref {node.label}: {refs.get(node.label)} is not the node's {node.commit}"
    explained = nodes | names | {f"{name}-built" for name in names} | {"target"}
    yield from (f"ref {name} of nothing" for name in sorted(refs.keys() - explained))
    for name in sorted(names):
        commit = _recorded(Attempt(attempts / name))
        if commit and commit not in refs.values():
            yield f"the evidence of attempt {name} is lost: no ref holds {commit}"
    done = _git(place, "fsck", "--no-dangling", "--no-progress")
    if done.returncode != 0:
        yield f"git fsck: {done.stdout + done.stderr}"


def _recorded(attempt: Attempt) -> str:
    kept = attempt.kept("evidence", dict)
    return str(kept["commit"]) if kept else ""


def _refs(place: Place) -> dict[str, str]:
    prefix = f"refs/oppie/{place.run_id}/"
    told = _git(place, "for-each-ref", "--format=%(refname) %(objectname)", prefix)
    return {
        name.removeprefix(prefix): commit
        for name, commit in (line.split() for line in told.stdout.splitlines())
    }


def _git(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ("git", f"--git-dir={place.state / 'evidence.git'}", *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _view(place: Place) -> RunView:
    with Store.read(place.state / "journal.db") as store:
        return store.run(place.run_id)

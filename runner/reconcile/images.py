"""Which images are the snapshots of nodes, and which are nobody's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from runner.model import ROOT, Snapshot
from runner.reconcile.names import belongs_to, is_clean_room
from runner.reconcile.ruling import Fate, Ruling, Thing
from runner.sandbox.protocol import HeldImage
from runner.store import KnownRun


def rule_images(
    known: KnownRun, held: Sequence[HeldImage], in_use: Set[str] = frozenset()
) -> Iterator[Ruling]:
    """At least one ruling for each image of a run, and one for each snapshot that is gone.

    A digest decides, not a tag: tags can be moved by anybody. ``in_use`` are the digests that
    containers which stay are made of. Tags are given back before anything is removed, since an
    image goes with its last tag; what is removed comes children first, as ``held`` does.
    """
    snapshots = {snapshot.digest: snapshot for snapshot in _snapshots(known).values()}
    lost = {
        snapshots[each.digest].tag
        for each in held
        if each.digest in snapshots and snapshots[each.digest].tag not in each.names
    }
    rulings: list[Ruling] = []
    for each in held:
        if own := snapshots.get(each.digest):
            rulings += _of_snapshot(known, each, own, lost)
        elif _stands_in(known, each) and not lost & {*each.names}:
            rulings.append(_kept(known, each, "rebuilt, for a snapshot that is gone"))
        elif each.digest in in_use:
            rulings.append(_kept(known, each, "a container that stays is made of it"))
        else:
            rulings += _of_other(known, each, lost)
    yield from (ruling for ruling in rulings if ruling.fate is Fate.RESET)
    yield from (ruling for ruling in rulings if ruling.fate is not Fate.RESET)
    yield from _missing(known, held)


def _snapshots(known: KnownRun) -> dict[str, Snapshot]:
    """By the labels of the nodes that were committed."""
    return {
        label: node.state.snapshot
        for label, node in known.nodes.items()
        if node.state and node.state.snapshot
    }


def _of_snapshot(
    known: KnownRun, held: HeldImage, snapshot: Snapshot, lost: Set[str]
) -> Iterator[Ruling]:
    """A node's own image. Tags of ours that it has beside its own are nobody's."""
    tag, run_id = snapshot.tag, known.run_id
    if tag in held.names:
        yield Ruling(Thing.IMAGE, tag, run_id, Fate.KEEP, "the snapshot of a node")
    else:
        why = f"the snapshot {held.digest} has lost this tag"
        yield Ruling(Thing.IMAGE, tag, run_id, Fate.RESET, why, held.digest)
    for name in held.names:
        if name not in {tag, held.digest, *lost}:
            why = f"a second tag of the snapshot {tag}"
            yield Ruling(Thing.IMAGE, name, run_id, Fate.KILL, why)


def _kept(known: KnownRun, held: HeldImage, why: str) -> Ruling:
    name = next(iter(held.names), held.digest)
    return Ruling(Thing.IMAGE, name, known.run_id, Fate.KEEP, why)


def _of_other(known: KnownRun, held: HeldImage, lost: Set[str]) -> Iterator[Ruling]:
    fate, why = _fate(known, held)
    names = tuple(name for name in held.names if name not in lost)
    # One whose tags all go back to their owners is left with its digest.
    for name in names or (held.other_tags or (held.digest,)):
        yield Ruling(Thing.IMAGE, name, known.run_id, fate, why)


def _fate(known: KnownRun, held: HeldImage) -> tuple[Fate, str]:
    if held.inner:
        return Fate.KEEP, "others are built on it, and it goes with the last of them"
    if not held.names:
        return Fate.FOREIGN, "somebody's own image, built on a snapshot"
    if found := belongs_to(held.attempt_id, known.open & _attempts_at(known, held.node)):
        return Fate.ADOPT, f"attempt {found} has committed it, and isn't counted yet"
    return Fate.KILL, _why_nobodys(known, held)


def _attempts_at(known: KnownRun, label: str) -> frozenset[str]:
    node = known.nodes.get(label)
    return node.attempts if node else frozenset()


def _why_nobodys(known: KnownRun, held: HeldImage) -> str:
    if is_clean_room(held.node):
        return "it was built in a clean room that nobody is in any more"
    node = known.nodes.get(held.node)
    if node is None:
        return "no row of the journal explains it"
    if node.state and node.state.snapshot:
        return f"not the one that {held.node} was counted for"
    if node.state:
        return f"node {held.node} was discarded"
    return f"of an attempt at {held.node} that nobody goes on with"


def _stands_in(known: KnownRun, held: HeldImage) -> bool:
    """Whether it holds the very sources of a node that was committed, and has the node's tag: so
    does what was rebuilt after the node's own image had gone."""
    node = known.nodes.get(held.node)
    if node is None or node.state is None or node.state.snapshot is None:
        return False
    tagged = node.state.snapshot.tag in held.names
    return tagged and bool(held.tree_id) and held.tree_id == node.state.tree_id


def _missing(known: KnownRun, held: Sequence[HeldImage]) -> Iterator[Ruling]:
    """Of a run that is over none is missed: `oppie gc` may have taken them."""
    if known.over:
        return
    there = {each.digest for each in held} | {
        each.node for each in held if _stands_in(known, each)
    }
    for label, snapshot in _snapshots(known).items():
        if not there & {snapshot.digest, label}:
            why = "it is gone from the engine, and is rebuilt when it is needed"
            if label == ROOT:
                why = "the root's snapshot is gone from the engine, and all others stand on it"
            yield Ruling(Thing.IMAGE, snapshot.tag, known.run_id, Fate.MISSING, why)

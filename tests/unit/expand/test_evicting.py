"""When snapshots are evicted, how many, and what happens when the engine won't."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner.errors import EngineError
from runner.expand.evicting import Evictor, stored_of
from runner.model import (
    ROOT,
    Action,
    Decision,
    Expansion,
    Job,
    JobKind,
    Measurement,
    Outcome,
    Phase,
    Retried,
    Snapshot,
    State,
)
from runner.planner.tree import Choice, Tree
from runner.planner.watermarks import DiskRules, Mark
from runner.sandbox.protocol import HeldContainer, HeldImage, Leftovers
from runner.sandbox.room import Room

BASE_BYTES, NODE_BYTES = 1000, 10


@dataclass
class Shelf:
    """A small world of images in memory: what an evictor asks of a sandbox."""

    disk_bytes: int = 1 << 40
    images: dict[str, HeldImage] = field(default_factory=dict)
    containers: tuple[HeldContainer, ...] = ()
    listings: int = 0
    refuses: bool = False

    def put(self, label: str, base: str) -> Snapshot:
        total = BASE_BYTES + NODE_BYTES * (label.count(".") + 1)
        tag, digest = f"oppie/r:{label}", f"sha256:{label}"
        parent = f"sha256:{base}" if base else ""
        self.images[tag] = HeldImage(
            digest, "r", label, names=(tag,), size_bytes=total, parent_digest=parent
        )
        return Snapshot(tag, digest, parent, 2, NODE_BYTES)

    def leftovers(self) -> Leftovers:
        self.listings += 1
        return Leftovers(self.containers, tuple(self.images.values()))

    def discard(self, name: str) -> None:
        if self.refuses:
            raise EngineError("not now")
        del self.images[name]

    def room(self) -> Room:
        free_bytes = self.disk_bytes - NODE_BYTES * len(self.images)
        return Room("/engine", free_bytes, self.disk_bytes)


@dataclass
class Forest:
    """A tree that grows on a shelf, and its evictor."""

    rules: DiskRules
    shelf: Shelf = field(default_factory=Shelf)
    workers: int = 1

    def __post_init__(self) -> None:
        root = State(ROOT, self.shelf.put(ROOT, ""), "c", "t")
        self.tree = Tree(root, [Action(f"a{n}") for n in range(40)])
        context = cast(Any, SimpleNamespace(disk=self.rules))
        self.evictor = Evictor(context, cast(Any, self.shelf), self.tree, self.workers)
        self.most = 1

    def grow(self, origin: str, action: int, gain: float = 0.0) -> list[str]:
        """One more node, committed and closed; the nodes that were evicted for it."""
        job = self.tree.open(Choice(JobKind.EXPAND, origin, (f"a{action}",)))
        snapshot = self.shelf.put(job.label, origin)
        self.most = max(self.most, len(self.shelf.images))
        closed = self.tree.close(_measured(job, gain, snapshot))
        return [phase.label for phase in self.evictor.after(closed)]


def _measured(job: Job, gain: float, snapshot: Snapshot) -> Expansion:
    measurement = Measurement(gain, gain, gain, 1)
    facts: dict[str, Any] = {"snapshot": snapshot, "commit": "c", "tree_id": job.label}
    return Expansion(
        job, Outcome.NEUTRAL, Decision.COMMIT, 0.0, measurement=measurement, **facts
    )


def test_nothing_is_listed_while_there_is_room() -> None:
    forest = Forest(DiskRules())
    assert not any(forest.grow("A", n) for n in range(10))
    assert forest.shelf.listings == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_five_hundred_nodes_stay_below_the_cap(workers: int) -> None:
    cap = 40 * NODE_BYTES
    forest = Forest(DiskRules(snapshot_bytes=cap), workers=workers)
    evicted = 0
    for origin in range(13):
        for action in range(40):
            label = "A" if origin == 0 else f"A.{origin}"
            if origin and action < 13:
                continue
            evicted += len(forest.grow(label, action, 0.001 * action))
    assert len(forest.tree.nodes) > 350
    assert forest.most * NODE_BYTES <= cap
    assert evicted + len(forest.shelf.images) == len(forest.tree.nodes)
    assert forest.shelf.listings < len(forest.tree.nodes) / 4  # not at every node
    assert {ROOT, forest.tree.best} <= {image.node for image in forest.shelf.images.values()}


def test_below_the_low_mark_it_goes_on_to_the_high_one() -> None:
    rules = DiskRules(Mark(1.0, 50, 0), Mark(1.0, 90, 0), Mark(0.0))
    forest = Forest(rules, Shelf(disk_bytes=200))
    evicted = [forest.grow("A", n, -0.001 * n) for n in range(20)]
    sweeps = [each for each in evicted if each]
    assert [len(each) for each in sweeps[:2]] == [5, 5]  # from 40 free bytes to 90
    assert forest.shelf.room().free_bytes >= 50


def test_a_rebuilt_snapshot_counts() -> None:
    forest = Forest(DiskRules(snapshot_bytes=6 * NODE_BYTES))
    for number in range(3):
        forest.grow("A", number)
    rebuilt = Phase("A.9", "snapshot.rebuilt", {"size_bytes": 5 * NODE_BYTES})
    assert list(forest.evictor.after(rebuilt))


def test_an_engine_that_refuses_is_asked_again_at_the_next_event() -> None:
    forest = Forest(DiskRules(snapshot_bytes=5 * NODE_BYTES))
    forest.shelf.refuses = True
    assert not any(forest.grow("A", n) for n in range(8))
    forest.shelf.refuses = False
    job = forest.tree.open(Choice(JobKind.EXPAND, "A", ("a20",)))
    assert list(forest.evictor.after(Retried(job, "why", 1.0)))


def test_an_engine_that_says_its_disk_is_full_is_believed_whatever_the_marks() -> None:
    """Its images may be on another disk than the one that can be seen, or have a quota."""
    forest = Forest(DiskRules())
    for number in range(9):
        forest.grow("A", number)
    refused = "A.10: commit: the engine's disk is full: no space left on device"
    job = forest.tree.open(Choice(JobKind.EXPAND, "A", ("a20",)))
    assert list(forest.evictor.after(Retried(job, "daemon gone", 1.0))) == []
    assert len(list(forest.evictor.after(Retried(job, refused, 1.0)))) == 5
    assert forest.grow("A", 21) == []


def test_what_a_container_uses_is_left() -> None:
    forest = Forest(DiskRules(snapshot_bytes=5 * NODE_BYTES))
    forest.shelf.containers = tuple(
        HeldContainer(f"c{n}", "r", image=f"sha256:A.{n}") for n in range(1, 9)
    )
    assert not any(forest.grow("A", n) for n in range(8))


def test_an_image_that_lost_its_tag_goes_by_its_digest() -> None:
    shelf = Shelf()
    root = shelf.put(ROOT, "")
    lost = replace(shelf.images["oppie/r:A"], digest="sha256:x", node="A.1", names=(), inner=True)
    lost = replace(lost, parent_digest=root.digest, size_bytes=BASE_BYTES + 70)
    stored = stored_of(Leftovers((), (lost, shelf.images["oppie/r:A"])), root)
    assert [each.node for each in stored] == ["A", "A.1"]
    assert stored[1].names == ("sha256:x",)
    assert [each.size_bytes for each in stored] == [10, 60]


def test_an_image_whose_base_is_gone_is_measured_against_the_root() -> None:
    shelf = Shelf()
    root = shelf.put(ROOT, "")
    shelf.put("A.1.1", "A.1")
    stored = stored_of(shelf.leftovers(), root)
    assert [each.size_bytes for each in stored] == [10, 20]


def test_the_best_path_stays_whatever_the_cap() -> None:
    assert Forest(DiskRules(snapshot_bytes=1)).grow("A", 1, 0.1) == []

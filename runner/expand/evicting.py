"""Room for the next snapshots: the least useful ones go, and can be rebuilt.

Called by the planner between two events of a search, since it knows the tree.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

from runner.errors import EngineError
from runner.expand.context import RunContext
from runner.model import Closed, Decision, Event, JobKind, Phase, Retried, Snapshot
from runner.planner.tree import Tree
from runner.planner.usefulness import Stored, eviction_order
from runner.planner.watermarks import shortage
from runner.sandbox.classify import is_out_of_space
from runner.sandbox.protocol import HeldImage, Leftovers, Sandbox

_AFTER = 0.8  # of what is allowed is what a sweep leaves, so that not every node needs one
_WHEN_TOLD = 0.5  # of what is held is left, where the disk that is full isn't one that we can see
_PER_WORKER = 2  # snapshots that one job may make: its origin's, rebuilt, and its own


class Evictor:
    """Keeps one run's snapshots within the rules for disks (``watermarks.DiskRules``).

    ``workers`` jobs may each be making snapshots while nobody looks: room is left for them.
    """

    def __init__(self, context: RunContext, sandbox: Sandbox, tree: Tree, workers: int) -> None:
        self._rules = context.disk
        self._sandbox = sandbox
        self._tree = tree
        assert tree.root.snapshot is not None
        self._root = tree.root.snapshot
        self._workers = workers
        self._held_bytes: int | None = None  # as far as events tell; None is: ask the engine
        self._largest_bytes = 0
        self._is_told_full = False  # by the engine itself, whatever the marks say

    def after(self, event: Event) -> Iterator[Phase]:
        """Take note of what happened, and evict if there is need. What the engine refuses now, it is
        asked again at the next event."""
        match event:
            case Phase(name="snapshot.rebuilt", facts=facts):
                self._add(int(str(facts["size_bytes"])))
            case Closed(expansion=made):
                if made.job.kind is JobKind.EXPAND and made.decision is Decision.COMMIT:
                    self._add(made.snapshot.size_bytes if made.snapshot else 0)
            case Retried(reason=reason):
                self._is_told_full = is_out_of_space(reason)
            case _:
                return
        yield from self.make_room()

    def make_room(self) -> Iterator[Phase]:
        """Evict if there is need."""
        with contextlib.suppress(EngineError):
            if self._is_needed():
                yield from self._sweep()

    def _add(self, size_bytes: int) -> None:
        self._largest_bytes = max(self._largest_bytes, size_bytes)
        if self._held_bytes is not None:
            self._held_bytes += size_bytes

    @property
    def _allowed_bytes(self) -> int | None:
        """What a sweep begins above: the cap, less what the workers may add before the next look."""
        cap = self._rules.snapshot_bytes
        if cap is None:
            return None
        return max(cap - _PER_WORKER * self._workers * self._largest_bytes, cap // 2)

    def _is_needed(self) -> bool:
        if self._is_told_full or shortage(self._sandbox.room(), self._rules.low):
            return True
        allowed = self._allowed_bytes
        return allowed is not None and (self._held_bytes is None or self._held_bytes > allowed)

    def _sweep(self) -> Iterator[Phase]:
        """Evict until there is room enough, or nothing is left that may go."""
        left = self._sandbox.leftovers()
        stored = stored_of(left, self._root)
        held_bytes = sum(each.size_bytes for each in stored)
        self._largest_bytes = max([self._largest_bytes, *(each.size_bytes for each in stored[1:])])
        goal_bytes = self._goal_bytes(held_bytes)
        too_full = bool(shortage(self._sandbox.room(), self._rules.low))
        in_use = {container.image for container in left.held_containers}
        for each in eviction_order(self._tree, stored, in_use):
            too_full = too_full and bool(shortage(self._sandbox.room(), self._rules.high))
            if held_bytes <= goal_bytes and not too_full:
                break
            for name in each.names:
                self._sandbox.discard(name)
            held_bytes -= each.size_bytes
            facts = {"tag": each.names[0], "size_bytes": each.size_bytes, "held_bytes": held_bytes}
            yield Phase(each.node, "snapshot.evicted", facts)
        self._held_bytes, self._is_told_full = held_bytes, False

    def _goal_bytes(self, held_bytes: int) -> float:
        """What a sweep leaves, as far as it is bytes that decide."""
        allowed = self._allowed_bytes
        too_much = allowed is not None and held_bytes > allowed
        goal = _AFTER * allowed if allowed is not None and too_much else math.inf
        return min(goal, _WHEN_TOLD * held_bytes) if self._is_told_full else goal


def stored_of(left: Leftovers, root: Snapshot) -> tuple[Stored, ...]:
    """What an engine holds, the root first, each with what it adds to what it is built on.

    An image that lost its tag, and that others are built on, has no name until they are gone; then
    it is its digest. Of an image whose own base is gone, the root's share is taken off: all are built
    on that in the end.
    """
    totals = {image.digest: image.size_bytes for image in left.held_images}
    shared = totals.get(root.digest, 0)

    def added(image: HeldImage) -> int:
        if image.digest == root.digest:
            return root.size_bytes
        base = totals.get(image.parent_digest, shared) if image.parent_digest else 0
        return max(0, image.size_bytes - base)

    found = [
        Stored(
            image.node,
            image.digest,
            image.parent_digest,
            added(image),
            image.names or (image.digest,),
        )
        for image in left.held_images
    ]
    return tuple(sorted(found, key=lambda each: each.digest != root.digest))

"""Which snapshots a search can do without: the order in which they are evicted."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from runner.planner.arms import is_live
from runner.planner.node import Node
from runner.planner.tree import Tree

_TOP = 3  # nodes of highest L, which a policy measures again, or starts a combination from


@dataclass(frozen=True, slots=True)
class Stored:
    """A snapshot that an engine holds: its node, and the image that it is built on.

    ``names`` are what it is removed by. ``base_digest`` is "" where it shares nothing with another.
    ``size_bytes`` is what its removal frees, once nothing is built on it.
    """

    node: str
    digest: str
    base_digest: str
    size_bytes: int
    names: tuple[str, ...] = ()


class Use(IntEnum):
    """What a search may still do with a node's snapshot, the least first."""

    NOT_LIVE = 0  # it failed when it was measured again, or is far worse than its parent
    EXHAUSTED = 1  # nothing is left to be tried on it
    LIVE = 2
    TOP = 3


def eviction_order(
    tree: Tree, stored: Sequence[Stored], in_use: Iterable[str] = ()
) -> Iterator[Stored]:
    """The snapshots that may go, the least useful of those that nothing is built on first.

    By what may still be done with a node, then by its L, then the younger one. Never the root's, nor
    those on the path to the best node; nor one that a job in flight starts from, measures against,
    is making, or would be rebuilt from; nor those of the digests ``in_use``; nor what no node of
    the tree explains. An image that another is built on frees nothing, so it comes after that.
    """
    kept = _kept(tree, stored) | set(in_use)
    by_digest = {each.digest: each for each in stored}
    built_on = Counter(each.base_digest for each in stored)
    ready = [
        _entry(tree, each) for each in stored if each.digest not in kept and not built_on[each.digest]
    ]
    heapq.heapify(ready)
    while ready:
        each = by_digest[heapq.heappop(ready)[-1]]
        yield each
        built_on[each.base_digest] -= 1
        base = by_digest.get(each.base_digest)
        if base is not None and base.digest not in kept and not built_on[base.digest]:
            heapq.heappush(ready, _entry(tree, base))


def use_of(tree: Tree, node: Node, top: Sequence[Node]) -> Use:
    """What may still be done with a committed node's snapshot."""
    if not is_live(node):
        return Use.NOT_LIVE
    if node in top:
        return Use.TOP
    return Use.LIVE if tree.untried(node) else Use.EXHAUSTED


def _entry(tree: Tree, each: Stored) -> tuple[Use, float, int, str]:
    node = tree.node(each.node)
    return use_of(tree, node, tree.top(_TOP)), node.value, -node.index, each.digest


def _kept(tree: Tree, stored: Sequence[Stored]) -> set[str]:
    """The digests of what may not go."""
    there = {each.node for each in stored}
    labels = {tree.root.label, *tree.path(tree.best)}
    for node in tree.nodes:
        if node.open:
            # Its origin is itself, if it is measured again, or its parent.
            labels |= {node.label, *_nearest(node, there)}
            labels |= set() if node.parent is None else _nearest(node.parent, there)
    known = {node.label for node in tree.nodes if node.snapshot is not None}
    return {each.digest for each in stored if each.node in labels or each.node not in known}


def _nearest(node: Node | None, there: set[str]) -> set[str]:
    """The node, or the ancestor from which its snapshot would be rebuilt."""
    while node is not None:
        if node.label in there:
            return {node.label}
        node = node.parent
    return set()

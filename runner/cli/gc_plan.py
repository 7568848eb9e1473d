"""What `oppie gc` removes: a pure plan over runs, their nodes, and what the engine holds.

A plan is carried out as it is, in its order: what `--dry-run` prints is what happens.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from runner.expand.evicting import stored_of
from runner.model import ROOT, Decision, NodeView, RunView
from runner.reconcile import Fate
from runner.reconcile.containers import rule_containers
from runner.report.shape import Removal
from runner.sandbox.protocol import HeldImage, Leftovers
from runner.store import KnownRun

CONTAINER, IMAGE, RUN = "container", "image", "run"
_WORST_STEP = math.log(0.9)  # as the search has it: nothing is built on what is worse


@dataclass(frozen=True, slots=True)
class Policy:
    """What is to be kept. ``only`` is the one run to deal with, whatever ``keep_runs`` says.

    ``evict``: snapshots go, and the root's stays, from which all can be rebuilt; of runs that could
    be resumed as well. ``interrupted``: those are treated as if they had ended.
    """

    keep_runs: int = 1
    keep_best: bool = False
    keep_frontier: bool = False
    evict: bool = False
    interrupted: bool = False
    evidence: bool = False
    only: str = ""


def chosen(runs: Sequence[RunView], policy: Policy) -> tuple[str, ...]:
    """The runs whose snapshots may go, the latest first. Never one that a planner is at work on."""
    statuses = {"stopped"} | ({"interrupted"} if policy.interrupted or policy.evict else set())
    latest_first = sorted(runs, key=lambda view: view.run_id, reverse=True)
    kept = 0 if policy.only else policy.keep_runs
    return tuple(
        view.run_id
        for view in latest_first[kept:]
        if view.status in statuses and policy.only in ("", view.run_id)
    )


def over(runs: Sequence[RunView], policy: Policy) -> tuple[str, ...]:
    """The runs that nobody goes on with, of which only a crash leaves containers."""
    statuses = {"stopped"} | ({"interrupted"} if policy.interrupted else set())
    return tuple(
        view.run_id
        for view in runs
        if view.status in statuses and policy.only in ("", view.run_id)
    )


def plan(
    runs: Mapping[str, RunView], known: Mapping[str, KnownRun], held: Leftovers, policy: Policy
) -> tuple[Removal, ...]:
    """All that goes, in the order in which it goes: containers, images (children before what they
    are built on), then whole runs.

    ``runs`` are the chosen ones with their nodes, ``known`` those that are over. What isn't of these
    is not touched; nor is an image that a container which stays is made of, or one that an image
    which stays is built on: removing that would free nothing.
    """
    containers = tuple(_containers(known, held))
    gone = {removal.name for removal in containers}
    staying = {each.image for each in held.held_containers if each.name not in gone}
    images = [
        removal
        for view in runs.values()
        for removal in _images(view, held, policy, staying)
    ]
    dropped = [
        Removal(RUN, run_id, run_id, reason="with its sources, logs and reports")
        for run_id in runs
        if policy.evidence
    ]
    return (*containers, *images, *dropped)


def best_path(view: RunView) -> frozenset[str]:
    """The labels from the root to the node that was chosen, or that is the best so far."""
    return _up(view.verified.label if view.verified else view.best)


def frontier(view: RunView) -> frozenset[str]:
    """The states that a search would go on from, and their ancestors: what is not much worse than
    its parent, and has no child of which this can be said."""
    nodes = {node.label: node for node in view.nodes}
    live = {node.label for node in view.nodes if _is_live(node, nodes)}
    parents = {label.rpartition(".")[0] for label in live}
    return frozenset().union(*(_up(label) for label in live - parents))


def _is_live(node: NodeView, nodes: Mapping[str, NodeView]) -> bool:
    if node.decision is not Decision.COMMIT or node.gain is None:
        return False
    above = nodes.get(node.parent)
    return above is None or above.gain is None or node.gain - above.gain >= _WORST_STEP


def _up(label: str) -> frozenset[str]:
    parts = label.split(".")
    return frozenset(".".join(parts[: end + 1]) for end in range(len(parts)))


def _containers(known: Mapping[str, KnownRun], held: Leftovers) -> Iterator[Removal]:
    for run_id, run in known.items():
        own = [each for each in held.held_containers if each.run_id == run_id]
        for ruling in rule_containers(replace(run, over=True), own):
            if ruling.fate is Fate.KILL:
                yield Removal(CONTAINER, ruling.name, run_id, reason=ruling.why)


def _images(
    view: RunView, held: Leftovers, policy: Policy, staying: Collection[str]
) -> Iterator[Removal]:
    images = tuple(each for each in held.held_images if each.run_id == view.run_id)
    wanted = _kept_labels(view, policy)
    kept = {
        each.digest
        for each in images
        if each.node in wanted or each.digest in staying or _is_foreign(each)
    }
    if policy.evict:
        recipes = {node.label for node in view.nodes if node.snapshot and node.tree_id}
        kept |= {each.digest for each in images if each.node not in recipes}
    kept = _with_what_they_stand_on(images, kept)
    sizes = _sizes(view, images)
    why = "can be rebuilt" if policy.evict else f"of a run that is {view.status}"
    for each in images:
        if each.digest not in kept:
            for name in each.names or (each.digest,):
                yield Removal(IMAGE, name, view.run_id, sizes.get(each.digest), why)


def _kept_labels(view: RunView, policy: Policy) -> frozenset[str]:
    labels = frozenset({ROOT}) if policy.evict else frozenset[str]()
    if policy.keep_best:
        labels |= best_path(view)
    if policy.keep_frontier:
        labels |= frontier(view)
    return labels


def _is_foreign(image: HeldImage) -> bool:
    """Somebody's own image, built on a snapshot by hand, whose labels it has."""
    return not image.names and not image.inner


def _with_what_they_stand_on(images: Sequence[HeldImage], kept: set[str]) -> set[str]:
    by_digest = {each.digest: each for each in images}
    found, pending = set(kept), list(kept)
    while pending:
        image = by_digest.get(pending.pop())
        if image is not None and image.parent_digest not in found:
            found.add(image.parent_digest)
            pending.append(image.parent_digest)
    return found


def _sizes(view: RunView, images: Sequence[HeldImage]) -> dict[str, int]:
    """What each adds to what it is built on; nothing is known where the root's image isn't."""
    root = view.nodes[0].snapshot if view.nodes else None
    if root is None:
        return {}
    stored = stored_of(Leftovers((), tuple(images)), root)
    return {each.digest: each.size_bytes for each in stored}

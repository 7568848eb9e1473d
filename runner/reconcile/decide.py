"""The one place where it is decided what becomes of everything that a planner can leave behind.

Pure: what the journal knows and what is there go in, a ruling for every object comes out. The
argument is that of the write order. A row comes before what it explains, so what no row explains
was either made by a planner that lost its journal, or belongs to work that is never gone on with
(a clean room): nobody can use it. And what is finished is in a row or in its attempt's folder
before its container or image goes: so nothing that is killed here holds the only copy of anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from runner.reconcile.containers import rule_containers
from runner.reconcile.evidence import rule_refs, run_of
from runner.reconcile.folders import rule_attempts, rule_scratch, rule_unknown
from runner.reconcile.found import Found, run_ids
from runner.reconcile.images import rule_images
from runner.reconcile.ruling import Fate, Ruling, Thing
from runner.store import KnownRun

STAYS = (Fate.ADOPT, Fate.KEEP, Fate.FOREIGN)


def decide(
    runs: Mapping[str, KnownRun], found: Found, busy: Set[str] = frozenset()
) -> tuple[Ruling, ...]:
    """The fate of everything in ``found``, in the order in which it is to be carried out.

    ``runs`` are all runs of the state folder, by their ids. ``busy`` are those on which a planner
    is at work, which is not the caller: nothing of theirs is touched.
    """
    rulings: list[Ruling] = []
    for run_id in sorted({*run_ids(found), *runs}):
        known = runs.get(run_id)
        if known is None:
            rulings += _of_unknown(run_id, found)
        elif run_id in busy:
            rulings += _untouched(run_id, found, Fate.KEEP, "a planner is at work on its run")
        else:
            rulings += _of_known(known, found)
    if not busy:
        rulings += rule_scratch("", found.scratch.get("", ()))
    return tuple(rulings)


def _of_known(known: KnownRun, found: Found) -> Iterator[Ruling]:
    """Containers first: what an image is used by. Then images, refs, folders, files."""
    run_id, held = known.run_id, found.held
    containers = [each for each in held.held_containers if each.run_id == run_id]
    ruled = list(rule_containers(known, containers))
    yield from ruled
    in_use = {
        each.image for each, ruling in zip(containers, ruled, strict=True) if ruling.fate in STAYS
    }
    images = [each for each in held.held_images if each.run_id == run_id]
    yield from rule_images(known, images, in_use)
    yield from rule_refs(known, _refs(run_id, found), found.commits)
    yield from rule_attempts(known, found.attempts.get(run_id, ()))
    yield from rule_scratch(run_id, found.scratch.get(run_id, ()))


def _of_unknown(run_id: str, found: Found) -> Iterator[Ruling]:
    yield from _untouched(run_id, found, Fate.FOREIGN, "its run is not of this state folder")
    if folder := found.folders.get(run_id):
        was_begun = bool(found.attempts.get(run_id)) or bool(_refs(run_id, found))
        yield rule_unknown(run_id, folder, was_begun=was_begun)


def _untouched(run_id: str, found: Found, fate: Fate, why: str) -> Iterator[Ruling]:
    for container in found.held.held_containers:
        if container.run_id == run_id:
            yield Ruling(Thing.CONTAINER, container.name, run_id, fate, why)
    for image in found.held.held_images:
        if image.run_id == run_id:
            for name in image.names or (image.digest,):
                yield Ruling(Thing.IMAGE, name, run_id, fate, why)
    for ref in _refs(run_id, found):
        yield Ruling(Thing.REF, ref, run_id, fate, why)


def _refs(run_id: str, found: Found) -> Mapping[str, str]:
    return {ref: commit for ref, commit in found.refs.items() if run_of(ref) == run_id}

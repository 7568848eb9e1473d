"""Which images are the snapshots of nodes: by digest, whatever their tags say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.reconcile import Fate, Ruling
from runner.reconcile.images import rule_images
from runner.sandbox.protocol import HeldImage

from .world import NODES, ROOT_NODE, image, node, run, state, tag

ROOT = image("A")
BOTH = (image("A.1"), ROOT)


def fates(rulings: list[Ruling]) -> dict[str, Fate]:
    return {ruling.name: ruling.fate for ruling in rulings}


def ruled(*held: HeldImage, in_use: frozenset[str] = frozenset(), over: bool = False) -> list[Ruling]:
    return list(rule_images(run(over=over), held, in_use))


@pytest.mark.parametrize("over", [True, False])
def test_committed_snapshots_are_kept(over: bool) -> None:
    assert fates(ruled(*BOTH, over=over)) == {tag("A.1"): Fate.KEEP, tag("A"): Fate.KEEP}


@pytest.mark.parametrize(
    ("held", "fate", "why"),
    [
        (image("A.3", "A.3-2"), Fate.ADOPT, "attempt A.3-2 has committed it"),
        (image("A.3", "A.3-1"), Fate.KILL, "of an attempt at A.3 that nobody goes on with"),
        (image("A.4"), Fate.KILL, "of an attempt at A.4 that nobody goes on with"),
        (image("A.2"), Fate.KILL, "node A.2 was discarded"),
        (image("A.9"), Fate.KILL, "no row of the journal explains it"),
        (image("A.9", "A.3-2"), Fate.KILL, "no row of the journal explains it"),
        (image("A.2", "A.3-2"), Fate.KILL, "node A.2 was discarded"),
        (image("A.1-verify-1", "A.1-verify-1"), Fate.KILL, "a clean room"),
        (image("A-room-1", "A-room-1"), Fate.KILL, "a clean room"),
        (image("A.1.1-built-1", "A.1.1-built-1"), Fate.KILL, "a clean room"),
    ],
)
def test_other_images_are_adopted_or_nobodys(held: HeldImage, fate: Fate, why: str) -> None:
    ruling = next(each for each in ruled(*BOTH, held) if each.name == held.names[0])
    assert ruling.fate is fate
    assert why in ruling.why


def test_of_a_run_that_is_over_no_commit_is_adopted() -> None:
    assert fates(ruled(*BOTH, image("A.3", "A.3-2"), over=True))[tag("A.3")] is Fate.KILL


def test_an_image_that_lost_its_tag_to_another_attempt_is_nobodys() -> None:
    stale = image("A.1", digest="sha256:stale", names=("sha256:stale",))
    found = ruled(*BOTH, stale)
    assert fates(found)["sha256:stale"] is Fate.KILL
    assert "not the one that A.1 was counted for" in found[-1].why


def test_a_moved_tag_is_given_back_before_anything_is_removed() -> None:
    """Somebody has tagged A.2's stale image as A.1: the digest of A.1 is known, and is there."""
    thief = image("A.2", digest="sha256:thief", names=(tag("A.1"),))
    robbed = image("A.1", names=("sha256:A.1",))
    first, *others = ruled(thief, robbed, ROOT)
    assert (first.name, first.fate, first.to) == (tag("A.1"), Fate.RESET, "sha256:A.1")
    # Not by the tag: that is A.1's again by then.
    assert fates(others) == {"sha256:thief": Fate.KILL, tag("A"): Fate.KEEP}


def test_two_snapshots_whose_tags_were_swapped_are_tagged_again() -> None:
    one = image("A.1", names=(tag("A"),))
    other = image("A", names=(tag("A.1"),))
    found = ruled(one, other)
    assert {(each.name, each.fate, each.to) for each in found} == {
        (tag("A.1"), Fate.RESET, "sha256:A.1"),
        (tag("A"), Fate.RESET, "sha256:A"),
    }


def test_a_tag_that_was_taken_off_an_inner_image_is_put_back() -> None:
    inner = image("A", names=(), inner=True)
    found = fates(ruled(image("A.1"), inner))
    assert found == {tag("A"): Fate.RESET, tag("A.1"): Fate.KEEP}


def test_a_second_tag_of_ours_goes_and_somebodys_own_stays() -> None:
    twice = replace(image("A.1"), names=(tag("A.1"), tag("mine")), other_tags=("mine:latest",))
    assert fates(ruled(twice, ROOT)) == {
        tag("A.1"): Fate.KEEP,
        tag("mine"): Fate.KILL,
        tag("A"): Fate.KEEP,
    }


def test_a_snapshot_under_somebodys_tag_alone_gets_its_own_back() -> None:
    renamed = image("A.1", names=(), other_tags=("mine:latest",))
    (ruling, _) = ruled(renamed, ROOT)
    assert (ruling.name, ruling.fate, ruling.to) == (tag("A.1"), Fate.RESET, "sha256:A.1")


def test_what_somebody_builds_on_a_snapshot_is_theirs() -> None:
    theirs = image("A.1", digest="sha256:theirs", names=(), other_tags=("mine:latest",))
    assert fates(ruled(*BOTH, theirs))["mine:latest"] is Fate.FOREIGN


def test_an_inner_image_stays_while_others_are_built_on_it() -> None:
    inner = image("A.2", digest="sha256:inner", names=(), inner=True)
    assert fates(ruled(*BOTH, inner))["sha256:inner"] is Fate.KEEP


def test_what_a_container_that_stays_is_made_of_stays() -> None:
    gone = image("A.2")
    assert fates(ruled(*BOTH, gone, in_use=frozenset({gone.digest})))[tag("A.2")] is Fate.KEEP


# Snapshots that are gone


def test_a_snapshot_that_is_gone_is_missed_and_can_be_rebuilt() -> None:
    found = {each.name: each for each in ruled(ROOT)}
    assert found[tag("A.1")].fate is Fate.MISSING
    assert "rebuilt when it is needed" in found[tag("A.1")].why


def test_the_root_is_missed_with_other_words() -> None:
    found = {each.name: each for each in ruled(image("A.1"))}
    assert found[tag("A")].fate is Fate.MISSING
    assert "all others stand on it" in found[tag("A")].why


def test_of_a_run_that_is_over_no_snapshot_is_missed() -> None:
    assert ruled(over=True) == []


def test_a_rebuilt_snapshot_stands_in_for_the_one_that_is_gone() -> None:
    rebuilt = image("A.1", "A.3-2", digest="sha256:new", tree_id="t-A.1")
    found = ruled(rebuilt, ROOT)
    assert fates(found) == {tag("A.1"): Fate.KEEP, tag("A"): Fate.KEEP}


@pytest.mark.parametrize("tree_id", ["", "t-other"])
def test_an_image_with_other_sources_stands_in_for_nothing(tree_id: str) -> None:
    other = image("A.1", digest="sha256:new", tree_id=tree_id)
    found = [(each.name, each.fate) for each in ruled(other, ROOT)]
    assert found == [
        (tag("A.1"), Fate.KILL),
        (tag("A"), Fate.KEEP),
        (tag("A.1"), Fate.MISSING),
    ]


def test_a_rebuilt_one_goes_when_the_first_is_there_again() -> None:
    rebuilt = image("A.1", digest="sha256:new", tree_id="t-A.1")
    first = image("A.1", names=("sha256:A.1",))
    ruling, *others = ruled(rebuilt, first, ROOT)
    assert (ruling.name, ruling.fate) == (tag("A.1"), Fate.RESET)
    assert fates(others)["sha256:new"] is Fate.KILL


def test_children_go_before_their_parents() -> None:
    """As the listing has them: the rulings keep its order."""
    held = [image("A.2.1.1"), image("A.2.1"), image("A.2"), *BOTH]
    killed = [each.name for each in ruled(*held) if each.fate is Fate.KILL]
    assert killed == [tag("A.2.1.1"), tag("A.2.1"), tag("A.2")]


def test_a_root_that_isnt_recorded_yet_is_adopted() -> None:
    known = run(node("A", open_=1))
    (ruling,) = rule_images(known, [image("A", "A-1")])
    assert ruling.fate is Fate.ADOPT


def test_every_image_gets_a_ruling_and_none_gets_two_fates() -> None:
    held = [*BOTH, image("A.2"), image("A.3", "A.3-2"), image("A.9"), image("A.1-verify-1")]
    found = ruled(*held)
    assert sorted(each.name for each in found) == sorted(each.names[0] for each in held)


def test_the_world_is_what_it_says() -> None:
    assert ROOT_NODE in NODES
    assert state("A.2", committed=False).snapshot is None

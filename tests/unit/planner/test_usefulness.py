"""Which snapshots go first, and which never go."""

from __future__ import annotations

from random import Random

from attempts import again, expand, failed, grown, measured, new_tree
from hypothesis import given, settings
from hypothesis import strategies as st
from test_properties import stories

from runner.model import Action, Outcome
from runner.planner.node import Node
from runner.planner.tree import Tree
from runner.planner.usefulness import Stored, Use, eviction_order, use_of


def stored_on(label: str, base: str = "", size_bytes: int = 10) -> Stored:
    """A node's snapshot, built on its parent's unless told otherwise."""
    base = base or label.rpartition(".")[0]
    return Stored(label, f"sha-{label}", f"sha-{base}", size_bytes, (f"tag-{label}",))


def all_stored(tree: Tree) -> list[Stored]:
    """Every committed node's snapshot, and those that open attempts may have made by now."""
    there = [node for node in tree.nodes if node.snapshot or node.open or node.parent is None]
    return [stored_on(node.label) for node in there]


def order(tree: Tree, stored: list[Stored] | None = None, *in_use: str) -> list[str]:
    found = all_stored(tree) if stored is None else stored
    return [each.node for each in eviction_order(tree, found, in_use)]


def test_the_root_and_the_best_path_stay() -> None:
    tree = new_tree()
    first = grown(tree, "A", "a", gain=0.2)
    best = grown(tree, first, "b", gain=0.2)
    other = grown(tree, "A", "b", gain=0.1)
    assert tree.best == best
    assert order(tree) == [other]


def test_what_is_not_live_goes_first_then_what_is_exhausted_then_the_lowest() -> None:
    tree = new_tree()
    best = grown(tree, "A", "a", gain=0.5)
    labels = [grown(tree, "A", "b", gain=0.30), grown(tree, "A", "c", gain=0.20)]
    abc = grown(tree, best, "b", gain=-0.45)  # the best, and far worse again: an odd one
    low = grown(tree, best, "c", gain=-0.05)
    job = tree.open(again(labels[0]))
    tree.close(failed(job))  # measured again, and found failing
    top = tree.top(3)
    uses = {node.label: use_of(tree, node, top) for node in tree.nodes}
    assert uses[labels[0]] is Use.NOT_LIVE
    assert uses[labels[1]] in (Use.LIVE, Use.TOP)
    assert tree.node(abc).snapshot is None  # rejected: there is nothing to evict
    assert order(tree)[0] == labels[0]
    assert set(order(tree)) == {labels[0], labels[1], low}


def test_among_live_ones_the_lowest_goes_first() -> None:
    tree = new_tree(tuple(Action(f"a{n}") for n in range(9)))
    best = grown(tree, "A", "a0", gain=0.9)
    gains = {0.10: "a1", 0.02: "a2", 0.30: "a3", 0.05: "a4", 0.20: "a5"}
    labels = {gain: grown(tree, "A", key, gain=gain) for gain, key in gains.items()}
    assert best not in order(tree)
    assert order(tree) == [labels[gain] for gain in sorted(gains)]


def test_what_is_built_on_goes_after_what_is_built_on_it() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.5)
    low = grown(tree, "A", "b", gain=0.01)
    child = grown(tree, low, "c", gain=0.3)
    assert order(tree) == [child, low]


def test_a_rebuilt_snapshot_weighs_on_the_one_it_was_rebuilt_from() -> None:
    """The child is built on the root now, so its parent may go before it."""
    tree = new_tree()
    grown(tree, "A", "a", gain=0.5)
    low = grown(tree, "A", "b", gain=0.01)
    child = grown(tree, low, "c", gain=0.3)
    found = [stored_on("A"), stored_on(low), stored_on(child, base="A")]
    assert order(tree, found) == [low, child]


def test_what_jobs_in_flight_need_stays() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.5)
    origin = grown(tree, "A", "b", gain=0.01)
    idle = grown(tree, "A", "c", gain=0.02)
    job = tree.open(expand(origin, "c"))
    assert order(tree) == [idle]
    tree.close(measured(job, 0.0))
    assert order(tree) == [job.label, origin, idle]


def test_an_evicted_origin_keeps_what_it_would_be_rebuilt_from() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.5)
    base = grown(tree, "A", "b", gain=0.01)
    origin = grown(tree, base, "c", gain=0.02)
    tree.open(expand(origin, "a"))
    evicted = [each for each in all_stored(tree) if each.node != origin]
    assert base not in order(tree, evicted)
    assert order(tree, evicted) == []


def test_what_a_container_is_made_of_stays() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.5)
    low = grown(tree, "A", "b", gain=0.01)
    assert order(tree, None, f"sha-{low}") == []


def test_what_no_node_explains_is_nobodys_to_evict() -> None:
    tree = new_tree()
    grown(tree, "A", "a", gain=0.5)
    rejected = grown(tree, "A", "b", gain=-0.5)
    assert tree.node(rejected).outcome is Outcome.REJECTED
    strangers = [stored_on("A-room-1"), stored_on("A.9"), stored_on(rejected)]
    assert order(tree, [*all_stored(tree), *strangers]) == []


@settings(max_examples=150, deadline=None)
@given(stories(), st.randoms(use_true_random=False), st.data())
def test_whatever_the_tree(story: tuple[Tree, object], random: Random, data: st.DataObject) -> None:
    tree, _ = story
    found = all_stored(tree)
    gone_before = data.draw(st.sets(st.sampled_from([each.node for each in found])))
    found = [each for each in found if each.node not in gone_before or each.node == "A"]
    went = list(eviction_order(tree, found))
    labels = [each.node for each in went]
    assert len(set(labels)) == len(labels)
    assert not {"A", *tree.path(tree.best)} & set(labels)
    assert not {node.label for node in tree.nodes if node.open} & set(labels)
    here = {each.node for each in found}
    for node in tree.nodes:
        if node.open and node.parent is not None:
            origin = node.parent
            while origin.label not in here:
                assert origin.parent is not None
                origin = origin.parent
            assert origin.label not in labels
    # Nothing goes that something which is still there is built on.
    left = {each.digest: each for each in found}
    for each in went:
        del left[each.digest]
        assert each.digest not in {other.base_digest for other in left.values()}
    # Of those that could go, the least useful one went; and the order in which they are listed
    # doesn't matter.
    shuffled = random.sample(found, len(found))
    assert [each.node for each in eviction_order(tree, shuffled)] == labels
    top = tree.top(3)
    ready = [each for each in found if each in went]
    while ready:
        based_on = {each.base_digest for each in ready}
        free = [each.node for each in ready if each.digest not in based_on]
        ranks = {label: _rank(tree, label, top) for label in free}
        least = min(free, key=ranks.__getitem__)
        assert ranks[labels[len(went) - len(ready)]] == ranks[least]
        ready = [each for each in ready if each.node != labels[len(went) - len(ready)]]


def _rank(tree: Tree, label: str, top: list[Node]) -> tuple[Use, float]:
    node = tree.node(label)
    return use_of(tree, node, top), node.value


def test_a_tree_that_has_only_its_root_has_nothing_to_evict() -> None:
    assert order(new_tree()) == []

"""What earlier searches have seen: taken in, tested, and believed as far as it holds."""

from __future__ import annotations

import random

import numpy as np
import pytest
from attempts import AGENT, KNOBS, duplicate, expand, failed, grown, measured, new_tree

from runner.model import Action, JobKind
from runner.planner.bits import bits
from runner.planner.blame import Blame
from runner.planner.frontier import Frontier
from runner.planner.knowledge import Knowledge
from runner.planner.memory import Memory, Place, Remembered, Seen, Used
from runner.planner.node import fixed
from runner.planner.policy import make_policy
from runner.planner.strategies import Strategies
from runner.planner.surrogate import Surrogate
from runner.planner.tree import Tree
from runner.planner.trust import Trust

EIGHT = tuple(Action(f"p{i}") for i in range(8))
WORTH = (0.3, -0.1, 0.0, 0.2, 0.05, -0.2, 0.4, 0.1)
STATES = [frozenset(f"p{i}" for i in range(8) if state >> i & 1) for state in range(1, 200, 3)]


def worth(keys: frozenset[str]) -> float:
    return sum(WORTH[int(key[1:])] for key in keys)


def remembering(names: list[int] | None = None) -> Memory:
    """A memory of many states; ``names`` deals out the actions' names anew."""
    order = names or list(range(8))
    return Memory(
        tuple(
            Seen(frozenset(f"p{order[int(key[1:])]}" for key in keys), worth(keys))
            for keys in STATES
        )
    )


def test_states_that_the_present_actions_cannot_reach_are_left_out() -> None:
    memory = Memory(
        (
            Seen(frozenset({"y"}), 0.5),
            Seen(frozenset({"x=1", "x=2"}), 0.9),
            Seen(frozenset({"gone"}), 0.9),
            Seen(frozenset({"x=1", "y"}), 0.7, weight=0.0),
            Seen(frozenset(), 0.9),
        )
    )
    assert Remembered(KNOBS, memory).places == (Place(0b100, 0.5),)
    open_ended = Memory((Seen(frozenset({"agent", "a"}), 0.5),))
    assert Remembered(AGENT, open_ended).places == ()


def test_several_observations_of_a_state_are_one() -> None:
    y = frozenset({"y"})
    both = Memory((Seen(y, 0.2), Seen(y, 0.8, 0.5), Seen(y, None, 0.5)))
    (place,) = Remembered(KNOBS, both).places
    assert place.gain == pytest.approx(0.4)
    assert Remembered(KNOBS, Memory((*both.seen, Seen(y, None, 2.0)))).places == ()


def test_the_best_place_is_the_first() -> None:
    memory = Memory((Seen(frozenset({"y"}), 0.1), Seen(frozenset({"x=1"}), 0.3)))
    assert [place.gain for place in Remembered(KNOBS, memory).places] == [0.3, 0.1]


def test_the_order_of_a_memory_does_not_matter() -> None:
    seen = [*remembering().seen, *remembering([1, 0, 2, 3, 4, 5, 6, 7]).seen]
    shuffled = random.Random(3).sample(seen, len(seen))
    one, two = (Remembered(EIGHT, Memory(tuple(each))) for each in (seen, shuffled))
    assert one.places == two.places
    assert one.rows is not None
    assert two.rows is not None
    assert one.rows.gains.tolist() == two.rows.gains.tolist()


def test_earlier_observations_are_weaker_than_own_ones() -> None:
    rows = Remembered(EIGHT, remembering()).rows
    surrogate = Surrogate([0.0] * 8, rows)
    x = bits(0b1000000, 8)
    before = surrogate.fit().mean().value(x.astype(float))
    assert before == pytest.approx(0.4, abs=0.1)
    for _ in range(6):
        surrogate.observe(x, fixed(-0.4))
    assert surrogate.fit().mean().value(x.astype(float)) < 0.1


@pytest.mark.parametrize("own", [0, 60])
def test_both_forms_of_the_model_weigh_alike(own: int) -> None:
    surrogate = Surrogate([0.0] * 8, Remembered(EIGHT, remembering()).rows)
    for state in range(1, own + 1):
        surrogate.observe(bits(state, 8), fixed(0.1 * (state % 7)))
    by_rows, other = surrogate.by_rows().mean(), surrogate.fit().mean()
    for state in (3, 77, 255):
        x = bits(state, 8).astype(float)
        assert by_rows.value(x) == pytest.approx(other.value(x), abs=1e-9)


def test_what_failed_earlier_is_blamed_until_it_passes() -> None:
    earlier = Blame(3)
    earlier.passing(bits(0b001, 3))
    earlier.failing(bits(0b011, 3))
    blame = Blame(3, earlier)
    assert blame.judge().alone[1] < blame.judge().alone[2] < blame.judge().alone[0]
    blame.passing(bits(0b010, 3))
    assert blame.judge().alone[1] == 0.0


def test_what_passed_earlier_is_the_last_to_be_suspected() -> None:
    earlier = Blame(3)
    earlier.passing(bits(0b001, 3))
    blame = Blame(3, earlier)
    blame.failing(bits(0b011, 3))
    assert blame.judge().alone[0] == 0.0
    assert blame.judge().alone[1] < -0.5
    blame.failing(bits(0b001, 3))  # on its own it can be nobody else
    assert blame.judge().alone[0] < -2.0


def shown(memory: Memory, states: list[int]) -> Trust:
    """A trust that was shown these states, each as one step from the root."""
    trust = Trust(Remembered(EIGHT, memory), 8)
    for state in states:
        keys = frozenset(f"p{i}" for i in range(8) if state >> i & 1)
        trust.see(bits(0, 8), bits(state, 8), worth(keys))
    return trust


SHOWN = [1, 2, 8, 32, 64, 128, 9, 72]


def test_a_memory_that_foretells_earns_trust() -> None:
    assert 0.05 <= shown(remembering(), []).value <= 0.25
    assert shown(remembering(), SHOWN).value > 0.95


def test_a_memory_whose_names_are_mixed_up_loses_it() -> None:
    assert shown(remembering([5, 6, 7, 1, 2, 3, 0, 4]), SHOWN).value < 0.01


def test_a_memory_that_foretells_nothing_of_itself_begins_with_little() -> None:
    gains = [each.gain for each in remembering().seen]
    random.Random(1).shuffle(gains)
    mixed = zip(STATES, gains, strict=True)
    assert shown(Memory(tuple(Seen(keys, gain) for keys, gain in mixed)), []).value < 0.1


def test_a_change_of_the_target_costs_a_part_of_the_trust() -> None:
    trust = shown(remembering(), SHOWN)
    trust.see(bits(0, 8), bits(1, 8), -0.3)  # p0 has become harmful
    assert 0.5 < trust.value < shown(remembering(), SHOWN).value


def test_trust_does_not_depend_on_the_order() -> None:
    shuffled = random.Random(2).sample(SHOWN, len(SHOWN))
    assert shown(remembering(), shuffled).value == shown(remembering(), SHOWN).value


def test_failures_tell_of_trust_too() -> None:
    seen = (*remembering().seen, *(Seen(frozenset({"p2", key}), None) for key in ("p0", "p1")))
    seen = tuple(each for each in seen if "p2" not in each.keys or each.gain is None)
    right, wrong = (Trust(Remembered(EIGHT, Memory(seen)), 8) for _ in range(2))
    right.see(bits(0, 8), bits(0b100, 8), None)
    wrong.see(bits(0, 8), bits(0b001, 8), None)
    assert wrong.value < right.value


def test_earlier_proposals_inform_the_draw_if_believed() -> None:
    actions = (
        Action("good", tag="good", open_ended=True),
        Action("bad", tag="bad", open_ended=True),
    )
    used = [Used("good", 0, 0.5) for _ in range(20)] + [Used("bad", 0, None) for _ in range(20)]
    remembered = Remembered(actions, Memory(used=tuple(used)))
    tree, strategies = new_tree(actions), Strategies(remembered.used)

    def share(informed: bool) -> float:
        rng = np.random.RandomState(0)
        draws = [strategies.draw(tree, tree.root, [0, 1], rng, informed)[0] for _ in range(200)]
        return draws.count(0) / 200

    assert share(True) > 0.85
    assert 0.4 < share(False) < 0.6


def test_proposals_that_go_as_foretold_earn_trust() -> None:
    actions = (
        Action("good", tag="good", open_ended=True),
        Action("bad", tag="bad", open_ended=True),
    )
    used = [Used("good", 0, 0.5) for _ in range(20)] + [Used("bad", 0, None) for _ in range(20)]

    def trust(good_passes: bool) -> float:
        tree, knowledge = new_tree(actions), Knowledge(actions, Memory(used=tuple(used)))
        for _ in range(4):
            for key in ("good", "bad"):
                job = tree.open(expand("A", key))
                passes = (key == "good") == good_passes
                tree.close(measured(job, 0.1) if passes else failed(job))
        knowledge.read(tree)
        assert knowledge.trust is not None
        return knowledge.trust.value

    assert trust(good_passes=False) < 0.05 < 0.5 < trust(good_passes=True)


def test_a_duplicate_is_no_evidence_about_its_gain() -> None:
    tree, knowledge = new_tree(EIGHT), Knowledge(EIGHT, remembering())
    grown(tree, "A", "p0", gain=0.3)
    tree.close(duplicate(tree.open(expand("A", "p6")), "A.1"))
    knowledge.read(tree)
    other = Knowledge(EIGHT, remembering())
    alone = new_tree(EIGHT)
    grown(alone, "A", "p0", gain=0.3)
    other.read(alone)
    assert knowledge.trust is not None
    assert other.trust is not None
    assert knowledge.trust.value == other.trust.value


def recalled(tree: Tree, memory: Memory, seed: int) -> bool:
    """Whether the choice is to go to the best place that is remembered."""
    choice = make_policy("frontier", EIGHT, seed, memory=memory).select(tree, 0.0)
    assert choice is not None
    return choice.label == "A" and set(choice.actions) == {"p0", "p3", "p4", "p6", "p7"}


BEST = Memory((*remembering().seen, Seen(frozenset({"p0", "p3", "p4", "p6", "p7"}), 1.05)))


def test_the_best_place_is_recalled_as_often_as_the_memory_is_trusted() -> None:
    share = sum(recalled(new_tree(EIGHT), BEST, seed) for seed in range(200)) / 200
    assert 0.1 < share < 0.4
    believed = new_tree(EIGHT)
    for key in ("p0", "p1", "p3", "p5", "p6"):
        grown(believed, "A", key, gain=worth(frozenset({key})))
    assert sum(_leads_to_best(believed, seed) for seed in range(200)) / 200 > 0.8


def _leads_to_best(tree: Tree, seed: int) -> bool:
    choice = make_policy("frontier", EIGHT, seed, memory=BEST).select(tree, 0.0)
    assert choice is not None
    node = tree.node(choice.label)
    keys = {tree.actions[i].key for i in tree.states.actions_in(node.state)} | set(choice.actions)
    return keys == {"p0", "p3", "p4", "p6", "p7"}


def test_one_place_at_a_time_is_recalled() -> None:
    tree, policy = new_tree(EIGHT), Frontier(EIGHT, 0, 0.2, BEST)
    first = policy._recall(tree)
    assert first is not None
    job = tree.open(first)
    assert policy._recall(tree) is None
    tree.close(failed(job))
    second = policy._recall(tree)
    assert second is not None
    assert set(second.actions) != set(first.actions)


def test_nothing_is_recalled_that_promises_less_than_what_was_found() -> None:
    tree = new_tree(EIGHT)
    grown(tree, "A", "p6", gain=2.0)
    assert not any(recalled(tree, BEST, seed) for seed in range(100))


def test_without_a_memory_nothing_changes() -> None:
    tree = new_tree(EIGHT)
    for key in ("p0", "p1", "p2"):
        grown(tree, "A", key, gain=0.1)
    for seed in range(20):
        plain = make_policy("frontier", EIGHT, seed).select(tree, 0.0)
        assert make_policy("frontier", EIGHT, seed, memory=Memory()).select(tree, 0.0) == plain


def test_a_new_policy_goes_on_as_the_old_one_would_have() -> None:
    tree, old = new_tree(EIGHT), make_policy("frontier", EIGHT, 5, memory=BEST)
    for _ in range(25):
        choice = old.select(tree, 0.0)
        assert choice is not None
        assert make_policy("frontier", EIGHT, 5, memory=BEST).select(tree, 0.0) == choice
        job = tree.open(choice)
        if job.kind is JobKind.EXPAND:
            node = tree.node(job.label)
            keys = (tree.actions[i].key for i in tree.states.actions_in(node.state))
            gain = worth(frozenset(keys)) - (node.parent.value if node.parent else 0.0)
            tree.close(measured(job, gain))
        else:
            tree.close(measured(job, tree.node(job.label).value))

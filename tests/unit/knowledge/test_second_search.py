"""`benchmarks.knowledge` in short: a second search needs less, and misleading knowledge costs little."""

from __future__ import annotations

import random

import pytest

from benchmarks import knowledge as benchmark
from runner.knowledge import memory_of
from runner.model import Outcome
from runner.planner.memory import Memory

SEEDS = range(6)
NODES = 100


def evaluations(place: str, kind: str) -> int:
    """Those of all seeds together; a search that fails counts its whole budget."""
    return sum(counts[kind] or NODES for counts in _measured(place))


_CACHE: dict[str, list[benchmark.Counts]] = {}


def _measured(place: str) -> list[benchmark.Counts]:
    if place not in _CACHE:
        _CACHE[place] = [benchmark.measure(place, seed, NODES) for seed in SEEDS]
    return _CACHE[place]


@pytest.mark.parametrize("place", ["catalogue", "helios"])
def test_a_second_search_needs_a_fraction(place: str) -> None:
    assert evaluations(place, "memory") <= 0.6 * evaluations(place, "first")


@pytest.mark.parametrize("kind", ["gains", "names"])
def test_misleading_knowledge_costs_little(kind: str) -> None:
    """The promise is 10 % over very many seeds; so few as here may differ by more from luck alone."""
    misled = sum(evaluations(place, kind) for place in ("catalogue", "helios"))
    alone = sum(evaluations(place, "none") for place in ("catalogue", "helios"))
    assert misled <= 1.5 * alone


def test_a_target_that_has_changed_is_still_found_sooner() -> None:
    assert evaluations("helios", "drift") <= evaluations("helios", "drift none")


def test_the_misleading_memories_mislead() -> None:
    space = benchmark.space_of("knobs", 1)
    _, lessons = benchmark.searched(space, 1, NODES, to_the_end=True)
    memory = memory_of(lessons, "space")
    names = benchmark.shuffled_names(memory, space, random.Random(1))
    gains = benchmark.shuffled_gains(memory, random.Random(1))
    for other in (names, gains):
        assert len(other.seen) == len(memory.seen)
        assert _agreeing(memory, other) < 0.3
    groups = {action.key: action.group for action in space.actions}
    assert all(len({groups[key] for key in each.keys}) == len(each.keys) for each in names.seen)


def _agreeing(memory: Memory, other: Memory) -> float:
    known = {each.keys: each.gain for each in memory.seen}
    pairs = [(known[each.keys], each.gain) for each in other.seen if each.keys in known]
    return sum(a == b for a, b in pairs if a is not None) / max(len(other.seen), 1)


def test_lessons_of_a_search_say_what_it_saw() -> None:
    space = benchmark.space_of("catalogue", 2)
    _, lessons = benchmark.searched(space, 2, NODES, to_the_end=True)
    seen = memory_of(lessons, "space").seen
    assert len(seen) > 40
    for each in seen:
        value = space.value(each.keys)
        if each.gain is None:
            assert value is None
        else:
            assert value is not None
            assert each.gain == pytest.approx(space.gain(value), abs=0.3)
    assert {lesson.outcome for lesson in lessons} >= {Outcome.IMPROVED, Outcome.NEUTRAL}

from __future__ import annotations

import math

import pytest

from runner.measure.intervals import ranks_cut
from runner.measure.plan import (
    MOST_PAIRS,
    Method,
    Plan,
    Stage,
    fixed_plan,
    search_plan,
    verification_plan,
)

CAPS = (*range(1, 60), 100, 101, 333, MOST_PAIRS)


def plans(cap: int) -> list[Plan]:
    several = [verification_plan(cap, candidates) for candidates in (1, 2, 3, 10)]
    return [search_plan(cap), fixed_plan(cap), *several]


@pytest.mark.parametrize("cap", CAPS)
def test_a_plan_of_any_size_ends_at_its_cap_and_spends_no_more_than_it_has(cap: int) -> None:
    for plan in plans(cap):
        pairs = [stage.pairs for stage in plan.stages]
        assert plan.cap == pairs[-1] == cap
        assert pairs == sorted(set(pairs))
        assert all(stage.error > 0.0 for stage in plan.stages)
        assert sum(stage.error for stage in plan.stages) <= plan.error * (1.0 + 1e-9)


@pytest.mark.parametrize("candidates", [1, 3, 10])
def test_a_verification_trusts_nothing_where_it_has_pairs_enough(candidates: int) -> None:
    plan = verification_plan(40, candidates)
    assert plan.error == pytest.approx(0.05 / candidates)
    assert {stage.method for stage in plan.stages} == {Method.RANKS}


@pytest.mark.parametrize(("cap", "candidates"), [(5, 1), (6, 3)])
def test_too_few_pairs_for_signed_ranks_get_one_look_by_student(cap: int, candidates: int) -> None:
    plan = verification_plan(cap, candidates)
    assert plan.stages == (Stage(cap, Method.STUDENT, 0.05 / candidates),)


def test_a_search_looks_early_and_never_twice_at_the_same_pairs() -> None:
    plan = search_plan(12)
    assert [stage.pairs for stage in plan.stages] == [4, 6, 9, 12]
    early = [stage for stage in plan.stages if stage.method is Method.STUDENT]
    assert [stage.pairs for stage in early] == [4, 6, 9]
    assert sum(stage.error for stage in early) == pytest.approx(0.015)


def test_a_search_of_12_pairs_stands_one_outlier() -> None:
    """The outlier has rank 12; so small a sum of ranks must be improbable enough."""
    assert ranks_cut(12, search_plan(12).stages[-1].error) > 12


@pytest.mark.parametrize("cap", [1, 3, 5])
def test_a_tiny_search_has_one_look(cap: int) -> None:
    assert search_plan(cap).stages == (Stage(cap, Method.STUDENT, 0.05),)


def test_more_pairs_make_the_last_interval_narrower() -> None:
    """In the long run: one pair more may add a look, which takes its part of the error."""
    reaches = [verification_plan(cap).stages[-1].reach for cap in range(8, 60)]
    for before, after in zip(reaches, reaches[12:], strict=False):
        assert after < before


@pytest.mark.parametrize("cap", [-1, 0, MOST_PAIRS + 1])
def test_a_cap_out_of_range_is_refused(cap: int) -> None:
    for make in (search_plan, verification_plan, fixed_plan):
        with pytest.raises(ValueError, match=f"{cap} pairs: a comparison takes 1 to 1000"):
            make(cap)


def test_a_verification_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a candidate"):
        verification_plan(40, 0)


STAGE = Stage(6, Method.RANKS, 0.03125)


@pytest.mark.parametrize("stages", [(), (STAGE, STAGE), (Stage(0, Method.STUDENT, 0.05),)])
def test_a_plan_needs_growing_numbers_of_pairs(stages: tuple[Stage, ...]) -> None:
    with pytest.raises(ValueError, match="growing numbers of pairs"):
        Plan(stages, error=0.1)


def test_a_plan_spends_no_error_it_has_not() -> None:
    with pytest.raises(ValueError, match=r"sum to more than 0\.05"):
        Plan((STAGE, Stage(12, Method.RANKS, 0.02)))


def test_the_stage_that_is_due() -> None:
    plan = search_plan(12)
    assert plan.stage(3) is None
    assert [plan.stage(pairs) for pairs in (4, 5, 12, 99)] == [
        plan.stages[place] for place in (0, 0, -1, -1)
    ]


def test_the_reach_of_one_pair_is_infinite() -> None:
    assert search_plan(1).stages[0].reach == math.inf

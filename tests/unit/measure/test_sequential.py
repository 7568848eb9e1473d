from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.measure.calibration import Calibration, calibrate
from runner.measure.plan import Method, Plan, Stage, fixed_plan, search_plan, verification_plan
from runner.measure.sequential import Call, Look, look, seconds_saved, stage_interval

EXACT = calibrate([0.0] * 10)


def quiet(sd: float = 0.02) -> Calibration:
    return Calibration(10, sd, sd, (sd, -sd) * 5)


def noise(pairs: int, sd: float, seed: int = 1) -> list[float]:
    return list(np.random.default_rng(seed).normal(0.0, sd, pairs))


def compared(
    ratios: list[float], plan: Plan, calibration: Calibration | None = None
) -> tuple[Look, int]:
    """Take one pair after the other until told to stop: the last look, and how many were taken."""
    for pairs in range(1, len(ratios) + 1):
        seen = look(ratios[:pairs], plan, calibration)
        if seen.call is not Call.GO_ON:
            return seen, pairs
    raise AssertionError("it never stops")


@pytest.mark.parametrize("sd", [0.01, 0.02, 0.03])
def test_the_obvious_takes_four_pairs_at_most(sd: float) -> None:
    for sign, call in ((1.0, Call.BETTER), (-1.0, Call.WORSE)):
        ratios = [sign * math.log(1.3) + x for x in noise(12, sd)]
        seen, pairs = compared(ratios, search_plan(), quiet(sd))
        assert (seen.call, seen.pairs) == (call, pairs)
        assert pairs <= 4


def test_a_few_pairs_that_agree_by_accident_prove_nothing() -> None:
    """They lie closer together than the noise that is known allows to believe."""
    ratios = [0.030, 0.0301, 0.0299, 0.03]
    assert look(ratios, search_plan(), quiet(0.03)).call is Call.GO_ON
    assert look(ratios, search_plan(), quiet(1e-5)).call is Call.BETTER


def test_without_a_calibration_the_early_looks_say_nothing() -> None:
    for pairs in (4, 6, 9):
        seen = look([0.5] * pairs, search_plan())
        assert (seen.low, seen.high, seen.call) == (-math.inf, math.inf, Call.GO_ON)
    assert look([0.5] * 12, search_plan()).call is Call.BETTER


def test_the_larger_the_gain_the_fewer_pairs_and_none_is_soon_hopeless() -> None:
    plan = verification_plan()
    found = {
        gain: compared([gain + x for x in noise(40, 0.04, seed=2)], plan)
        for gain in (0.0, 0.01, 0.025, 0.1)
    }
    calls = [seen.call for seen, _ in found.values()]
    assert calls == [Call.NO_MATTER, Call.CAP, Call.BETTER, Call.BETTER]
    assert found[0.0][0].low < 0.0 < found[0.0][0].high
    assert [pairs for _, pairs in found.values()] == [15, 40, 20, 11]


def test_one_absurd_outlier_delays_and_does_not_decide() -> None:
    ratios = [0.1 + x for x in noise(40, 0.02)]
    ratios[2] = -50.0
    seen, pairs = compared(ratios, search_plan(), quiet())
    assert seen.call is Call.BETTER and pairs <= 12
    assert seen.gain == pytest.approx(0.1, abs=0.02)


def test_nothing_that_matters_is_left_in_the_interval() -> None:
    """Between a loss that would reject it and the least gain that counts, all is the same."""
    ratios = [-0.001, 0.001, 0.0005, 0.0, -0.0005, 0.001]
    matters = search_plan(min_gain=0.02, rejected_gain=math.log(0.9))
    assert look(ratios[:4], matters, quiet(0.001)).call is Call.NO_MATTER
    assert look(ratios[:4], search_plan(), quiet(0.001)).call is Call.GO_ON
    near = [x - 0.1 for x in ratios]
    assert look(near[:4], matters, quiet(0.02)).call is not Call.NO_MATTER


@pytest.mark.parametrize("gain", [0.0, 1e-9, -1e-9, 0.5])
@pytest.mark.parametrize("cap", [2, 3, 6, 12, 40, 1000])
def test_a_deterministic_benchmark_has_a_point_and_stops_at_the_first_look(
    gain: float, cap: int
) -> None:
    wanted = Call.NO_MATTER if gain == 0.0 else Call.BETTER if gain > 0.0 else Call.WORSE
    for plan in (search_plan(cap), verification_plan(cap, 3)):
        seen, pairs = compared([gain] * cap, plan, EXACT)
        assert (seen.gain, seen.low, seen.high, seen.call) == (gain, gain, gain, wanted)
        assert pairs == plan.stages[0].pairs


def test_one_pair_at_most_is_the_cap_and_says_nothing() -> None:
    seen = look([0.5], search_plan(1), quiet())
    assert (seen.gain, seen.low, seen.high, seen.call) == (0.5, -math.inf, math.inf, Call.CAP)


def test_before_the_first_look_and_between_two_the_latest_stands() -> None:
    ratios = [0.01, -0.02, 0.015, 0.02, -0.01, 0.0, 0.01]
    before = look(ratios[:3], search_plan(), quiet())
    assert (before.low, before.high, before.pairs) == (-math.inf, math.inf, 3)
    assert before.call is Call.GO_ON
    assert look(ratios[:5], search_plan(), quiet()) == look(ratios[:4], search_plan(), quiet())
    assert look(ratios[:7], search_plan(), quiet()).pairs == 6


def test_pairs_beyond_the_cap_change_nothing() -> None:
    ratios = noise(8, 0.02)
    assert look([*ratios, 9.9], fixed_plan(8)) == look(ratios, fixed_plan(8))


def test_a_coarse_clock_widens_the_interval() -> None:
    coarse = Calibration(10, 0.0, 0.1, (0.0,) * 10, rounding=0.1)
    seen = look([0.095] * 8, fixed_plan(8), coarse)
    assert (seen.low, seen.high) == pytest.approx((-0.005, 0.195))
    assert compared([0.0] * 12, search_plan(), coarse)[1] == 6
    assert look([0.3] * 8, fixed_plan(8), coarse).call is Call.BETTER


@pytest.mark.parametrize("ratios", [[], [math.nan], [0.1, math.inf]])
def test_ratios_that_are_none_are_refused(ratios: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        look(ratios, search_plan())


RATIOS = st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=45)
PLANS = st.sampled_from(
    [search_plan(), search_plan(7), fixed_plan(5), verification_plan(), verification_plan(9, 3)]
)


@given(RATIOS, PLANS, st.sampled_from([None, EXACT, quiet()]))
def test_the_gain_lies_in_its_interval_and_swapping_the_sides_mirrors_it(
    ratios: list[float], plan: Plan, calibration: Calibration | None
) -> None:
    seen = look(ratios, plan, calibration)
    assert seen.low <= seen.gain <= seen.high
    mirrored = look([-ratio for ratio in ratios], plan, calibration)
    assert (mirrored.gain, mirrored.low, mirrored.high) == pytest.approx(
        (-seen.gain, -seen.high, -seen.low)
    )
    swapped = {Call.BETTER: Call.WORSE, Call.WORSE: Call.BETTER}
    # Others needn't be mirrored: a gain of nothing doesn't matter, a loss of nothing goes on.
    assert swapped.get(mirrored.call) is (seen.call if seen.call in swapped else None)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(0.0, 1.0), min_size=10, max_size=10))
def test_of_all_orders_of_the_sides_few_enough_mislead_whenever_it_stops(
    sizes: list[float],
) -> None:
    """Exact: a whole comparison without a gain, over all 1024 ways in which its coins can fall."""
    plan = Plan((Stage(7, Method.RANKS, 2 / 64), Stage(10, Method.RANKS, 0.019)), error=0.051)
    ratios = np.array(list(itertools.product((-1.0, 1.0), repeat=10))) * np.array(sizes)
    wrong = np.zeros(1024, dtype=bool)
    for stage in plan.stages:  # each look counts, so that no rule of stopping could do worse
        low, high = stage_interval(ratios[:, : stage.pairs], stage, plan, None)
        wrong |= (low > 0.0) | (high < 0.0)
    assert wrong.mean() <= plan.error



def test_what_was_saved_is_what_the_missing_pairs_would_have_cost() -> None:
    assert seconds_saved(search_plan(12), 4, 6.0) == pytest.approx(12.0)
    assert seconds_saved(search_plan(12), 12, 6.0) == 0.0
    assert seconds_saved(search_plan(12), 0, 0.0) == 0.0

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.measure.paired import (
    BASELINE,
    CANDIDATE,
    Comparison,
    compare,
    log_ratios,
    measurement,
    medians,
    pair_order,
    rounding,
    values_of,
)
from runner.measure.sequential import Call, Look
from runner.model import Goal, Metric, MetricSpec

VALUES = st.floats(min_value=1e-12, max_value=1e12)
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=40)


def compared(pairs: list[tuple[float, float]], goal: Goal = Goal.MIN) -> Comparison:
    result = compare([old for old, _ in pairs], [new for _, new in pairs], goal)
    assert isinstance(result, Comparison)
    return result


def test_half_the_time_is_a_gain_of_log_2() -> None:
    result = compared([(10.0, 5.0), (12.0, 6.0), (9.0, 4.5)])
    assert result.gain == pytest.approx(math.log(2))
    assert result.ratios == pytest.approx([math.log(2)] * 3)


def test_more_is_better_where_the_goal_is_max() -> None:
    assert compared([(10.0, 20.0)], Goal.MAX).gain == pytest.approx(math.log(2))
    assert compared([(10.0, 20.0)], Goal.MIN).gain == pytest.approx(-math.log(2))


def test_one_pair_says_nothing() -> None:
    result = compared([(10.0, 5.0)])
    assert (result.low, result.high) == (-math.inf, math.inf)


def test_two_to_five_pairs_have_students_interval() -> None:
    """Worked by hand: the mean of 0.1, 0.2, 0.3 is 0.2, their deviation 0.1; t(2) = 4.302653."""
    result = compared([(math.exp(x), 1.0) for x in (0.1, 0.2, 0.3)])
    reach = 4.302653 * 0.1 / math.sqrt(3)
    assert (result.low, result.high) == pytest.approx((0.2 - reach, 0.2 + reach))


def test_from_six_pairs_on_the_interval_is_that_of_signed_ranks() -> None:
    """Six pairs: nothing lies outside the smallest and the largest."""
    result = compared([(math.exp(0.01 * number), 1.0) for number in (3, 1, 6, 2, 5, 4)])
    assert (result.low, result.high) == pytest.approx((0.01, 0.06))
    assert result.gain == pytest.approx(0.035)


def test_the_most_pairs_overflow_nothing() -> None:
    result = compared([(2.0, 1.0)] * 1000)
    assert result.low == result.high == pytest.approx(math.log(2))


def test_one_absurd_outlier_changes_little() -> None:
    steady = [(1.1, 1.0)] * 11
    assert compared([*steady, (1.1, 1e9)]).gain == pytest.approx(math.log(1.1))
    assert compared([*steady, (1.1, 1e9)]).low == pytest.approx(math.log(1.1))


@pytest.mark.parametrize("value", [0.0, -0.0, -1.0, math.nan, math.inf])
def test_values_without_a_ratio_are_told(value: float) -> None:
    for old, new in ((value, 1.0), (1.0, value)):
        result = compare([1.0, old], [1.0, new], Goal.MIN)
        assert isinstance(result, str)
        assert f"{value:g}" in result and "above 0" in result


def test_the_extremes_of_floating_point_have_a_ratio() -> None:
    result = compared([(1.7e308, 5e-324), (5e-324, 1.7e308)])
    assert all(math.isfinite(ratio) for ratio in result.ratios)
    assert result.gain == pytest.approx(0.0)


@pytest.mark.parametrize(("old", "new"), [([], []), ([1.0], []), ([1.0], [1.0, 2.0])])
def test_sides_that_are_no_pairs(old: list[float], new: list[float]) -> None:
    with pytest.raises(ValueError, match="are no pairs"):
        compare(old, new, Goal.MIN)


@given(PAIRS)
def test_the_gain_lies_within_its_interval(pairs: list[tuple[float, float]]) -> None:
    result = compared(pairs)
    slack = 1e-9 * (1.0 + abs(result.gain))
    assert result.low - slack <= result.gain <= result.high + slack
    assert min(result.ratios) <= result.gain <= max(result.ratios)


@given(PAIRS)
def test_swapping_the_sides_or_the_goal_turns_the_sign(pairs: list[tuple[float, float]]) -> None:
    result = compared(pairs)
    mirrored = (-result.gain, -result.high, -result.low)
    swapped = compared([(new, old) for old, new in pairs])
    assert (swapped.gain, swapped.low, swapped.high) == pytest.approx(mirrored)
    other = compared(pairs, Goal.MAX)
    assert (other.gain, other.low, other.high) == pytest.approx(mirrored)


@given(PAIRS, st.floats(min_value=1e-3, max_value=1e3))
def test_the_unit_does_not_matter(pairs: list[tuple[float, float]], factor: float) -> None:
    scaled = compared([(old * factor, new * factor) for old, new in pairs])
    assert scaled.ratios == pytest.approx(compared(pairs).ratios, abs=1e-9)


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(pairs, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(pairs)
    random.shuffle(shuffled)
    one, other = compared(pairs), compared(shuffled)
    assert (one.gain, one.low, one.high) == pytest.approx((other.gain, other.low, other.high))


def coverage(draw, pairs: int, truth: float) -> float:  # type: ignore[no-untyped-def]
    """How often the interval of ``pairs`` pairs holds the true gain, in 4000 comparisons."""
    hits = 0
    for ratios in draw((4000, pairs)) + truth:
        result = compared([(math.exp(x), 1.0) for x in ratios])
        hits += result.low <= truth <= result.high
    return hits / 4000


NOISES = {
    "normal": lambda rng: lambda shape: rng.normal(0, 0.05, shape),
    "heavy tails": lambda rng: lambda shape: np.clip(0.02 * rng.standard_t(1, shape), -300, 300),
    "two machines": lambda rng: (
        lambda shape: rng.normal(0, 0.02, shape) + 0.4 * rng.integers(-1, 2, shape)
    ),
}


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("pairs", [6, 12, 25])
def test_the_interval_holds_the_truth_whatever_the_noise(noise: str, pairs: int) -> None:
    """95 % nominally; 94 % leaves three standard errors of the simulation."""
    draw = NOISES[noise](np.random.default_rng(pairs))
    assert coverage(draw, pairs, truth=0.1) >= 0.94


@pytest.mark.parametrize("pairs", [2, 3, 5])
def test_the_interval_of_few_pairs_holds_the_truth_under_normal_noise(pairs: int) -> None:
    draw = NOISES["normal"](np.random.default_rng(pairs))
    assert 0.94 <= coverage(draw, pairs, truth=-0.2) <= 0.965


def test_a_shared_drift_leaves_no_gain() -> None:
    """A machine that slows down by 40 % during the measurement, in the order of the coins."""
    sides: dict[str, list[float]] = {BASELINE: [], CANDIDATE: []}
    order = [side for number in range(16) for side in pair_order("drift", number)]
    for step, side in enumerate(order):
        sides[side].append(math.exp(math.log(1.4) * step / len(order)))
    result = compare(sides[BASELINE], sides[CANDIDATE], Goal.MIN)
    assert isinstance(result, Comparison)
    assert result.low <= 0.0 <= result.high
    assert abs(result.gain) < 0.02


def test_which_side_goes_first_is_a_fair_coins_choice() -> None:
    """Each 4 pairs' orders are as frequent as any other: no coin depends on the ones before."""
    firsts = [pair_order("seed", number)[0] for number in range(4000)]
    assert abs(firsts.count(CANDIDATE) - 2000) < 4 * math.sqrt(1000)
    fours = [tuple(firsts[start : start + 4]) for start in range(0, 4000, 4)]
    counts = np.array([fours.count(four) for four in set(fours)])
    assert len(counts) == 16
    assert np.square(counts - 62.5).sum() / 62.5 < 37.7  # chi-squared, 15 df, 99.9 %


def test_both_sides_are_in_each_pair_in_an_order_that_can_be_repeated() -> None:
    orders = [pair_order("one", number) for number in range(64)]
    assert {frozenset(order) for order in orders} == {frozenset((BASELINE, CANDIDATE))}
    assert orders == [pair_order("one", number) for number in range(64)]
    assert orders != [pair_order("other", number) for number in range(64)]


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ([12.0, 13.0, 12.0, 15.0], "ms", 1 / 12),  # whole milliseconds
        ([12000.0, 13000.0, 15000.0], "us", 1 / 12),  # the same, converted
        ([12.0, 16.0, 12.0, 24.0], "ms", 4 / 12),  # a clock that ticks 250 times a second
        ([40.0, 40.0], "ms", 1 / 40),
        ([0.25, 0.25], "s", 0.01 / 0.25),
        ([70.25, 70.3125, 71.5, 70.265625], "us", 0.015625 / 70.25),
        ([12.0, 13.0], "", 0.0),  # counts and sizes are exact
        ([12.0, 13.0], "kB", 0.0),
        ([12.0, 13.0], "allocs/op", 0.0),
    ],
)
def test_how_far_a_coarse_clock_puts_a_ratio_off(
    values: list[float], unit: str, expected: float
) -> None:
    assert rounding(values, unit) == pytest.approx(expected)


@given(st.lists(st.floats(1.0, 1e3), min_size=2, max_size=9), st.sampled_from([0.1, 0.5, 1.0]))
def test_rounding_puts_no_ratio_further_off_than_is_said(values: list[float], step: float) -> None:
    rounded = [max(step, round(value / step) * step) for value in values]
    told = rounding([*rounded, min(rounded), min(rounded) + step], "ms")
    true, seen = (log_ratios(of, of[::-1], Goal.MIN) for of in (values, rounded))
    assert not isinstance(true, str) and not isinstance(seen, str)
    if min(rounded) > 5 * step:  # below that, logarithms aren't straight any more
        off = max(abs(one - other) for one, other in zip(true, seen, strict=True))
        assert off <= 1.02 * told


def sample(time: float, memory: float) -> tuple[Metric, ...]:
    return (Metric("memory", memory, "kB"), Metric("time", time, "us"))


TIME = MetricSpec("time", Goal.MIN, "us")


def test_a_measurement_has_the_medians_of_all_metrics_of_both_sides() -> None:
    result = measurement(
        [sample(10, 1), sample(30, 3), sample(20, 2)],
        [sample(5, 4), sample(15, 0), sample(10, 9)],
        TIME,
    )
    assert not isinstance(result, str)
    assert result.gain == pytest.approx(math.log(2))
    assert result.delta == pytest.approx(1.0)
    assert result.pairs == len(result.ratios) == 3
    assert result.metrics == (Metric("memory", 4, "kB"), Metric("time", 10, "us"))
    assert result.baseline == (Metric("memory", 2, "kB"), Metric("time", 20, "us"))


def test_a_measurement_takes_the_interval_of_the_last_look() -> None:
    seen = Look(0.4, 0.1, 0.9, 2, Call.BETTER)
    result = measurement([sample(10, 1), sample(30, 3)], [sample(5, 4), sample(15, 0)], TIME, seen)
    assert not isinstance(result, str)
    assert (result.gain, result.low, result.high, result.pairs) == (0.4, 0.1, 0.9, 2)
    assert result.ratios == pytest.approx([math.log(2)] * 2)


def test_the_values_of_one_metric() -> None:
    assert values_of([sample(10, 1), sample(30, 3)], "memory") == [1, 3]
    with pytest.raises(KeyError):
        values_of([sample(10, 1)], "size")


def test_a_measurement_names_the_metric_that_has_no_ratio() -> None:
    result = measurement([sample(1, 1)], [sample(0, 1)], TIME)
    assert isinstance(result, str) and result.startswith("time: ")


def test_a_sample_without_the_objective_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        measurement([()], [()], TIME)


def test_medians_of_nothing_are_nothing() -> None:
    assert medians([]) == ()

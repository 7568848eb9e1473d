"""The intervals' statistics, against enumeration and against SciPy's own test."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from runner.measure.intervals import (
    pseudo_median,
    ranks_cut,
    ranks_error,
    ranks_interval,
    spread,
    student_interval,
    student_quantile,
)

# Noise with ties and zeros, as rounded times have it, and with outliers.
SIZES = st.one_of(
    st.sampled_from([0.0, 0.0, 0.5, 1.0, 1.0, 2.0]), st.floats(min_value=0.0, max_value=100.0)
)


def signs(pairs: int) -> np.ndarray:
    """Every way in which ``pairs`` fair coins can fall, a row each."""
    return np.array(list(itertools.product((-1.0, 1.0), repeat=pairs)))


@given(st.lists(SIZES, min_size=6, max_size=9), st.sampled_from([0.05, 0.1, 0.3]))
def test_of_all_orders_of_the_sides_few_enough_mislead(sizes: list[float], error: float) -> None:
    """Exact, not simulated: whatever the noise is, only its signs are left to chance."""
    low, high = ranks_interval(signs(len(sizes)) * np.array(sizes), error)
    assert np.mean((low > 0.0) | (high < 0.0)) <= error


@pytest.mark.parametrize("pairs", range(1, 13))
def test_the_error_of_signed_ranks_is_that_of_all_orders(pairs: int) -> None:
    sums = (signs(pairs) > 0) @ np.arange(1, pairs + 1)
    for error in (0.5, 0.2, 0.05, 0.01):
        cut = ranks_cut(pairs, error)
        assert 2.0 * np.mean(sums < cut) <= error < 2.0 * np.mean(sums < cut + 1)
        assert ranks_error(pairs, error) == pytest.approx(2.0 * np.mean(sums < cut))


@given(
    st.lists(st.floats(-1.0, 1.0), min_size=6, max_size=14, unique=True),
    st.floats(-1.0, 1.0),
    st.sampled_from([0.05, 0.15]),
)
def test_the_interval_has_what_scipys_test_does_not_reject(
    ratios: list[float], gain: float, error: float
) -> None:
    shifted = np.array(ratios) - gain
    if len({*np.abs(shifted), 0.0}) <= len(ratios):
        return  # SciPy's exact test has no ties and no zeros
    low, high = ranks_interval(np.array(ratios), error)
    if min(abs(low - gain), abs(high - gain)) < 1e-9:
        return
    p = stats.wilcoxon(shifted, method="exact").pvalue
    if abs(p - error) > 1e-9:
        assert bool(low <= gain <= high) == (p > error)


@pytest.mark.parametrize("pairs", [300, 1000])
def test_the_error_of_many_pairs_is_that_of_the_normal_distribution(pairs: int) -> None:
    deviation = math.sqrt(pairs * (pairs + 1) * (2 * pairs + 1) / 24)
    for error in (0.05, 0.01):
        z = (ranks_cut(pairs, error) - 0.5 - pairs * (pairs + 1) / 4) / deviation
        assert stats.norm.cdf(z) == pytest.approx(error / 2, rel=0.02)


def test_the_pseudo_median_by_hand() -> None:
    """The averages of 1, 2, 6 are 1, 1.5, 2, 3.5, 4, 6."""
    assert pseudo_median(np.array([6.0, 1.0, 2.0])) == pytest.approx(2.75)


def test_many_comparisons_at_a_time_are_the_same_as_one_at_a_time() -> None:
    ratios = np.random.default_rng(1).normal(0.0, 1.0, (5, 9))
    floors = np.array([0.0, 0.1, 1.0, 2.0, 3.0])
    low, high = ranks_interval(ratios, 0.05)
    few, many = student_interval(ratios, 0.05, floors)
    for row in range(5):
        assert (low[row], high[row]) == ranks_interval(ratios[row], 0.05)
        assert (few[row], many[row]) == pytest.approx(
            student_interval(ratios[row], 0.05, floors[row])
        )
        assert pseudo_median(ratios)[row] == pseudo_median(ratios[row])
        assert spread(ratios)[row] == spread(ratios[row])


@pytest.mark.parametrize("pairs", range(1, 6))
def test_too_few_pairs_leave_signed_ranks_unbounded(pairs: int) -> None:
    assert ranks_interval(np.arange(float(pairs)), 0.05) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.706205), (2, 4.302653), (3, 3.182446), (4, 2.776445)]
)
def test_the_quantiles_of_students_t(freedom: int, quantile: float) -> None:
    assert student_quantile(freedom, 0.05) == pytest.approx(quantile, abs=1e-6)


def test_students_interval_by_hand() -> None:
    """The mean of 0.1, 0.2, 0.3 is 0.2, their deviation 0.1; t(2) is 4.302653."""
    ratios = np.array([0.1, 0.2, 0.3])
    reach = 4.302653 * 0.1 / math.sqrt(3)
    assert student_interval(ratios, 0.05) == pytest.approx((0.2 - reach, 0.2 + reach))
    wider = student_interval(ratios, 0.05, floor=0.2)
    assert wider == pytest.approx((0.2 - 2 * reach, 0.2 + 2 * reach))


@given(st.floats(-700.0, 700.0), st.integers(2, 9))
def test_equal_ratios_have_a_point_for_an_interval(ratio: float, pairs: int) -> None:
    assert student_interval(np.full(pairs, ratio), 0.05) == (ratio, ratio)
    assert pseudo_median(np.full(pairs, ratio)) == ratio
    assert spread(np.full(pairs, 0.0)) == 0.0


def test_the_spread_is_the_deviation_of_normal_noise_and_blind_to_outliers() -> None:
    noise = np.random.default_rng(2).normal(0.0, 0.05, (4000, 10))
    assert float(np.median(spread(noise))) == pytest.approx(0.05, rel=0.05)
    noise[:, 3] = 50.0
    assert float(np.median(spread(noise))) < 0.08


def test_the_spread_of_mostly_equal_values_is_not_zero() -> None:
    assert spread(np.array([0.0] * 9 + [0.1])) == pytest.approx(0.1 / math.sqrt(10))

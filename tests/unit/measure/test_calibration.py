from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest

from runner.measure.calibration import (
    FEWEST_PAIRS,
    Calibration,
    biased,
    calibrate,
    smallest_gain,
    too_noisy,
)
from runner.measure.plan import Plan, fixed_plan, search_plan, verification_plan
from runner.measure.sequential import Call, look


def of_noise(sd: float, rounding: float = 0.0) -> Calibration:
    return Calibration(10, sd, max(sd, rounding), (sd, -sd) * 5, rounding)


def power(plan: Plan, gain: float, runs: int = 600) -> float:
    """How often a gain, in deviations of one pair, is found to be better."""
    random, found = np.random.default_rng(plan.cap), 0
    for ratios in random.normal(gain, 1.0, (runs, plan.cap)):
        for stage in plan.stages:
            seen = look(list(ratios[: stage.pairs]), plan, of_noise(1.0))
            if seen.call is not Call.GO_ON:
                break
        found += seen.call is Call.BETTER
    return found / runs


def test_the_noise_is_that_of_the_pairs_and_one_outlier_changes_little() -> None:
    ratios = list(np.random.default_rng(1).normal(0.0, 0.03, 10))
    found = calibrate(ratios)
    assert (found.pairs, found.ratios, found.rounding) == (10, tuple(ratios), 0.0)
    assert found.floor == found.sd == pytest.approx(0.03, rel=0.35)
    assert calibrate([*ratios[1:], 9.0]).sd < 2 * found.sd


def test_a_deterministic_benchmark_has_no_noise_and_shows_any_gain() -> None:
    found = calibrate([0.0] * 10)
    assert (found.sd, found.floor) == (0.0, 0.0)
    assert smallest_gain(found, search_plan()) == 0.0
    assert too_noisy(found, search_plan(), 0.001) == ""
    assert biased(found) == ""


def test_a_coarse_clock_is_noise_that_no_pairs_help_against() -> None:
    found = calibrate([0.0] * 10, rounding=0.08)
    assert (found.sd, found.floor, found.rounding) == (0.0, 0.08, 0.08)
    assert smallest_gain(found, verification_plan()) == pytest.approx(0.08)
    told = too_noisy(found, verification_plan(), math.log(1.05))
    assert told.endswith("Print its values with more digits, or let one repetition do more work.")


@pytest.mark.parametrize("ratios", [[], [0.1] * (FEWEST_PAIRS - 1), [math.nan] * 10])
def test_too_little_to_calibrate_from_is_refused(ratios: list[float]) -> None:
    with pytest.raises(ValueError, match="at least 5 pairs"):
        calibrate(ratios)


@pytest.mark.parametrize(
    "plan",
    [fixed_plan(3), search_plan(6), search_plan(12), verification_plan(), verification_plan(20, 3)],
)
def test_the_smallest_gain_is_found_nine_times_in_ten(plan: Plan) -> None:
    """Earlier looks add to the power, hopelessness and small numbers take from it."""
    gain = smallest_gain(of_noise(1.0), plan)
    assert 0.85 <= power(plan, gain) <= 0.97
    assert power(plan, gain / 2) < 0.6


def test_the_smallest_gain_grows_with_the_noise_and_shrinks_with_pairs() -> None:
    one, other = (smallest_gain(of_noise(sd), search_plan()) for sd in (0.01, 0.02))
    assert other == pytest.approx(2 * one)
    caps = [smallest_gain(of_noise(0.01), verification_plan(cap)) for cap in (3, 6, 12, 40, 1000)]
    assert caps == sorted(caps, reverse=True)
    assert smallest_gain(of_noise(0.01), search_plan(1)) == math.inf


def test_the_smallest_gain_takes_no_time() -> None:
    plan = verification_plan(333, 7)
    started = time.perf_counter()
    smallest_gain(of_noise(0.01), plan)
    assert time.perf_counter() - started < 0.5


def test_too_noisy_says_what_it_found_what_was_asked_and_what_to_do() -> None:
    told = too_noisy(of_noise(math.log(1.05)), search_plan(12), math.log(1.02))
    assert told == (
        "The benchmark is too noisy: against itself it differs by 5 % (standard deviation), so "
        "with 12 pairs it can show differences from 5.5 %, but the task asks for gains from 2 %. "
        "Allow about 74 pairs, let one repetition do more work, give it CPUs of its own, or use "
        "a quieter machine."
    )
    enough = search_plan(12, min_gain=math.log(1.02))
    assert too_noisy(of_noise(0.001), enough, enough.min_gain) == ""


def test_the_pairs_that_are_advised_are_enough() -> None:
    noise, wanted = of_noise(0.05), 0.03
    told = too_noisy(noise, fixed_plan(12), wanted)
    advised = int(told.split("Allow about ")[1].split()[0])
    assert too_noisy(noise, fixed_plan(12), wanted)
    assert smallest_gain(noise, fixed_plan(advised)) == pytest.approx(wanted, rel=0.1)


def test_without_a_gain_that_matters_a_loss_that_rejects_must_show() -> None:
    told = too_noisy(of_noise(0.5), search_plan(), 0.0, rejected_below=-0.1)
    assert "but the task asks for what is 10 % worse" in told
    assert too_noisy(of_noise(0.01), search_plan(), 0.0, rejected_below=-0.1) == ""
    assert too_noisy(of_noise(0.5), search_plan(), 0.0, rejected_below=0.0) == ""


def test_hopeless_noise_and_one_pair_are_told() -> None:
    told = too_noisy(of_noise(3.0), search_plan(), 0.01)
    assert "More pairs alone won't do" in told
    told = too_noisy(of_noise(0.01), search_plan(1), 0.01)
    assert "with 1 pair it can show nothing" in told and "Allow about" in told


def test_sides_that_are_not_treated_alike_are_told() -> None:
    ratios = [0.05 + x for x in np.random.default_rng(5).normal(0.0, 0.01, 10)]
    assert "differs from itself by 5" in biased(calibrate(ratios))
    assert biased(calibrate([ratio - 0.05 for ratio in ratios])) == ""
    assert biased(calibrate(ratios, rounding=0.1)) == ""
    assert biased(calibrate(ratios[:7])) == ""


def test_the_page_says_what_can_be_shown() -> None:
    """docs/honest-numbers.md has the looks, and a table of noise by plan."""
    page = (Path(__file__).parents[3] / "docs" / "honest-numbers.md").read_text()
    search, one, three = search_plan(), verification_plan(), verification_plan(candidates=3)
    for plan in (search, one):
        assert "| " + ", ".join(str(stage.pairs) for stage in plan.stages) + " |" in page
    for percent in (1, 2, 3, 5, 10):
        noise = of_noise(math.log1p(percent / 100))
        shown = [math.expm1(smallest_gain(noise, plan)) for plan in (search, one, three)]
        row = " | ".join([f"{percent} %", *(f"{100 * gain:.1f} %" for gain in shown)])
        assert f"| {row} |" in page

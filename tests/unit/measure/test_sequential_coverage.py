"""A small, seeded run of ``benchmarks.honest_numbers``, which proves the same at full size."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.comparisons import ends, floors, naive, run, whole
from benchmarks.honest_numbers import (
    GAINS,
    PLANS,
    SD,
    Coverage,
    Power,
    Whole,
    coverages,
    promises,
    tables,
)
from benchmarks.noises import NOISES, world
from runner.measure.calibration import PAIRS, calibrate
from runner.measure.plan import Plan, search_plan, verification_plan
from runner.measure.sequential import Call, look

ROWS = 1200


@pytest.mark.parametrize("noise", NOISES)
def test_intervals_hold_the_truth_and_few_are_wrongly_better(noise: str) -> None:
    for row in coverages(ROWS, [noise]):
        assert row.held >= 0.945, row  # 95 %, or more; less than one standard error of 1200
        assert row.false <= 0.03, row
        assert row.pairs <= PLANS[row.plan].cap


@pytest.mark.parametrize("noise", ["normal", "AR(1) 0.9"])
@pytest.mark.parametrize("sd", [0.02, 0.03, 0.05])
def test_a_gain_of_five_percent_is_found_within_the_default_cap(noise: str, sd: float) -> None:
    (found,) = run(NOISES[noise], sd, verification_plan(candidates=3), ROWS, [GAINS[1]])
    assert found.better() >= 0.9
    assert float(found.pairs.mean()) < 20


@pytest.mark.parametrize("noise", ["normal", "mixed"])
def test_searches_in_which_nothing_helps_rarely_verify_anything(noise: str) -> None:
    random = np.random.default_rng(7)
    wrong, _ = whole(NOISES[noise], SD, np.zeros((300, 40)), 3, random)
    assert wrong <= 0.05


def test_the_simulation_would_notice_peeking() -> None:
    """The mistake that all this avoids fails the same bar by far."""
    assert naive(SD, ROWS) > 0.1


@pytest.mark.parametrize("plan", [search_plan(), search_plan(3), verification_plan(20, 3)])
@pytest.mark.parametrize("noise", ["mixed", "rounded to 10 %"])
@pytest.mark.parametrize("gain", GAINS)
def test_the_simulation_ends_comparisons_as_look_does(noise: str, plan: Plan, gain: float) -> None:
    seen = world(NOISES[noise], SD, (20, PAIRS + plan.cap), np.random.default_rng(8))
    floor, off = floors(seen.part(0, 1, PAIRS))
    ratios = seen.part(PAIRS, 1, plan.cap).ratios(gain)
    found = ends(ratios, plan, floor, off)
    for row in range(20):
        calibration = calibrate([floor[row]] * PAIRS, off[row])
        for pairs in range(1, plan.cap + 1):
            alone = look(ratios[row, :pairs].tolist(), plan, calibration)
            if alone.call is not Call.GO_ON:
                break
        assert (alone.gain, alone.pairs) == (found.gain[row], found.pairs[row])
        assert (alone.low, alone.high) == pytest.approx((found.low[row], found.high[row]))


def test_the_tables_and_what_they_promise() -> None:
    rows = list(coverages(100, ["normal"]))
    printed = "\n".join(tables(rows, [], []))
    assert "normal" in printed and "search 12" in printed and "%" in printed
    covered = [Coverage("normal", "search 3", 0.92, 0.03, 3.0)]
    powered = [Power("normal", 0.05, 1, 0.89, 20.0, 0.05)]
    searched = [Whole("normal", 0.06, 0.95, 0.5)]
    kept = [good for _, _, good in promises(covered, powered, searched)]
    assert kept == [False, False, False, True, False]

"""Comparisons on made-up machines, many at a time, by the code that real ones run by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.noises import NOISES, Floats, Noise, World, world
from runner.measure.calibration import PAIRS, calibrate
from runner.measure.intervals import pseudo_median, student_interval
from runner.measure.paired import rounding
from runner.measure.plan import Plan, search_plan, verification_plan
from runner.measure.sequential import hopeless, stage_interval


@dataclass(frozen=True, slots=True)
class Ends:
    """How comparisons ended, one element each. ``gain`` is the estimate."""

    gain: Floats
    low: Floats
    high: Floats
    pairs: Floats

    def held(self, truth: Floats | float) -> float:
        return float(np.mean((self.low <= truth) & (truth <= self.high)))

    def better(self) -> float:
        return float(np.mean(self.low > 0.0))


def floors(root: World) -> tuple[Floats, Floats]:
    """The calibrations of many machines, from pairs of the root: floors, and roundings."""
    one, other = root.printed(0.0)
    unit = "ms" if root.step_ms else ""
    ratios = root.ratios(0.0).tolist()
    values = np.concatenate([one, other], axis=1).tolist()
    found = [calibrate(r, rounding(v, unit)) for r, v in zip(ratios, values, strict=True)]
    return np.array([c.floor for c in found]), np.array([c.rounding for c in found])


def ends(ratios: Floats, plan: Plan, floor: Floats, off: Floats) -> Ends:
    """End each row's comparison as ``sequential.look`` does, but all of them at a time."""
    found = np.full((4, len(ratios)), math.nan)
    going = np.arange(len(ratios))
    for stage in plan.stages:
        part, rounded = ratios[going, : stage.pairs], off[going]
        gain = pseudo_median(part)
        low, high = stage_interval(part, stage, plan, floor[going])
        low, high = low - rounded, high + rounded
        found[:, going] = gain, low, high, np.full(len(going), stage.pairs)
        futile = hopeless(part, gain, stage, plan, rounded)
        futile |= (low > plan.rejected_gain) & (high <= plan.min_gain)
        going = going[(low <= 0.0) & (high >= 0.0) & ~futile]
        if not going.size:
            break
    return Ends(*found)


def run(noise: Noise, sd: float, plan: Plan, rows: int, gains: Sequence[float]) -> list[Ends]:
    """Compare the same machines once for each true gain."""
    random = np.random.default_rng([plan.cap, len(plan.stages), round(1e4 * sd)])
    seen = world(noise, sd, (rows, PAIRS + plan.cap), random)
    floor, off = floors(seen.part(0, 1, PAIRS))
    pairs = seen.part(PAIRS, 1, plan.cap)
    return [ends(pairs.ratios(gain), plan, floor, off) for gain in gains]


def whole(
    noise: Noise, sd: float, gains: Floats, top: int, random: np.random.Generator
) -> tuple[float, float]:
    """How many searches call any of their best better, and how many winners' intervals hold.

    ``gains`` are the true ones, searches by candidates; the best ``top`` are verified. Each search runs on one machine from its
    calibration to the last pair of its verification.
    """
    search, verification = search_plan(), verification_plan(candidates=top)
    rows, candidates = gains.shape
    fresh = PAIRS + candidates * search.cap
    seen = world(noise, sd, (rows, fresh + top * verification.cap), random)
    floor, off = floors(seen.part(0, 1, PAIRS))
    ratios = seen.part(PAIRS, candidates, search.cap).ratios(gains.ravel())
    searched = ends(ratios, search, floor.repeat(candidates), off.repeat(candidates))
    best = np.argsort(-searched.gain.reshape(gains.shape), axis=1)[:, :top]
    true = np.take_along_axis(gains, best, axis=1)
    ratios = seen.part(fresh, top, verification.cap).ratios(true.ravel())
    found = ends(ratios, verification, floor.repeat(top), off.repeat(top))
    low, high = found.low.reshape(true.shape), found.high.reshape(true.shape)
    winner = (np.arange(rows), low.argmax(axis=1))
    low, high, true = low[winner], high[winner], true[winner]
    won = low > 0.0
    held = (low <= true) & (true <= high)
    return float(won.mean()), float(held[won].mean()) if won.any() else 1.0


def naive(sd: float, rows: int) -> float:
    """How often a 95 % interval by Student, looked at after each of 40 pairs, is wrongly above 0."""
    seen = world(NOISES["normal"], sd, (rows, 40), np.random.default_rng(1))
    ratios = seen.ratios(0.0)
    going, better = np.ones(rows, dtype=bool), np.zeros(rows, dtype=bool)
    for pairs in range(3, 41):
        low, high = student_interval(ratios[:, :pairs], 0.05)
        better |= going & (low > 0.0)
        going &= (low <= 0.0) & (high >= 0.0)
    return float(better.mean())

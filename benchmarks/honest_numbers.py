"""What a comparison's numbers are worth, by simulation of noisy machines.

    python -m benchmarks.honest_numbers [--quick]

Each simulated comparison is calibrated by 10 A/A pairs, takes pairs in random order, stops when
its plan says so, and is judged by the interval it stopped with. Its noise is 3 % (the standard
deviation of one pair's log-ratio) unless said otherwise.

``held``    how often the interval holds the true gain, at the worst of 0, 5 and 30 %
``false``   how often a candidate without a gain is called better
``pairs``   how many pairs a candidate without a gain takes, on average
``power``   how often a true gain of 5 % is called better

A whole search takes the best 3 of 40 candidates, each measured as a search measures, and verifies
these with fresh pairs. It is ``wrong`` if none is better, but any is called so; ``winner`` is how
often the winner's interval holds its true gain, where candidates do differ.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

from benchmarks.comparisons import naive, run, whole  # noqa: E402
from benchmarks.noises import NOISES  # noqa: E402
from runner.measure.plan import search_plan, verification_plan  # noqa: E402

SD = 0.03
GAINS = (0.0, math.log(1.05), math.log(1.3))
PLANS = {
    "search 3": search_plan(3),
    "search 6": search_plan(6),
    "search 12": search_plan(12),
    "verify 40": verification_plan(40),
}
CANDIDATES, VERIFIED = 40, 3  # of a search
HEAVY = (
    "student t, 2 df",
    "lognormal spikes",
    "mixed",
)  # have no deviation, or none that says much
FULL, QUICK = 10_000, 500


@dataclass(frozen=True, slots=True)
class Coverage:
    """One kind of noise under one plan."""

    noise: str
    plan: str
    held: float
    false: float
    pairs: float


@dataclass(frozen=True, slots=True)
class Power:
    """A true gain of 5 % under one kind of noise. ``said`` is the mean gain of those found."""

    noise: str
    sd: float
    candidates: int
    power: float
    pairs: float
    said: float


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole searches under one kind of noise; ``found`` is how many had a winner."""

    noise: str
    wrong: float
    winner: float
    found: float


def coverages(rows: int, noises: Sequence[str] = tuple(NOISES)) -> Iterator[Coverage]:
    for noise in noises:
        for name, plan in PLANS.items():
            found = run(NOISES[noise], SD, plan, rows, GAINS)
            held = min(of.held(gain) for gain, of in zip(GAINS, found, strict=True))
            yield Coverage(noise, name, held, found[0].better(), float(found[0].pairs.mean()))


def powers(rows: int) -> Iterator[Power]:
    for noise in ("normal", "AR(1) 0.9", "random walk", *HEAVY):
        for sd in (0.02, 0.03, 0.05):
            for candidates in (1, VERIFIED):
                plan = verification_plan(candidates=candidates)
                (of,) = run(NOISES[noise], sd, plan, rows, [math.log(1.05)])
                said = float(np.mean(of.gain[of.low > 0.0]))
                yield Power(noise, sd, candidates, of.better(), float(of.pairs.mean()), said)


def savings(rows: int) -> Iterator[tuple[float, float, float]]:
    """A true ratio, and the mean pairs that a search and a verification take to tell."""
    ratios = (0.7, 0.95, 1.0, 1.02, 1.05, 1.1, 1.3)
    gains = [math.log(ratio) for ratio in ratios]
    noise = NOISES["normal"]
    searched = run(noise, SD, search_plan(), rows, gains)
    verified = run(noise, SD, verification_plan(candidates=VERIFIED), rows, gains)
    for ratio, one, other in zip(ratios, searched, verified, strict=True):
        yield ratio, float(one.pairs.mean()), float(other.pairs.mean())


def wholes(rows: int) -> Iterator[Whole]:
    for noise in ("normal", "student t, 2 df", "AR(1) 0.9", "stepwise drift", "mixed"):
        random = np.random.default_rng(CANDIDATES)
        wrong, _ = whole(NOISES[noise], SD, np.zeros((rows, CANDIDATES)), VERIFIED, random)
        gains = random.normal(0.0, SD / 2.0, (rows, CANDIDATES))
        found, winner = whole(NOISES[noise], SD, gains, VERIFIED, random)
        yield Whole(noise, wrong, winner, found)


def tables(
    covered: Sequence[Coverage], powered: Sequence[Power], searched: Sequence[Whole]
) -> Iterator[str]:
    """The lines to print."""
    yield f"{'':22}" + "".join(f"{name:^21}" for name in PLANS)
    yield f"{'noise':22}" + f"{'held':>7}{'false':>7}{'pairs':>6} " * len(PLANS)
    for noise in dict.fromkeys(row.noise for row in covered):
        rows = [row for row in covered if row.noise == noise]
        yield f"{noise:22}" + "".join(
            f"{row.held:7.1%}{row.false:7.2%}{row.pairs:6.1f} " for row in rows
        )
    yield f"\n{'noise':17}{'sd':>5}{'candidates':>12}{'power':>8}{'pairs':>7}{'gain said':>11}"
    for of in powered:
        yield (
            f"{of.noise:17}{of.sd:5.0%}{of.candidates:12}{of.power:8.1%}{of.pairs:7.1f}"
            f"{math.expm1(of.said):11.2%}"
        )
    yield f"\n{'whole searches':22}{'wrong':>7}{'winner':>8}{'found':>8}"
    for one in searched:
        yield f"{one.noise:22}{one.wrong:7.2%}{one.winner:8.1%}{one.found:8.1%}"


def savings_table(rows: int) -> Iterator[str]:
    yield f"\n{'true ratio':12}{'search':>9}{'of cap':>8}{'verify':>9}{'of cap':>8}"
    for ratio, one, other in savings(rows):
        parts = one / search_plan().cap, other / verification_plan().cap
        yield f"x{ratio:<11}{one:9.1f}{parts[0]:8.0%}{other:9.1f}{parts[1]:8.0%}"


def promises(
    covered: Sequence[Coverage], powered: Sequence[Power], searched: Sequence[Whole]
) -> list[tuple[str, float, bool]]:
    """What was promised: its name with the limit, what was found, and whether it was kept."""
    held = min(row.held for row in covered)
    false = max(row.false for row in covered)
    wrong = max(one.wrong for one in searched)
    winner = min(one.winner for one in searched)
    power = min(of.power for of in powered if of.noise not in HEAVY)
    return [
        ("95 % intervals hold the truth, at least 93 %", held, held >= 0.93),
        ("called better without a gain, at most 2.5 %", false, false <= 0.025),
        ("whole searches with a wrong verification, at most 5 %", wrong, wrong <= 0.05),
        ("winners' intervals hold the truth, at least 93 %", winner, winner >= 0.93),
        ("power for a gain of 5 %, at least 90 %", power, power >= 0.9),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few comparisons, nothing is judged")
    quick = parser.parse_args().quick
    rows = QUICK if quick else FULL
    found = list(coverages(rows)), list(powers(rows)), list(wholes(rows // 5))
    print("\n".join([*tables(*found), *savings_table(rows)]))
    print(
        f"\nfor comparison: Student's interval looked at after each pair is wrong {naive(SD, rows):.0%}"
    )
    if quick:
        return 0  # too few to tell
    kept = promises(*found)
    print(f"\n{'promised':56}{'found':>7}")
    for name, value, good in kept:
        print(f"{name:56}{value:7.1%}{'' if good else '  BROKEN'}")
    return 0 if all(good for _, _, good in kept) else 1


if __name__ == "__main__":
    sys.exit(main())

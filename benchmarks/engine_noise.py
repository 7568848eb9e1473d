"""What a comparison's numbers are worth on a real engine: the shipped example against itself.

    python -m benchmarks.engine_noise                  judge the recordings
    python -m benchmarks.engine_noise --record quiet   record anew, on this machine's engine

There are two recordings: of a machine that did nothing else, and of one that was busy with three times
as much work as it has processors. Each is a long series of repetitions of the untouched target of examples/helios, taken as a
search takes them (in a container that stays) and as a verification does (a container each). Since it
is one program throughout, the true gain of any part of it over any other is 0; and multiplying one
side of the pairs makes it whatever is wanted. What the machine did meanwhile is in the series: drift,
spikes, neighbours. Each comparison starts at another place, with a calibration from elsewhere.

``held``    how often the interval holds the true gain, at the worst of 0 and 5 %  (at least 93 %)
``false``   how often an equal candidate is called better                          (at most 2.5 %)
``power``   how often a true gain of 5 % is called better       (at least 90 % on the quiet machine)
``wrong``   whole searches without any gain that end in a verified improvement     (at most 5 %)
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from runner.evidence import Claims, Evidence, pack_target
from runner.expand.context import RunContext
from runner.expand.judging import Trial
from runner.expand.lane import Lane
from runner.expand.root import build_root
from runner.expand.sides import SIDES, Side, Sides, in_fresh_containers, in_sessions
from runner.images import ensure_agent_image
from runner.measure.calibration import Calibration, calibrate
from runner.measure.metrics import read_metrics
from runner.measure.paired import pair_order, rounding
from runner.measure.plan import Plan, search_plan, verification_plan
from runner.measure.protected import matches
from runner.measure.sequential import Call, Look, look
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.task import load_task

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "examples" / "helios"
RECORDED = HERE / "recorded"
QUIET, BUSY = "quiet", "busy"
GAIN = math.log(1.05)
CALIBRATION_PAIRS, CANDIDATES, VERIFIED = 10, 40, 3
RUN_ID = "noise"


def record(count: int) -> dict[str, list[float]]:
    """``count`` repetitions of each kind, in microseconds, in the order in which they were taken."""
    client = connect()
    image = ensure_agent_image(client)
    task = load_task(EXAMPLE)
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(EngineSandbox(client, RUN_ID, image)) as sandbox,
    ):
        places = Path(folder)
        context = RunContext(
            RUN_ID, task, places, Evidence(places / "evidence.git"), Claims(), Lane(), lambda: False
        )
        target = lambda: pack_target(task.target, lambda path: matches(task.exclude, path))  # noqa: E731
        walk = build_root(context, sandbox, image, target)
        root = _end(walk)
        assert root.state.snapshot is not None
        both = Sides(root.state.snapshot.digest, root.state.snapshot.digest)
        series = {}
        for name, how in (("search", in_sessions), ("verification", in_fresh_containers)):
            trial = Trial(context, sandbox, f"A-{name}", "A")
            with how(trial, both, task.benchmark) as sides:
                series[name] = [_value(sides, number, task.benchmark.objective) for number in range(count)]
            print(f"{name}: {count} repetitions", file=sys.stderr, flush=True)
        sandbox.discard(root.state.snapshot.tag)
    return series


def _end(walk):  # type: ignore[no-untyped-def]
    while True:
        try:
            next(walk)
        except StopIteration as end:
            return end.value


def _value(sides, number, objective) -> float:  # type: ignore[no-untyped-def]
    side: Side = sides[SIDES[number % 2]]
    return read_metrics(side.repeat().output.splitlines(), [objective]).metrics[0].value


@dataclass(frozen=True, slots=True)
class Series:
    """Values in the order in which they were taken; comparisons are cut out of it."""

    values: Sequence[float]

    def ratios(self, start: int, seed: str, gain: float) -> Iterator[float]:
        """The log-ratios of pairs from ``start`` on, round the end, in random order."""
        for number in range(len(self.values) // 2):
            at = (start + 2 * number) % (len(self.values) - 1)
            first, second = self.values[at], self.values[at + 1]
            baseline_first = pair_order(seed, number)[0] == "baseline"
            old, new = (first, second) if baseline_first else (second, first)
            yield math.log(old) - math.log(new) + gain

    def calibration(self, start: int) -> Calibration:
        """The A/A trial as a run begins with one, from another part of the series."""
        pairs = 2 * CALIBRATION_PAIRS
        begin = (start + len(self.values) // 2) % (len(self.values) - pairs)
        part = self.values[begin : begin + pairs]
        ratios = self.ratios(begin, f"calibration/{start}", 0.0)
        return calibrate([next(ratios) for _ in range(CALIBRATION_PAIRS)], rounding(part, "us"))

    def compare(self, start: int, seed: str, gain: float, plan: Plan) -> Look:
        """One comparison, from its first pair to its end."""
        calibration, taken = self.calibration(start), []
        for ratio in self.ratios(start, seed, gain):
            taken.append(ratio)
            if len(taken) == plan.cap or plan.stage(len(taken)) != plan.stage(len(taken) - 1):
                seen = look(taken, plan, calibration)
                if seen.call is not Call.GO_ON:
                    return seen
        raise AssertionError("the series is shorter than the plan")


def judge(series: Series, plan: Plan, times: int) -> dict[str, float]:
    """Coverage, false calls and power of comparisons that start all over the series."""
    share: Callable[[Sequence[bool]], float] = lambda told: sum(told) / len(told)  # noqa: E731
    starts = [round(number * len(series.values) / times) for number in range(times)]
    looks = {
        gain: [series.compare(start, f"{start}/{gain}", gain, plan) for start in starts]
        for gain in (0.0, GAIN)
    }
    held = [share([seen.low <= gain <= seen.high for seen in of]) for gain, of in looks.items()]
    return {
        "held": min(held),
        "false": share([seen.call is Call.BETTER for seen in looks[0.0]]),
        "power": share([seen.call is Call.BETTER for seen in looks[GAIN]]),
        "pairs": sum(seen.pairs for seen in looks[0.0]) / times,
    }


def wrong(search: Series, verification: Series, times: int) -> float:
    """The share of whole searches, in which no action helps, that verify an improvement."""
    draw, failed = random.Random(7), 0
    in_search = search_plan()
    in_verification = verification_plan(candidates=VERIFIED)
    for number in range(times):
        gains = []
        for candidate in range(CANDIDATES):
            start = draw.randrange(len(search.values))
            gains.append(search.compare(start, f"{number}/{candidate}", 0.0, in_search).gain)
        best = sorted((gain for gain in gains if gain > 0.0), reverse=True)[:VERIFIED]
        starts = [draw.randrange(len(verification.values)) for _ in best]
        looks = [
            verification.compare(start, f"v/{number}/{start}", 0.0, in_verification)
            for start in starts
        ]
        failed += any(seen.call is Call.BETTER for seen in looks)
    return failed / times


def rows(name: str, times: int) -> Iterator[tuple[str, bool]]:
    """The table's lines on one recording, and whether each keeps what is promised."""
    recorded = json.loads((RECORDED / f"helios_noise_{name}.json").read_text())
    search, verification = Series(recorded["search"]), Series(recorded["verification"])
    for kind, series, plan in (
        ("search", search, search_plan()),
        ("verification", verification, verification_plan()),
    ):
        found = judge(series, plan, times)
        noise = calibrate([*series.ratios(0, "noise", 0.0)]).sd
        strong = found["power"] >= 0.9 or name == BUSY or kind == "search"
        yield (
            f"{name:<7}{kind:<14}{noise:>7.1%}{found['held']:>8.1%}{found['false']:>8.1%}"
            f"{found['power']:>8.1%}{found['pairs']:>7.1f}",
            # Of 400 comparisons 2.5 % are 10; 16 and more come by accident once in thirty times.
            found["held"] >= 0.93 and found["false"] <= 0.0375 and strong,
        )
    share = wrong(search, verification, times)
    yield f"{name:<7}whole searches without any gain that verify one: {share:.1%}", share <= 0.05


def main() -> int:
    """Print the table; 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", choices=(QUIET, BUSY), help="record anew")
    parser.add_argument("--count", type=int, default=400, help="repetitions of each kind")
    parser.add_argument("--times", type=int, default=400, help="comparisons, and whole searches")
    given = parser.parse_args()
    if given.record:
        RECORDED.mkdir(exist_ok=True)
        made = {name: [round(v, 2) for v in of] for name, of in record(given.count).items()}
        (RECORDED / f"helios_noise_{given.record}.json").write_text(json.dumps(made) + "\n")
    print(f"{'':<7}{'plan':<14}{'noise':>7}{'held':>8}{'false':>8}{'power':>8}{'pairs':>7}")
    good = True
    for name in (QUIET, BUSY):
        for line, kept in rows(name, given.times):
            print(line if kept else f"{line}   <- missed")
            good &= kept
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

"""A desk whose parts answer at once, or as they are told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from runner.errors import Cancelled
from runner.mcp.desk import Desk, DeskError, Off, Over
from runner.mcp.results import (
    Benchmarked,
    CheckInfo,
    CheckResult,
    ChecksResult,
    Compared,
    FailedTest,
    Setup,
    Skeleton,
)
from runner.model import Metric

OFF = Off("the task doesn't offer it")


@dataclass
class ScriptedTests:
    """``TestsPart``: ``act`` is what running the checks does meanwhile."""

    act: Callable[[Over], None] = lambda _: None
    ran: list[tuple[tuple[str, ...], float]] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    at_work: int = 0
    most_at_work: int = 0

    def detect(self) -> Setup:
        return Setup((CheckInfo("tests", "python3 -m pytest -q", 60.0, True),), (), ("tests/**",))

    def skeleton(self, framework: str, _subject: str) -> Skeleton:
        raise DeskError(f"{framework!r} has no skeleton")

    def run(self, checks: tuple[str, ...], time_s: float, over: Over) -> ChecksResult:
        self.threads.add(threading.get_ident())
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            self.act(over)
        finally:
            self.at_work -= 1
        self.ran.append((checks, time_s))
        failed = FailedTest("test_a", "assert 1 == 2")
        return ChecksResult(
            False, (CheckResult("tests", False, "1 test failed", 0.5, 3, (failed,)),)
        )


class ScriptedBenchmark:
    """``BenchmarkPart``."""

    def run(self, _time_s: float, _over: Over) -> Benchmarked:
        return Benchmarked("time_us", (Metric("time_us", 12.5, "us"),), 6, 1.5)

    def compare(self, _time_s: float, _over: Over) -> Compared:
        return Compared("A.1", "improved", 12.0, 10.0, 14.0, 8)


def desk_of(tests: ScriptedTests) -> Desk:
    """Tests and a benchmark; the rest is off."""
    return Desk(tests, ScriptedBenchmark(), OFF, OFF, OFF, OFF)


def until_over(over: Over) -> None:
    """Work that ends when nobody waits for it any more, and not before."""
    while not over():
        time.sleep(0.005)
    raise Cancelled("the run was told to stop")

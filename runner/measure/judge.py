"""What judges a state, as the task asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model import MetricSpec


@dataclass(frozen=True, slots=True)
class Check:
    """A shell command that must exit with 0 within ``timeout_s`` seconds, such as the tests."""

    name: str
    command: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A shell command whose log lines carry the metrics.

    One repetition is one execution of ``command`` and may take ``timeout_s`` seconds. A comparison
    takes ``warmup`` repetitions of each side that count for nothing, then ``pairs`` of each side.
    ``objective`` is one of ``metrics``.
    """

    command: str
    metrics: tuple[MetricSpec, ...]
    objective: MetricSpec
    pairs: int
    warmup: int
    timeout_s: float

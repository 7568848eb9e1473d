"""What judges a state, as the task asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.measure.reports import Format
from runner.model import MetricSpec


@dataclass(frozen=True, slots=True)
class Check:
    """A shell command that must exit with 0 within ``timeout_s`` seconds, such as the tests.

    ``results`` is the file, relative to the workspace, in which it leaves what became of each test,
    as ``format``; without one, only what it prints is read.
    """

    name: str
    command: str
    timeout_s: float
    results: str = ""
    format: Format = Format.JUNIT


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A shell command whose log lines carry the metrics.

    One repetition is one execution of ``command`` and may take ``timeout_s`` seconds. A comparison
    takes ``warmup`` repetitions of each side that count for nothing, then up to ``pairs`` of each
    side. ``objective`` is one of ``metrics``. ``profile`` is a command that says where the time goes,
    for agents to read; "" for none.
    """

    command: str
    metrics: tuple[MetricSpec, ...]
    objective: MetricSpec
    pairs: int
    warmup: int
    timeout_s: float
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What exists at verification only: ``files`` is a folder on the host whose content is laid over
    the workspace of judging containers, and is in no image or container that an action can see.

    ``checks`` are run beside the task's own; ``benchmark`` is the command that is measured instead of
    the task's own, unless it is empty.
    """

    files: Path | None = None
    checks: tuple[Check, ...] = ()
    benchmark: str = ""


@dataclass(frozen=True, slots=True)
class NewTests:
    """``[tests_first]``: each node must bring new files that match ``tests`` (globs), with which
    ``command`` fails on the parent and passes on the node. ``{files}`` in it stands for them."""

    tests: tuple[str, ...]
    command: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Trials:
    """How the root is tried before a search: its checks ``check_runs`` times, and its benchmark
    against itself in ``pairs`` pairs."""

    check_runs: int = 3
    pairs: int = 10

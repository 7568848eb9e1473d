"""What the user asked for, as frozen values that every part of a run can share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.measure.judge import Benchmark, Check, NewTests, Sealed, Trials
from runner.measure.loaders import Loaders
from runner.model import Action, Limits
from runner.planner.budget import BudgetLimits
from runner.planner.policy import SearchSettings


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """What the root's container starts from: exactly one of the three is set.

    ``agent`` is the image that oppie builds, ``name`` one that the engine has or can pull,
    ``dockerfile`` one to build, with the file's folder as the context.
    """

    agent: bool = False
    name: str = ""
    dockerfile: Path | None = None


@dataclass(frozen=True, slots=True)
class Hooks:
    """Programs on the host, each as its arguments; empty means none.

    They run without a shell, in the folder of the task file, are given the node's facts as JSON
    on stdin, and are killed after ``timeout_s`` seconds.
    """

    pre_execution: tuple[str, ...] = ()
    post_execution: tuple[str, ...] = ()
    backtrack: tuple[str, ...] = ()
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Task:
    """One target, what may change it, and what judges the changes.

    ``path`` is the task file; ``target`` an absolute folder. ``exclude`` and ``protected`` are
    globs over paths relative to the target (``runner.measure.protected`` says what they match).
    ``setup`` are shell commands, run once, in order, in the root's container. ``verify_top``
    candidates are measured against the root at the end, with up to ``verify_pairs`` pairs each.
    ``limits`` are those of a container that reaches nothing. ``read_only`` is what checks and
    benchmark find their root file system to be; ``secrets`` are names of variables of the machine
    that actions are given; ``hosts`` is what they may reach (``runner.egress.rules``).
    """

    name: str
    path: Path
    target: Path
    exclude: tuple[str, ...]
    image: ImageSpec
    setup: tuple[str, ...]
    setup_timeout_s: float
    actions: tuple[Action, ...]
    checks: tuple[Check, ...]
    benchmark: Benchmark
    protected: tuple[str, ...]
    limits: Limits
    search: SearchSettings
    budget: BudgetLimits
    hooks: Hooks
    verify_top: int
    verify_pairs: int
    loaders: Loaders = field(default_factory=Loaders)
    sealed: Sealed = field(default_factory=Sealed)
    tests_first: NewTests | None = None
    trials: Trials = field(default_factory=Trials)
    hosts: tuple[str, ...] = ()
    read_only: bool = False
    secrets: tuple[str, ...] = ()

    @property
    def outgoing(self) -> Limits:
        """The limits of actions and of ``setup``, which alone may reach ``hosts``: what judges is
        neither helped nor overheard by anybody outside."""
        return replace(self.limits, hosts=self.hosts)

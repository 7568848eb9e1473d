"""What the user asked for, as frozen values that every part of a run can share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.measure.judge import Benchmark, Check, NewTests, Sealed, Trials
from runner.measure.loaders import Loaders
from runner.model import Action, AgentSpec, Limits, SandboxKind
from runner.planner.budget import BudgetLimits
from runner.planner.mode import ModeSettings
from runner.planner.policy import SearchSettings


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """What the root's container starts from: exactly one of the four is set.

    ``agent`` is the image that oppie builds, ``agents`` the same with the named coding agents in it,
    ``name`` one that the engine has or can pull, ``dockerfile`` one to build, with the file's folder
    as the context.
    """

    agent: bool = False
    agents: tuple[str, ...] = ()
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
class PricesSpec:
    """US dollars per million tokens; ``cached`` are input tokens read from a cache."""

    input: float
    output: float
    cached: float | None = None


@dataclass(frozen=True, slots=True)
class UpstreamSpec:
    """A service that has models: its address, the variable that holds its key ("" for none), and
    globs of the models that may be used."""

    name: str
    dialect: str
    url: str
    key: str
    models: tuple[str, ...]
    prices: PricesSpec | None = None


@dataclass(frozen=True, slots=True)
class ModelsSpec:
    """How agents reach models. ``node_usd`` and ``day_usd`` are what a node, and all runs of a day,
    may spend; the run's is in its budget."""

    upstreams: tuple[UpstreamSpec, ...] = ()
    node_usd: float | None = None
    day_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Aids:
    """What agents have beside the container: groups of tools (``None``: all of them), what earlier
    runs have taught, with the weight of what other projects have, templates of the task's own, and
    a reviewer."""

    tools: tuple[str, ...] | None = None
    knowledge: bool = True
    carry_over: float = 0.0
    prompts: Path | None = None
    reviewer: AgentSpec | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One target, what may change it, and what judges the changes.

    ``path`` is the task file; ``target`` an absolute folder. ``exclude`` and ``protected`` are
    globs over paths relative to the target (``runner.measure.protected`` says what they match).
    ``setup`` are shell commands, run once, in order, in the root's container. ``verify_top``
    candidates are measured against the root at the end, with up to ``verify_pairs`` pairs each.
    ``limits`` are those of a container that reaches nothing. ``read_only`` is what checks and
    benchmark find their root file system to be; ``secrets`` are names of variables of the machine
    that actions are given; ``hosts`` is what they may reach (``runner.egress.rules``). ``kind`` is
    what a node lives in; ``unsafe_agents`` lets agents into one that shuts nothing in.
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
    kind: SandboxKind = SandboxKind.CONTAINER
    unsafe_agents: bool = False
    models: ModelsSpec = field(default_factory=ModelsSpec)
    aids: Aids = field(default_factory=Aids)
    mode: ModeSettings = field(default_factory=ModeSettings)

    @property
    def outgoing(self) -> Limits:
        """The limits of actions and of ``setup``, which alone may reach ``hosts``: what judges is
        neither helped nor overheard by anybody outside."""
        return replace(self.limits, hosts=self.hosts)

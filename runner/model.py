"""The domain's types: frozen, without behaviour that touches the world.

Labels are paths in the tree: ``A`` is the root (the untouched target after ``setup``), ``A.2`` its
second child. Gains are natural log-ratios in the better direction: ``delta = exp(gain) - 1``.
Times are seconds, sizes are bytes.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

ROOT = "A"


class Goal(StrEnum):
    """The better direction of a metric."""

    MIN = "min"
    MAX = "max"


class Outcome(StrEnum):
    """What an attempt turned out to be."""

    IMPROVED = "improved"
    NEUTRAL = "neutral"
    REGRESSED = "regressed"
    REJECTED = "rejected"
    FAILED = "failed"
    TIMEOUT = "timeout"
    OOM = "oom"
    DISK = "disk"
    TAMPERED = "tampered"
    DUPLICATE = "duplicate"
    INFRA = "infra"


class Verdict(StrEnum):
    """What verification found of a candidate, in a clean room, by samples of its own.

    ``NOT_REPRODUCED``: the search had measured an improvement, and the recorded sources alone show
    none. ``FAILED``: they can't be set up, checked or measured.
    """

    IMPROVED = "improved"
    NO_DIFFERENCE = "no difference shown"
    WORSE = "worse"
    NOT_REPRODUCED = "not reproduced"
    FAILED = "failed"
    TAMPERED = "tampered"


class Decision(StrEnum):
    """What was done with an attempt's container."""

    COMMIT = "commit"
    DISCARD = "discard"
    ABANDON = "abandon"


class ActionKind(StrEnum):
    """How an action changes the code."""

    PATCH = "patch"
    COMMAND = "command"
    MERGE = "merge"  # of another node's sources; its key is ``merge:<label>``


class JobKind(StrEnum):
    """What a worker is asked to do with a node."""

    EXPAND = "expand"
    REMEASURE = "remeasure"


class StopReason(StrEnum):
    """Why a search ended; every stop has one."""

    NODES = "budget: nodes"
    TIME = "budget: wall time"
    BYTES = "budget: snapshot bytes"
    CONTAINERS = "budget: container time"
    TARGET = "target met"
    EXHAUSTED = "space exhausted"
    INTERRUPTED = "interrupted"
    ENVIRONMENT = "environment"
    ROOT_FAILS = "root fails"


class Source(StrEnum):
    """Where a metric comes from: what the benchmark prints, or the host's own clock, which no
    program in a container can reach (the seconds that one repetition took)."""

    OUTPUT = "output"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric that the task declares."""

    name: str
    goal: Goal = Goal.MIN
    unit: str = ""
    source: Source = Source.OUTPUT


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of a metric, in the unit that was printed ("" if none was)."""

    name: str
    value: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A wish such as ``vst_commit_us < 70``; ``operator`` is one of ``<``, ``<=``, ``>``, ``>=``."""

    metric: str
    operator: str
    value: float


@dataclass(frozen=True, slots=True)
class Action:
    """One change to try at a node.

    ``key`` is stable across runs. ``body`` is the patch, or the shell command, as bytes. Applying
    an action replaces an earlier one of the same non-empty ``group``. ``prior`` is the gain its
    author expects (log-ratio). ``tag`` names its strategy. ``open_ended`` actions give another
    state each time they are tried, and so never run out.
    """

    key: str
    kind: ActionKind = ActionKind.COMMAND
    body: bytes = b""
    description: str = ""
    group: str = ""
    prior: float = 0.0
    tag: str = ""
    open_ended: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The image of a node. ``digest`` and ``parent_digest`` are the engine's image ids.

    ``depth`` counts its layers, the base's included; ``size_bytes`` is what it adds to its parent.
    """

    tag: str
    digest: str
    parent_digest: str
    depth: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class State:
    """What a worker must know of a node to start from it."""

    label: str
    snapshot: Snapshot | None = None
    commit: str = ""
    tree_id: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt to be made by a worker.

    ``EXPAND``: start from ``origin``, apply ``actions`` in order, measure the result, called
    ``label``, against ``against``. ``REMEASURE``: measure ``origin`` (whose label is ``label``)
    against ``against`` once more. ``number`` counts the attempts of this label from 1;
    ``attempt_id`` is ``<label>-<number>``.
    """

    kind: JobKind
    label: str
    number: int
    origin: State
    against: State
    actions: tuple[Action, ...] = ()
    expected_gain: float = 0.0

    @property
    def attempt_id(self) -> str:
        return f"{self.label}-{self.number}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A paired comparison: ``gain`` over the other side, with its 95 % interval.

    ``metrics`` are the medians of the measured side, ``baseline`` those of the other side.
    ``ratios`` are the pairs' log-ratios in the order they were taken.
    """

    gain: float
    low: float
    high: float
    pairs: int
    metrics: tuple[Metric, ...] = ()
    baseline: tuple[Metric, ...] = ()
    ratios: tuple[float, ...] = ()

    @property
    def delta(self) -> float:
        return math.expm1(self.gain)


@dataclass(frozen=True, slots=True)
class Expansion:
    """What came of a job. ``reason`` says in one line why the outcome is what it is.

    ``reward`` is ``None`` for ``infra`` (no visit), and for a duplicate (its twin's counts).
    ``against`` is the label that ``measurement.gain`` is relative to.
    ``files_changed`` counts what the actions changed in the source tree. ``tree_id`` is empty if no
    state was reached: the action failed, or touched what is protected. ``container_s`` are the
    container seconds that the attempt took, ``saved_s`` those that stopping early saved. ``proof``
    says of test-driven work which tests failed on the parent and pass on the child.
    """

    job: Job
    outcome: Outcome
    decision: Decision
    reward: float | None
    reason: str = ""
    measurement: Measurement | None = None
    snapshot: Snapshot | None = None
    commit: str = ""
    tree_id: str = ""
    twin: str = ""
    files_changed: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    started_at: float = 0.0
    ended_at: float = 0.0
    container_s: float = 0.0
    saved_s: float = 0.0
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """A step of a node's journey, for progress and logs. ``name`` is an event name without its
    ``mcts.`` prefix, such as ``container.started``; ``facts`` are what the event carries."""

    label: str
    name: str
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Selected:
    """The planner chose a job and handed it out."""

    job: Job
    target_tag: str = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """An attempt came back and was counted. ``path`` is root first, the node itself last."""

    expansion: Expansion
    reward: float
    path: tuple[str, ...]
    best: str


@dataclass(frozen=True, slots=True)
class Retried:
    """The engine failed an attempt, which is handed out again after ``delay_s``."""

    job: Job
    reason: str
    delay_s: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """The search is over. ``detail`` completes the reason for a person."""

    reason: StopReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of the engine's machine, which containers can read at ``at``."""

    host: str
    at: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What one container may use, and how it is shut in. ``time_s`` is the wall time of one step.

    ``hosts`` are all that it may reach (``name``, ``*.name``, each with ``:port`` or without); none
    is no network. ``runtime`` is the engine's name of what runs it; "" is the engine's default.
    ``read_only`` leaves it the workspace, /tmp and /dev/shm to write to.
    """

    time_s: float = 600.0
    memory_bytes: int = 1 << 30
    cpus: float = 1.0
    pids: int = 256
    open_files: int = 4096
    log_bytes: int = 16 << 20
    tmp_bytes: int = 256 << 20
    shm_bytes: int = 64 << 20
    disk_bytes: int = 2 << 30
    hosts: tuple[str, ...] = ()
    runtime: str = ""
    read_only: bool = False
    mounts: tuple[Mount, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node as it is told to people and programs. Numbers that are not known are ``None``."""

    label: str
    parent: str
    status: str
    actions: tuple[str, ...] = ()
    outcome: Outcome | None = None
    decision: Decision | None = None
    reason: str = ""
    visits: int = 0
    reward_sum: float = 0.0
    gain: float | None = None  # cumulative, from the root
    edge: Measurement | None = None  # against the parent
    expected_gain: float = 0.0
    snapshot: Snapshot | None = None
    commit: str = ""
    tree_id: str = ""
    twin: str = ""
    files_changed: int = 0
    attempts: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    started_at: float = 0.0
    ended_at: float = 0.0
    container_s: float = 0.0
    saved_s: float = 0.0
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """A candidate, built from its recorded sources alone and measured against the root.

    ``verdict`` is ``improved`` only if the interval excludes no gain. ``claimed`` is the gain that
    the search had measured, from the root. ``branch`` is empty where the target is in no git
    repository. ``container_s`` and ``saved_s`` are the container seconds that measuring it took,
    and those that stopping early saved.
    """

    label: str
    verdict: Verdict
    measurement: Measurement | None
    reason: str = ""
    branch: str = ""
    patch: str = ""
    claimed: float | None = None
    container_s: float = 0.0
    saved_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with all its nodes, root first, in the order in which they were opened."""

    run_id: str
    task: str
    target: str
    status: str  # running, interrupted, stopped
    policy: str
    seed: int
    workers: int
    objective: MetricSpec
    started_at: float
    ended_at: float | None = None
    stop: StopReason | None = None
    stop_detail: str = ""
    budget: dict[str, object] = field(default_factory=dict)
    root_metrics: tuple[Metric, ...] = ()
    evaluations: int = 0
    best: str = ROOT
    verified: Verified | None = None  # the chosen one
    verifications: tuple[Verified, ...] = ()  # all of them, in their order
    remarks: tuple[str, ...] = ()  # what the root's checks and benchmark can't be relied on for
    container_s: float = 0.0  # spent, the root's and the verifications' included
    saved_s: float = 0.0  # not spent, because comparisons stopped early
    nodes: tuple[NodeView, ...] = ()


Event = Selected | Phase | Closed | Retried | Stopped

# A worker: yields the phases of a node's journey, and returns what came of it.
Journey = Generator[Phase, None, Expansion]


class Expand(Protocol):
    """One node's journey, over whatever world stands behind it."""

    def __call__(self, job: Job) -> Journey: ...

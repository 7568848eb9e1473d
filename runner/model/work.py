"""What workers are given, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.model.agent import NOTHING_SPENT, AgentSpec, Briefing, Round, Spending
from runner.model.metrics import Measurement
from runner.model.words import ActionKind, Decision, JobKind, Outcome


@dataclass(frozen=True, slots=True)
class Action:
    """One change to try at a node.

    ``key`` is stable across runs. ``body`` is the patch, or the shell command, as bytes. Applying
    an action replaces an earlier one of the same non-empty ``group``. ``prior`` is the gain its
    author expects (log-ratio). ``tag`` names its strategy. ``open_ended`` actions give another
    state each time they are tried, and so never run out. ``agent`` is there if the kind says so;
    the body is then what the agent is asked for, beyond what all are.
    """

    key: str
    kind: ActionKind = ActionKind.COMMAND
    body: bytes = b""
    description: str = ""
    group: str = ""
    prior: float = 0.0
    tag: str = ""
    open_ended: bool = False
    agent: AgentSpec | None = None


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
    ``attempt_id`` is ``<label>-<number>``. ``briefing`` is for agents.
    """

    kind: JobKind
    label: str
    number: int
    origin: State
    against: State
    actions: tuple[Action, ...] = ()
    expected_gain: float = 0.0
    briefing: Briefing | None = None

    @property
    def attempt_id(self) -> str:
        return f"{self.label}-{self.number}"


@dataclass(frozen=True, slots=True)
class Expansion:
    """What came of a job. ``reason`` says in one line why the outcome is what it is.

    ``reward`` is ``None`` for ``infra`` (no visit), and for a duplicate (its twin's counts).
    ``against`` is the label that ``measurement.gain`` is relative to.
    ``files_changed`` counts what the actions changed in the source tree. ``tree_id`` is empty if no
    state was reached: the action failed, or touched what is protected. ``container_s`` are the
    container seconds that the attempt took, ``saved_s`` those that stopping early saved. ``proof``
    says of test-driven work which tests failed on the parent and pass on the child. ``rounds`` are
    an agent's, and ``spending`` all that models were paid for this attempt.
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
    rounds: tuple[Round, ...] = ()
    spending: Spending = NOTHING_SPENT


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

"""Words that have a fixed set of meanings."""

from __future__ import annotations

from enum import StrEnum

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
    BUDGET = "budget"  # the money for the node was spent before anything could be judged
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
    AGENT = "agent"
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
    COST = "budget: cost"
    TARGET = "target met"
    EXHAUSTED = "space exhausted"
    INTERRUPTED = "interrupted"
    ENVIRONMENT = "environment"
    ROOT_FAILS = "root fails"


class SandboxKind(StrEnum):
    """What a node lives in. Only a container shuts anything in."""

    CONTAINER = "container"
    WORKTREE = "worktree"
    TEMPDIR = "tempdir"


class Mode(StrEnum):
    """How much search there is: one loop of one agent, a tree, or whatever is enough."""

    AUTO = "auto"
    SINGLE = "single"
    MCTS = "mcts"


class Source(StrEnum):
    """Where a metric comes from: what the benchmark prints, or the host's own clock, which no
    program in a container can reach (the seconds that one repetition took)."""

    OUTPUT = "output"
    CLOCK = "clock"

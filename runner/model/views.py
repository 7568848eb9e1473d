"""Runs and nodes as they are told to people and programs."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.model.agent import NOTHING_SPENT, Round, Spending
from runner.model.metrics import Measurement, Metric, MetricSpec
from runner.model.words import ROOT, Decision, Outcome, StopReason, Verdict
from runner.model.work import Snapshot


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
    rounds: tuple[Round, ...] = ()
    spending: Spending = NOTHING_SPENT


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

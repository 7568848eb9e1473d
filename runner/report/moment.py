"""A moment of a running search: what is known of its nodes, its workers, and its pace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.model import ROOT, Job, MetricSpec, Outcome
from runner.report.estimate import Estimate

RECENT = 32
RATE_WINDOW = 20


@dataclass(frozen=True, slots=True)
class LiveNode:
    """A node as far as the events tell. ``value`` is the objective's, in the unit it was printed;
    ``estimate`` is the mean of ``measurements``."""

    label: str
    parent: str
    actions: tuple[str, ...] = ()
    outcome: Outcome | None = None
    visits: int = 0
    estimate: Estimate | None = None
    measurements: int = 0
    value: float | None = None
    twin: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker is at. ``phase`` is the last ``Phase.name``, "" before the first one, and
    ``since`` when it was said, by the clock that the events were stamped with. ``retry_at`` is set
    while waiting."""

    job: Job
    since: float
    phase: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    retry_at: float | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """What goes on outside the search: the root is made before it, the best verified after it."""

    label: str
    phase: str
    since: float
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LiveState:
    """A moment of a search. ``slots`` are the workers; ``recent`` are labels, the newest first;
    ``finishes`` are the times of the last ``RATE_WINDOW`` evaluations of this process, and
    ``selecting_at`` when it handed out its first job."""

    run_id: str
    task: str
    policy: str
    seed: int
    objective: MetricSpec
    began_at: float
    selecting_at: float | None = None
    elapsed_before_s: float = 0.0
    root_value: float | None = None
    nodes: Mapping[str, LiveNode] = field(default_factory=dict)
    slots: tuple[Work | None, ...] = ()
    best: str = ROOT
    aside: Aside | None = None
    recent: tuple[str, ...] = ()
    finishes: tuple[float, ...] = ()
    evaluations: int = 0
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    retries: int = 0
    snapshot_bytes: int = 0
    container_s: float = 0.0  # of what came back; the root's is known once a run is resumed
    saved_s: float = 0.0

    def nodes_per_minute(self, now: float) -> float | None:
        """Evaluations per minute over the last ``RATE_WINDOW``; ``None`` before the first."""
        if not self.finishes or self.selecting_at is None:
            return None
        full = len(self.finishes) == RATE_WINDOW
        since = self.finishes[0] if full else self.selecting_at
        completed = len(self.finishes) - (1 if full else 0)
        return 60.0 * completed / max(now - since, 1e-9)

    def path(self, label: str) -> list[str]:
        """The labels from the root to ``label``; empty if it isn't known."""
        path: list[str] = []
        while label in self.nodes and len(path) < len(self.nodes):
            path.append(label)
            label = self.nodes[label].parent
        return path[::-1]

    def elapsed_s(self, now: float) -> float:
        """Seconds of search, those before a resume included."""
        return self.elapsed_before_s + max(now - self.began_at, 0.0)

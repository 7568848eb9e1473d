"""What happens in a search."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Protocol

from runner.model.words import StopReason
from runner.model.work import Expansion, Job


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


Event = Selected | Phase | Closed | Retried | Stopped

# A worker: yields the phases of a node's journey, and returns what came of it.
Journey = Generator[Phase, None, Expansion]


class Expand(Protocol):
    """One node's journey, over whatever world stands behind it."""

    def __call__(self, job: Job) -> Journey: ...

"""Coding agents as actions: how one is started, what it is told, what it cost, what it did.

Money is in US dollars.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runner.model.metrics import Metric, MetricSpec, Target
from runner.model.words import Outcome


class AgentStatus(StrEnum):
    """How one session of an agent ended. Work that was done before the end is kept in each case."""

    DONE = "done"
    FAILED = "failed"  # by its own word, or without one
    TURNS = "turns"  # at its limit of turns
    BUDGET = "budget"  # at a limit of money
    TIMEOUT = "timeout"  # at the wall clock, or after a silence


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent as the task asks for it.

    ``adapter`` is the name of one of ``runner.agents.adapters``. ``model`` is passed on as it is;
    "" leaves the choice to ``preset`` or, without one, to the agent. ``rounds`` is how often it may
    come back to one node, ``turns`` what it may take in each round. A round takes ``time_s`` at
    most, and is given up after ``quiet_s`` without a word. ``command`` is what the adapter
    ``command`` runs; ``recording`` what ``scripted`` plays.
    """

    adapter: str
    model: str = ""
    preset: str = ""
    rounds: int = 3
    turns: int = 50
    time_s: float = 1800.0
    quiet_s: float = 300.0
    command: str = ""
    recording: bytes = b""


@dataclass(frozen=True, slots=True)
class Spending:
    """What the use of models came to. ``input_tokens`` includes those of ``cached_tokens``, which
    were read from a cache. ``cost_usd`` is ``None`` if nobody can tell; ``estimated`` if a price
    had to be guessed, or tokens had to be counted here."""

    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    estimated: bool = False

    def __add__(self, other: Spending) -> Spending:
        costs = self.cost_usd, other.cost_usd
        return Spending(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            None if costs[0] is None or costs[1] is None else costs[0] + costs[1],
            self.estimated or other.estimated,
        )

    def __sub__(self, other: Spending) -> Spending:
        costs = self.cost_usd, other.cost_usd
        return Spending(
            self.requests - other.requests,
            self.input_tokens - other.input_tokens,
            self.cached_tokens - other.cached_tokens,
            self.output_tokens - other.output_tokens,
            None if costs[0] is None or costs[1] is None else costs[0] - costs[1],
            self.estimated,
        )


NOTHING_SPENT = Spending()


@dataclass(frozen=True, slots=True)
class Round:
    """One round of an agent at a node: thought and action, and what was observed of them.

    ``outcome`` and ``reason`` are what the judge says of the state it left, ``gain`` is over the
    node's parent. ``commit`` is that state in the evidence. ``kept`` is false if the state was
    worse than what the round had begun with, and was rolled back. ``turns`` is ``None`` if the
    agent doesn't tell. ``said`` is the agent's last message, bounded. Rounds with the same
    ``failure`` (16 hexadecimal digits, "" for none) have failed in the same way.
    """

    number: int
    status: AgentStatus
    outcome: Outcome
    reason: str = ""
    gain: float | None = None
    kept: bool = False
    commit: str = ""
    tree_id: str = ""
    session: str = ""
    version: str = ""
    model: str = ""
    turns: int | None = None
    spending: Spending = NOTHING_SPENT
    seconds: float = 0.0
    files_changed: int = 0
    said: str = ""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """A node as an agent is told of it. ``outcome`` is ``None`` while it is under way; ``gain`` is
    over its parent."""

    label: str
    what: str
    outcome: Outcome | None = None
    reason: str = ""
    gain: float | None = None


@dataclass(frozen=True, slots=True)
class Briefing:
    """What the planner tells the agent of a job: made when the job is opened, by its thread.

    ``metrics`` are the medians of ``parent``. ``path`` leads from the root to the parent,
    ``siblings`` are what was tried at the parent so far. ``lessons`` are from the knowledge base,
    best first; ``model`` is the one chosen for the job, and ``why`` says for what reason.
    """

    objective: MetricSpec
    parent: str
    targets: tuple[Target, ...] = ()
    metrics: tuple[Metric, ...] = ()
    root_metrics: tuple[Metric, ...] = ()
    path: tuple[Tried, ...] = ()
    siblings: tuple[Tried, ...] = ()
    expected_gain: float = 0.0
    lessons: tuple[str, ...] = ()
    model: str = ""
    why: str = ""

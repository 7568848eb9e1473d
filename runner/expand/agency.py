"""What all agents of a run share, and what one of them is given."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from runner.agents.protocol import Flags
from runner.expand.context import RunContext
from runner.expand.desk import AtWork
from runner.gateway import Account, Gateway
from runner.model import NOTHING_SPENT, Briefing, Job, Spending
from runner.prompts import Prompts, Scene
from runner.sandbox.protocol import Door

TRANSCRIPT = "models.jsonl"


@dataclass(frozen=True, slots=True)
class Tools:
    """A door to the tools, and the program that connects an agent to it."""

    door: Door
    bridge: bytes


# Opens the tools for an agent at work.
OpenTools = Callable[[AtWork], AbstractContextManager[Tools]]


@dataclass(frozen=True, slots=True)
class Agency:
    """``gateway`` is ``None`` where the task names no models, ``open_tools`` where it wants no tools.
    ``found`` is what the agents' programs say of themselves, by the adapter's name: it is filled
    before the first of them is started."""

    prompts: Prompts
    scene: Scene
    gateway: Gateway | None = None
    open_tools: OpenTools | None = None
    found: dict[str, Flags] = field(default_factory=dict)


def agency_of(context: RunContext) -> Agency:
    """The agency of a run that has agents."""
    assert context.agency is not None
    return context.agency


def briefing_of(job: Job, context: RunContext) -> Briefing:
    """What the planner has told; without a planner, what the task tells."""
    return job.briefing or Briefing(context.task.benchmark.objective, job.origin.label)


def spent_before(agency: Agency, job: Job) -> Spending:
    """What models were paid for the job's earlier attempts, which the engine has failed."""
    if agency.gateway is None:
        return NOTHING_SPENT
    earlier = (f"{job.label}-{number}" for number in range(1, job.number))
    return sum(map(agency.gateway.spent_by, earlier), NOTHING_SPENT)


@contextlib.contextmanager
def account_of(agency: Agency, attempt_id: str, folder: Path) -> Iterator[Account | None]:
    """The purse of one attempt; ``None`` where no models are to be paid."""
    if agency.gateway is None:
        yield None
        return
    with agency.gateway.open(attempt_id, folder / TRANSCRIPT) as account:
        yield account


@contextlib.contextmanager
def tools_of(agency: Agency, at_work: AtWork) -> Iterator[Sequence[Tools]]:
    """The tools for one container: one, or none."""
    if agency.open_tools is None:
        yield ()
        return
    with agency.open_tools(at_work) as tools:
        yield (tools,)

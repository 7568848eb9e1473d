"""What a task's agents share, put together with this machine's settings."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from runner.agents.protocol import MCP_PORT
from runner.cli.home import aside, settings, state
from runner.cli.learning import Learning
from runner.cli.parts import Parts
from runner.errors import TaskError
from runner.expand.agency import Agency, OpenTools, Tools
from runner.expand.desk import AtWork, NodeDesk
from runner.expand.probing import agents_of
from runner.gateway import Caps, Dialect, Gateway, Ledger, Price, Prices, Upstream, Ways
from runner.knowledge import NAME, Knowledge, Offer, PriceOf, attempt_price, preset_of, project_key
from runner.mcp import bridge
from runner.mcp.board import Board
from runner.mcp.desk import groups_named
from runner.mcp.knowing import KnownLessons, KnownModels
from runner.mcp.service import Service
from runner.prompts import Prompts, Scene
from runner.sandbox.protocol import Door, OpenSlot
from runner.settings import secret
from runner.task import Task, UpstreamSpec

SPENDING = "spending"  # in the state folder
_BRIDGE = Path(bridge.__file__).read_bytes()


def demand_agency(task: Task) -> None:
    """Raises ``TaskError`` for what a task's agents lack, before anything is built or begun: a key,
    templates that can be used, a preset, the names of groups of tools."""
    for agent in agents_of(task):
        if agent.preset:
            preset_of(agent.preset)
    for upstream in task.models.upstreams:
        _upstream(upstream)
    groups_named(task.aids.tools or (), "mcp.tools")
    Prompts.load(task.aids.prompts)


@contextlib.contextmanager
def equipped(parts: Parts) -> Iterator[Parts]:
    """A run's parts with what is only open while it is searched: knowledge, tools and models.

    Raises ``TaskError``, ``StateError``.
    """
    context, task = parts.context, parts.context.task
    project = project_key(task.name, task.target)
    aids = task.aids
    path = state().root / NAME
    with (
        Knowledge.open(path, project, aids.carry_over, aids.knowledge) as knowledge,
        agency_for(task, context.run_id, knowledge, parts.open_slot, parts.workers + 1) as agency,
    ):
        learning = Learning(knowledge, offers_of(task), price_of)
        yield replace(parts, context=replace(context, agency=agency), learning=learning)
        if knowledge.trouble:
            aside.print(knowledge.trouble, markup=False)


@contextlib.contextmanager
def agency_for(
    task: Task, run_id: str, knowledge: Knowledge, open_sandbox: OpenSlot, slots: int
) -> Iterator[Agency | None]:
    """The agency of a run; ``None`` for a task without agents. ``slots`` are taken by others.

    Raises ``TaskError`` for a key that isn't there, and for templates that can't be used.
    """
    if not agents_of(task):
        yield None
        return
    with contextlib.ExitStack() as stack:
        gateway = None
        if task.models.upstreams:
            gateway = stack.enter_context(_gateway(task, run_id))
        tools = None
        if task.aids.tools != ():
            tools = _tools(knowledge, open_sandbox, slots)
        scene = Scene(
            task.benchmark, task.checks, task.protected, task.tests_first, tools is not None
        )
        yield Agency(Prompts.load(task.aids.prompts), scene, gateway, tools)


def offers_of(task: Task) -> tuple[Offer, ...]:
    """The models that a task's upstreams have."""
    return tuple(Offer(each.dialect, each.models) for each in task.models.upstreams)


@functools.cache
def _price_of() -> PriceOf:
    return attempt_price(Prices.load())


def price_of(dialect: str, model: str) -> float:
    """What an attempt with a model costs about, in US dollars, by the list of prices."""
    return _price_of()(dialect, model)


def _gateway(task: Task, run_id: str) -> contextlib.AbstractContextManager[Gateway]:
    """Raises ``TaskError``."""
    upstreams = [_upstream(each) for each in task.models.upstreams]
    caps = Caps(task.models.node_usd, task.budget.cost_usd, task.models.day_usd)
    return _opened(upstreams, caps, run_id)


@contextlib.contextmanager
def _opened(upstreams: Sequence[Upstream], caps: Caps, run_id: str) -> Iterator[Gateway]:
    try:
        ways = Ways(settings().proxies(), settings().ca_bundle)
    except (ValueError, OSError) as error:
        raise TaskError(f"the way to models: {error}") from error
    with Ledger(state().root / SPENDING, run_id) as ledger:
        yield Gateway(upstreams, caps, Prices.load(), ledger, ways)


def _upstream(spec: UpstreamSpec) -> Upstream:
    key = secret(spec.key) if spec.key else ""
    if key is None:
        raise TaskError(
            f"gateway.upstreams: {spec.name}: the variable {spec.key} is not set; it holds the key"
        )
    price = None
    if spec.prices:
        cached = spec.prices.input if spec.prices.cached is None else spec.prices.cached
        price = Price(input=spec.prices.input, cached=cached, output=spec.prices.output)
    try:
        return Upstream(spec.name, Dialect(spec.dialect), spec.url, spec.models, key, price)
    except ValueError as error:
        raise TaskError(f"gateway.upstreams: {spec.name}: {error}") from error


def _tools(knowledge: Knowledge, open_sandbox: OpenSlot, slots: int) -> OpenTools:
    """Each agent at work has a door to the engine of its own, in a slot that nobody else has."""
    numbers = itertools.count(slots)

    @contextlib.contextmanager
    def opened(at_work: AtWork) -> Iterator[Tools]:
        slot = next(numbers)
        context, label = at_work.trial.context, at_work.job.label
        with contextlib.closing(
            NodeDesk(at_work, lambda cancelled: open_sandbox(slot, cancelled))
        ) as desk:
            lessons = KnownLessons(knowledge, context.run_id, label)
            models = KnownModels(knowledge, offers_of(context.task), price_of, label)
            parts = desk.parts(lessons, models, Board(context.folder, label))
            with Service(parts) as service:
                yield Tools(Door(MCP_PORT, service.take), _BRIDGE)
        at_work.trial.meter.container_s += desk.meter.container_s

    return opened

"""What a run begins with: what its nodes live in, and its parts."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping

from runner.cli.engine import connected, opener, outlet
from runner.cli.home import StateFolder, aside, evidence, settings, state
from runner.cli.images import image_for
from runner.cli.parts import Parts
from runner.evidence import Claims
from runner.expand.context import RunContext
from runner.expand.lane import Lane
from runner.expand.probing import agents_of
from runner.model import RunView, SandboxKind
from runner.sandbox.local import LocalSandbox, shortcomings
from runner.sandbox.proof import demand_way_out
from runner.sandbox.runtime import demand_limits, demand_runtime
from runner.store import Store
from runner.task import Task


def ground_of(task: Task) -> str:
    """What the root starts from: an image, or an empty state where there is no engine. Raises
    ``OppieError`` for what can't hold the task."""
    if task.kind is not SandboxKind.CONTAINER:
        for lack in shortcomings():
            aside.print(lack, markup=False)
        with contextlib.closing(opener(task, "", "")(0, lambda: False)) as sandbox:
            assert isinstance(sandbox, LocalSandbox)
            return sandbox.base()
    with connected() as engine:
        demand_engine(task)
        return image_for(engine, task.image, f"oppie/task-{task.name}:latest")


def demand_engine(task: Task) -> None:
    """Raises ``OppieError`` for an engine that can't shut the task's containers in."""
    if task.kind is SandboxKind.CONTAINER:
        with connected() as engine:
            demand_limits(engine)
            demand_runtime(engine, task.limits.runtime)


def demand_doors(parts: Parts) -> None:
    """An engine on which the listed hosts, or an agent's doors, can't be reached, or more than these,
    is told at once."""
    task, folder = parts.context.task, parts.context.folder
    has_doors = bool(task.hosts or agents_of(task))
    if has_doors and task.kind is SandboxKind.CONTAINER:
        with contextlib.closing(parts.open_sandbox(parts.workers)) as sandbox:
            demand_way_out(sandbox, task.outgoing, outlet(parts.image).image, folder)


def parts_for(
    store: Store, view: RunView, task: Task, image: str, known: Mapping[str, str] | None = None
) -> Parts:
    """What a run is made of, on this machine. ``known`` are the secrets that actions are given."""
    cancelled = threading.Event()
    places: StateFolder = state()
    context = RunContext(
        run_id=view.run_id,
        task=task,
        folder=places.run(view.run_id),
        evidence=evidence(),
        claims=Claims(),
        lane=Lane(settings().lanes, settings().lane_folder),
        cancelled=cancelled.is_set,
        secrets=known or {},
        disk=settings().disk,
    )
    return Parts(
        context=context,
        store=store,
        open_slot=opener(task, view.run_id, image),
        image=image,
        workers=view.workers,
        cancelled=cancelled,
    )

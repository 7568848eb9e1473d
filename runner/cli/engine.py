"""The engine's doors, opened with this machine's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from runner.cli.home import settings, state
from runner.egress.dial import Parents
from runner.errors import TaskError
from runner.images import AGENT
from runner.model import SandboxKind
from runner.sandbox import images
from runner.sandbox.connect import Client, connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.local import open_local
from runner.sandbox.outgoing import Outlet
from runner.sandbox.protocol import OpenSlot
from runner.task import Task

LOCAL = "local"  # in the state folder: what nodes live in where there is no engine


def client() -> Client:
    """A new client of the engine that the settings name, or that answers. Raises
    ``EngineUnavailable``."""
    return connect(settings().engine, environment=settings().environment())


@contextmanager
def connected() -> Iterator[Client]:
    """A client that is closed in the end."""
    with closing(client()) as found:
        yield found


@contextmanager
def open_engine_sandbox(
    run_id: str, base: str, slot: int = 0, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[EngineSandbox]:
    """A sandbox with a client of its own."""
    with closing(EngineSandbox(client(), run_id, base, slot, cancelled)) as sandbox:
        yield sandbox


def opener(task: Task, run_id: str, image: str) -> OpenSlot:
    """How the sandboxes of a run are opened: on the engine, or where the task wants none. Raises
    ``EngineUnavailable``, ``TaskError``."""
    if task.kind is not SandboxKind.CONTAINER:
        folder, around = state().root / LOCAL, settings().surroundings()
        return lambda slot, cancelled: open_local(
            task.kind, folder, run_id, slot, cancelled, around
        )
    has_doors = bool(task.hosts or any(action.agent for action in task.actions))
    way = outlet(image) if has_doors else None
    return lambda slot, cancelled: EngineSandbox(
        client(), run_id, image, slot, cancelled, outlet=way
    )


def outlet(image: str) -> Outlet:
    """How actions get to the hosts that a task lists: by the agent image, which has what that takes,
    or else by the task's own ``image``. Raises ``TaskError`` for proxies of an unknown kind."""
    try:
        parents = Parents.of(settings().proxies())
    except ValueError as error:
        raise TaskError(str(error)) from error
    with connected() as engine:
        agent = images.find(engine, AGENT)
    return Outlet(agent.id if agent else image, parents)

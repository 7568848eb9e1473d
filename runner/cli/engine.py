"""The engine's doors, opened with this machine's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from runner.cli.home import settings
from runner.egress.dial import Parents
from runner.errors import TaskError
from runner.images import AGENT
from runner.sandbox import images
from runner.sandbox.connect import Client, connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.outgoing import Outlet


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

"""The engine's doors, opened with this machine's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from runner.cli.home import settings
from runner.sandbox.connect import Client, connect
from runner.sandbox.engine import EngineSandbox


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

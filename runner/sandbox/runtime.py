"""What the engine can run containers with."""

from __future__ import annotations

import docker

from runner.errors import EngineError
from runner.sandbox.classify import engine_errors


def demand_limits(client: docker.DockerClient) -> None:
    """Raise ``EngineError`` if the engine has no control groups: it would take every limit, and hold
    none, without a word."""
    with engine_errors("ask the engine for its control groups"):
        driver = client.api.info().get("CgroupDriver")
    if driver == "none":
        raise EngineError(
            f"the engine at {client.api.base_url} limits neither memory nor processes nor CPU: it has "
            "no control groups. A rootless engine has them if version 2 of them is mounted, and "
            "delegated to its user: systemctl edit user@.service, Delegate=cpu cpuset io memory pids"
        )


def demand_runtime(client: docker.DockerClient, runtime: str) -> None:
    """Raise ``EngineError`` if the engine has no ``runtime``, an engine's name of one; "" is its
    default. Nothing would start later, and another one may not shut in as well."""
    if not runtime:
        return
    with engine_errors("ask the engine for its runtimes"):
        known = sorted(client.api.info().get("Runtimes") or {})
    if runtime not in known:
        has = ", ".join(known) or "none that it tells"
        raise EngineError(
            f'sandbox.runtime = "{runtime}": the engine at {client.api.base_url} has no such '
            f"runtime; it has: {has}"
        )

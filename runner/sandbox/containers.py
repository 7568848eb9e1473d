"""One worker's containers: made, started, watched, ended and removed through the engine's API.

What the engine's client raises goes through; ``EngineSandbox`` translates it.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import docker
import docker.errors
import requests.exceptions

from runner.errors import Cancelled
from runner.model import Limits
from runner.sandbox import spec
from runner.sandbox.classify import classify_exit
from runner.sandbox.protocol import Exit, Step
from runner.sandbox.stream import Stream

_FOREVER_S = 10.0 * 365 * 86400
_OOM_WORD_S = 0.2


@dataclass(frozen=True, slots=True)
class Ending:
    """How a container ended, its exit code, and how long it ran by the engine's clock."""

    exit: Exit
    code: int
    ran_s: float


class Containers:
    """See ``EngineSandbox`` for ``slot`` and ``base``."""

    def __init__(
        self,
        api: docker.APIClient,
        run_id: str,
        base: str,
        slot: int,
        cancelled: Callable[[], bool],
    ) -> None:
        self._api = api
        self._run_id = run_id
        self._base = base
        self._slot = slot
        self._cancelled = cancelled
        self._pauses: dict[int, str] = {}

    def name_of(self, name: str) -> str:
        """The full name, unique on the engine, of a container that the run calls ``name``."""
        return f"oppie-{self._run_id}-{name}"

    @property
    def pauses(self) -> frozenset[str]:
        """The containers that hold this worker's network namespaces."""
        return frozenset(self._pauses.values())

    def create(self, step: Step, kind: str, side: int = 0) -> str:
        """Make a step's container, with its archive in it; returns its full name."""
        name = self.name_of(step.name)
        host = spec.host_config(step.limits, self._network(step.limits, side))
        labels = spec.step_labels(self._run_id, kind, step.attempt_id)
        config = spec.container_config(step.image, step.command, host, labels, step.env)
        self._api.create_container_from_config(config, name)
        if step.archive is not None:
            self._api.put_archive(name, "/", iter(step.archive))
        return name

    def start(self, name: str) -> Stream:
        """Start a container, and attach to it before, so that nothing is lost."""
        params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 0}
        raw = self._api.attach_socket(name, params)
        # Over a unix socket the client hands out the reader around it; it must stay referenced.
        sock = cast(socket.socket, getattr(raw, "_sock", raw))
        sock.setblocking(True)
        stream = Stream(sock, self._cancelled, keep=raw)
        try:
            self._api.start(name)
        except BaseException:
            stream.close()
            raise
        return stream

    def inspect(self, name: str) -> dict[str, Any]:
        """The engine's facts of a container; ``SizeRw`` is what it wrote over its image, in bytes."""
        url = self._api._url("/containers/{0}/json", name)
        answer = self._api._get(url, params={"size": 1})
        facts = cast(dict[str, Any], self._api._result(answer, True))
        return {**facts, "SizeRw": int(facts.get("SizeRw") or 0)}

    def is_overfull(self, name: str, limits: Limits) -> bool:
        """Whether a container wrote more than it may."""
        return bool(self.inspect(name)["SizeRw"] > limits.disk_bytes)

    def ending(
        self, name: str, limits: Limits, deadline: float, *, disk_hit: bool = False
    ) -> Ending:
        """Wait for the container's end, by itself or by a limit.

        A stream can end before the process does (it may close its outputs), so clock and disk are
        watched on here.
        """
        deadline_hit = False
        while not disk_hit and not deadline_hit and not self._ends_within(name, deadline):
            self.check_cancelled()
            disk_hit = self.is_overfull(name, limits)
            deadline_hit = time.monotonic() >= deadline
        if disk_hit or deadline_hit:
            deadline_hit = self._kill(name) and deadline_hit
        facts = self.inspect(name)
        exit_ = classify_exit(facts["State"], deadline_hit=deadline_hit, disk_hit=disk_hit)
        if exit_ in (Exit.OK, Exit.NONZERO) and facts["SizeRw"] > limits.disk_bytes:
            exit_ = Exit.DISK
        return Ending(exit_, facts["State"]["ExitCode"], ran_s(facts["State"]))

    def ran_out_of_memory(self, name: str) -> bool:
        """Whether a container, running still, lost a process to the lack of memory.

        ``OOMKilled`` is told after the container's end only; the engine's events tell it at once,
        or a moment after the process was gone.
        """
        deadline = time.monotonic() + _OOM_WORD_S
        wanted = {"container": name, "event": "oom"}
        while True:
            if list(self._api.events(since=1, until=time.time(), filters=wanted)):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_OOM_WORD_S / 4)

    def remove(self, name: str) -> None:
        """Remove a container, running or not; absent is fine."""
        with contextlib.suppress(docker.errors.NotFound):
            try:
                self._api.remove_container(name, force=True, v=True)
            except docker.errors.APIError as error:
                if "already in progress" not in str(error):
                    raise

    def remove_pauses(self) -> None:
        """Let go of this worker's network namespaces."""
        while self._pauses:
            _, name = self._pauses.popitem()
            self.remove(name)

    def check_cancelled(self) -> None:
        """Raise ``Cancelled`` if the run was told to stop."""
        if self._cancelled():
            raise Cancelled("the run was told to stop")

    def _ends_within(self, name: str, deadline: float) -> bool:
        """Wait for the end until ``deadline``, but no longer than a second.

        The engine's own ``timeout`` is one of HTTP, not a deadline.
        """
        timeout_s = min(max(deadline - time.monotonic(), 0.05), 1.0)
        try:
            self._api.wait(name, timeout=timeout_s)
        except (requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError) as error:
            if not _timed_out(error):
                raise
            return False
        return True

    def _kill(self, name: str) -> bool:
        """Kill the container with everything in it; false if it had ended by itself."""
        try:
            self._api.kill(name, "SIGKILL")
        except docker.errors.APIError as error:
            if error.status_code in (404, 409):
                return False
            raise
        self._api.wait(name, timeout=60)
        return True

    def _network(self, limits: Limits, side: int) -> str:
        if limits.hosts:
            return "bridge"
        # What runs containers in a kernel of their own can't share the namespace of another's.
        return "none" if limits.runtime else f"container:{self._pause(side)}"

    def _pause(self, side: int) -> str:
        """The running container that holds the network namespace of this worker's ``side``."""
        name = self._pauses.get(side) or self.name_of(f"net-{self._slot}-{side}")
        if side in self._pauses and self._is_running(name):
            return name
        self.remove(name)
        limits = Limits(memory_bytes=16 << 20, pids=16, cpus=0.1, log_bytes=4096)
        host = spec.host_config(limits, "none")
        labels = spec.step_labels(self._run_id, spec.KIND_PAUSE, "")
        config = spec.container_config(self._base, ("sleep", str(int(_FOREVER_S))), host, labels)
        self._api.create_container_from_config(config, name)
        self._pauses[side] = name
        self._api.start(name)
        return name

    def _is_running(self, name: str) -> bool:
        try:
            return bool(self._api.inspect_container(name)["State"]["Running"])
        except docker.errors.NotFound:
            return False


def epoch_s(timestamp: str) -> float:
    """The engine's RFC 3339 time, with its nanoseconds cut to what Python reads."""
    whole, _, fraction = timestamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6] or '0'}+00:00").timestamp()


def ran_s(state: Mapping[str, str]) -> float:
    """How long an ended container ran, by the engine's clock."""
    return epoch_s(state["FinishedAt"]) - epoch_s(state["StartedAt"])


def _timed_out(error: Exception) -> bool:
    return isinstance(error, requests.exceptions.ReadTimeout) or "Read timed out" in str(error)

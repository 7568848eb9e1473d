"""One worker's containers: made, started, watched, ended and removed through the engine's API.

What the engine's client raises goes through; ``EngineSandbox`` translates it.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import docker

from runner.errors import EngineUnavailable
from runner.model import Limits
from runner.sandbox import spec
from runner.sandbox.calls import Calls
from runner.sandbox.classify import classify_exit
from runner.sandbox.dialect import dialect_of
from runner.sandbox.doors import Place, opened
from runner.sandbox.downloads import log_of
from runner.sandbox.growth import Growth
from runner.sandbox.history import events, keeps_containers, was_restarted_since
from runner.sandbox.outgoing import Outlet, way_out
from runner.sandbox.patience import Patience
from runner.sandbox.pauses import Pauses
from runner.sandbox.protocol import WORKSPACE, Exit, Step
from runner.sandbox.retar import below
from runner.sandbox.states import State, has_ended, ran_s
from runner.sandbox.stream import Stream

_OOM_WORD_S = 0.2
_SIGNALLED = 128  # exit codes from here on say which signal, or that the engine lost it
_KILLED = _SIGNALLED + 9


@dataclass(frozen=True, slots=True)
class Ending:
    """How a container ended, its exit code, and how long it ran by the engine's clock."""

    exit: Exit
    code: int
    ran_s: float


class Containers:
    """See ``EngineSandbox`` for ``slot``, ``base`` and ``outlet``."""

    def __init__(
        self,
        api: docker.APIClient,
        run_id: str,
        base: str,
        slot: int,
        cancelled: Callable[[], bool],
        patience: Patience,
        outlet: Outlet | None = None,
    ) -> None:
        self._api = api
        self._run_id = run_id
        self._base = base
        self._cancelled = cancelled
        self._outlet = outlet or Outlet(base)
        self._forwarders: dict[str, str] = {}  # by container: the one that holds its doors
        self._patience = patience
        self._calls = Calls(api, patience, cancelled)
        self._growth = Growth(api)
        self._silences: dict[str, int] = {}  # by container: how many there had been at its start
        self._pauses = Pauses(
            api,
            patience,
            lambda side: self.name_of(f"net-{slot}-{side}"),
            self._calls.create,
            self.remove,
        )

    def name_of(self, name: str) -> str:
        """The full name, unique on the engine, of a container that the run calls ``name``."""
        return f"oppie-{self._run_id}-{name}"

    @property
    def pauses(self) -> frozenset[str]:
        """The containers that hold this worker's network namespaces."""
        return self._pauses.names | {*self._forwarders.values()}

    # -- the beginning -------------------------------------------------------------------------

    @contextlib.contextmanager
    def doors(self, step: Step, log: Path) -> Iterator[str]:
        """The network mode for a step that has doors, or may reach hosts, as long as the block lasts;
        "" for others, which reach nothing."""
        if not step.doors and not step.limits.hosts:
            yield ""
            return
        name = self.name_of(step.name)
        self._forwarders[name] = f"{name}-doors"
        place = Place(
            self._api,
            self._outlet.image,
            self._run_id,
            self._forwarders[name],
            self._cancelled,
            self._calls.create,
            self.remove,
        )
        with (
            way_out(self._outlet, step, log, self._api.base_url) as out,
            opened(place, (*out, *step.doors)) as network,
        ):
            yield network

    def create(self, step: Step, kind: str, side: int = 0, network: str = "") -> str:
        """Make a step's container, with its archive in it; returns its full name. ``network`` is
        its mode; without one it joins the namespace of this worker's ``side``."""
        name = self.name_of(step.name)
        host = spec.host_config(step.limits, network or self._network(step.limits, side))
        labels = spec.step_labels(self._run_id, kind, step.attempt_id)
        self._calls.create(
            spec.container_config(step.image, step.command, host, labels, step.env), name
        )
        if step.archive is not None:
            self._put(name, step.archive, step.limits)
        if step.limits.read_only:
            self._growth.begin(name)
        return name

    def _put(self, name: str, archive: Iterable[bytes], limits: Limits) -> None:
        if limits.read_only:  # nothing but the volume takes anything
            self._api.put_archive(name, WORKSPACE, below(archive, WORKSPACE.lstrip("/")))
        else:
            self._api.put_archive(name, "/", iter(archive))

    def start(self, name: str) -> Stream:
        """Start a container, and attach to it before, so that nothing is lost."""
        params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 0}
        raw = self._api.attach_socket(name, params)
        # Over a unix socket the client hands out the reader around it; it must stay referenced.
        sock = cast(socket.socket, getattr(raw, "_sock", raw))
        sock.setblocking(True)
        stream = Stream(sock, self._cancelled, keep=raw)
        try:
            self.watch(name)
            if stream.is_over:  # its input would be cut short
                raise EngineUnavailable(f"the engine let go of {name} before it was started")
            self._calls.start(name)
        except BaseException:
            stream.close()
            raise
        return stream

    def watch(self, name: str) -> None:
        """From now on, notice if the engine goes away while the container runs."""
        self._silences[name] = self._patience.silences

    # -- the end -------------------------------------------------------------------------------

    def inspect(self, name: str) -> dict[str, Any]:
        """See ``Calls.inspect``."""
        return self._calls.inspect(name)

    def is_overfull(self, name: str, limits: Limits) -> bool:
        """Whether a container wrote more than it may."""
        return self._is_too_much(name, self.inspect(name), limits)

    def _is_too_much(self, name: str, facts: Mapping[str, Any], limits: Limits) -> bool:
        size_bytes, walk_s = facts["SizeRw"], facts["WalkS"]
        return self._patience.ask(
            lambda: self._growth.is_too_much(name, size_bytes, walk_s, limits)
        )

    def ending(
        self, name: str, limits: Limits, deadline: float, *, disk_hit: bool = False
    ) -> Ending:
        """Wait for the container's end, by itself or by a limit.

        A stream can end before the process does (it may close its outputs), so clock and disk are
        watched on here. Raises ``EngineUnavailable`` if nobody knows how it ended.
        """
        deadline_hit = False
        facts = self.inspect(name) if disk_hit else self._calls.await_end(name, deadline)
        while not disk_hit and not deadline_hit and not has_ended(facts["State"]):
            self._calls.check_cancelled()
            disk_hit = self._is_too_much(name, facts, limits)
            deadline_hit = time.monotonic() >= deadline
            if not disk_hit and not deadline_hit:
                facts = self._calls.await_end(name, deadline)
        if disk_hit or deadline_hit:
            killed = self._calls.kill(name)
            facts = self.inspect(name)
            # With another code it had ended before, and the engine had missed that.
            deadline_hit = deadline_hit and killed and facts["State"]["ExitCode"] == _KILLED
        state = facts["State"]
        if not disk_hit and self.is_lost(name, state):
            raise EngineUnavailable(f"the engine was started anew while {name} ran")
        exit_ = classify_exit(state, deadline_hit=deadline_hit, disk_hit=disk_hit)
        if exit_ in (Exit.OK, Exit.NONZERO) and self._is_too_much(name, facts, limits):
            exit_ = Exit.DISK
        return Ending(exit_, state["ExitCode"], ran_s(state))

    def is_lost(self, name: str, state: State) -> bool:
        """Whether a container's end may be its daemon's doing, which takes its containers down with
        it. Those that outlive it (live restore) are lost only if they seem to have been killed: the
        new daemon may miss their end, so that even a limit of time says nothing."""
        if self._silences.get(name) == self._patience.silences or state.get("OOMKilled"):
            return False
        if not dialect_of(self._api).has_daemon:
            return False
        if not self._patience.ask(lambda: was_restarted_since(self._api, name)):
            return False
        kept = self._patience.ask(lambda: keeps_containers(self._api))
        return not kept or state["ExitCode"] >= _SIGNALLED

    def log(self, name: str) -> Iterator[bytes]:
        """The engine's own copy of a container's output, as far as it was kept."""
        return log_of(self._api, name)

    def ran_out_of_memory(self, name: str) -> bool:
        """Whether a container, running still, lost a process to the lack of memory.

        ``OOMKilled`` is told after the container's end only; the engine's events tell it at once,
        or a moment after the process was gone. Where it has no such event, nobody knows.
        """
        if not dialect_of(self._api).tells_oom:
            return False
        deadline = time.monotonic() + _OOM_WORD_S
        wanted = {"container": name, "event": "oom"}
        while True:
            if self._patience.ask(lambda: events(self._api, wanted)):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_OOM_WORD_S / 4)

    def remove(self, name: str) -> None:
        """Remove a container, running or not; absent is fine. It is gone when this returns."""
        self._calls.remove(name)
        self._silences.pop(name, None)
        self._growth.forget(name)
        if forwarder := self._forwarders.pop(name, ""):  # Podman keeps it as long as who joined it
            self.remove(forwarder)

    def remove_pauses(self) -> None:
        """Let go of this worker's network namespaces."""
        self._pauses.remove_all()
        while self._forwarders:
            _, name = self._forwarders.popitem()
            self.remove(name)

    def check_cancelled(self) -> None:
        """Raise ``Cancelled`` if the run was told to stop."""
        self._calls.check_cancelled()

    def _network(self, limits: Limits, side: int) -> str:
        if limits.runtime:  # a kernel of its own can't share the namespace of another's
            return "none"
        return self._pauses.network_of(self._run_id, self._base, side)

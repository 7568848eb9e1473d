"""The sandbox over a container engine that speaks Docker's API."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import docker
import docker.errors
import requests.exceptions

from runner.errors import Cancelled, EngineError
from runner.model import Limits, Snapshot
from runner.sandbox import snapshots, spec
from runner.sandbox.classify import classify_error, classify_exit
from runner.sandbox.frames import LOOP
from runner.sandbox.logfile import LogFile, sent_mark
from runner.sandbox.protocol import WORKSPACE, Exit, Leftovers, Step, StepResult
from runner.sandbox.session import EngineSession
from runner.sandbox.stream import Stream

_DISK_CHECK_S = 2.0
_END_S = 10.0
_FOREVER_S = 10.0 * 365 * 86400


class EngineSandbox:
    """One worker's door to the engine (see ``protocol.Sandbox``), with a client of its own.

    ``slot`` numbers the worker. ``base`` is an image that has ``sleep``; two containers of it, one
    for each side of a measurement, hold the network namespaces that this worker's containers join:
    making one takes half of a container's start.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        run_id: str,
        base: str,
        slot: int = 0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._client = client
        self._api = client.api
        self._run_id = run_id
        self._base = base
        self._slot = slot
        self._cancelled = cancelled
        self._pauses: dict[int, str] = {}

    # -- steps ---------------------------------------------------------------------------------

    def run(self, step: Step, log: Path) -> StepResult:
        """See ``protocol.Sandbox.run``."""
        self._check_cancelled()
        name = self._name(step.name)
        with self._engine(f"run {name}"):
            try:
                adopted = self._adopt(step, name, log)
                if adopted is not None:
                    return adopted
                sent_mark(log).unlink(missing_ok=True)
                self._create(step, name)
                return self._drive(step, name, log)
            except Cancelled:
                self.remove(name)
                raise

    def archive(self, container: str) -> Iterator[bytes]:
        """See ``protocol.Sandbox.archive``."""
        with self._engine(f"read the workspace of {container}"):
            chunks, _ = self._api.get_archive(container, WORKSPACE, chunk_size=1 << 18)
            yield from chunks

    def remove(self, container: str) -> None:
        """See ``protocol.Sandbox.remove``."""
        with self._engine(f"remove {container}"), contextlib.suppress(docker.errors.NotFound):
            try:
                self._api.remove_container(container, force=True, v=True)
            except docker.errors.APIError as error:
                if "already in progress" not in str(error):
                    raise

    def _create(self, step: Step, name: str, side: int = 0) -> None:
        host = spec.host_config(step.limits, self._network(step.limits, side))
        labels = spec.step_labels(self._run_id, spec.KIND_STEP, step.attempt_id)
        config = spec.container_config(step.image, step.command, host, labels)
        self._api.create_container_from_config(config, name)
        if step.archive is not None:
            self._api.put_archive(name, "/", iter(step.archive))

    def _drive(self, step: Step, name: str, log: Path) -> StepResult:
        """Attach, start, pump, and wait for the end."""
        started = time.monotonic()
        deadline = started + step.limits.time_s
        stream = self._attach(name)
        with LogFile(log, step.limits.log_bytes) as sink, contextlib.closing(stream):
            self._api.start(name)
            stream.send(step.stdin, close=True)
            disk_hit = self._pump(stream, sink, name, step.limits, deadline, sent_mark(log))
        exit_, code = self._ending(name, step.limits, deadline, disk_hit=disk_hit)
        seconds = time.monotonic() - started
        return StepResult(exit_, code, seconds, name, sink.size_bytes, sink.complete)

    def _pump(
        self,
        stream: Stream,
        sink: LogFile,
        name: str,
        limits: Limits,
        deadline: float,
        mark: Path,
    ) -> bool:
        """Copy output to ``sink`` until the end or the deadline; true if the disk limit was hit.

        What comes after the log's cap is read, too: a container that nobody reads from stalls, and
        one whose stream is cut loses the rest of its input.
        """
        check_at = time.monotonic() + _DISK_CHECK_S
        marked = False
        for data in stream.read(deadline):
            sink.write(data)
            if not marked and stream.delivered:
                mark.touch()
                marked = True
            if time.monotonic() >= check_at:
                if self._inspect(name, size=True)["SizeRw"] > limits.disk_bytes:
                    return True
                check_at = time.monotonic() + _DISK_CHECK_S
        return False

    def _ending(
        self, name: str, limits: Limits, deadline: float, *, disk_hit: bool = False
    ) -> tuple[Exit, int]:
        """Wait for the container's end, by itself or by a limit; how it ended, and its exit code.

        A stream can end before the process does (it may close its outputs), so clock and disk are
        watched on here.
        """
        deadline_hit = False
        while not disk_hit and not deadline_hit and not self._ends_within(name, deadline):
            self._check_cancelled()
            disk_hit = self._inspect(name, size=True)["SizeRw"] > limits.disk_bytes
            deadline_hit = time.monotonic() >= deadline
        if disk_hit or deadline_hit:
            deadline_hit = self._kill(name) and deadline_hit
        facts = self._inspect(name, size=True)
        exit_ = classify_exit(facts["State"], deadline_hit=deadline_hit, disk_hit=disk_hit)
        if exit_ in (Exit.OK, Exit.NONZERO) and facts["SizeRw"] > limits.disk_bytes:
            exit_ = Exit.DISK
        return exit_, facts["State"]["ExitCode"]

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

    # -- adoption ------------------------------------------------------------------------------

    def _adopt(self, step: Step, name: str, log: Path) -> StepResult | None:
        """Take over a container that a crashed planner started; ``None`` if there is none.

        Only if its input had been delivered whole: a script that was cut short is another script.
        """
        try:
            state = self._inspect(name)["State"]
        except docker.errors.NotFound:
            return None
        if not sent_mark(log).exists() or state["Status"] not in ("running", "exited"):
            self.remove(name)
            return None
        left_s = step.limits.time_s - (time.time() - _epoch_s(state["StartedAt"]))
        exit_, code = self._ending(name, step.limits, time.monotonic() + left_s)
        with LogFile(log, step.limits.log_bytes) as sink:
            for chunk in self._api.logs(name, stream=True, stdout=True, stderr=True):
                sink.write(chunk)
        state = self._inspect(name)["State"]
        seconds = _epoch_s(state["FinishedAt"]) - _epoch_s(state["StartedAt"])
        if exit_ is Exit.NONZERO and seconds >= step.limits.time_s:
            exit_ = Exit.TIMEOUT  # killed by the planner that died
        return StepResult(exit_, code, seconds, name, sink.size_bytes, False)

    # -- sessions ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def session(
        self, name: str, attempt_id: str, image: str, command: str, limits: Limits, log: Path
    ) -> Iterator[EngineSession]:
        """See ``protocol.Sandbox.session``. The two sides join different network namespaces."""
        self._check_cancelled()
        full_name = self._name(name)
        self.remove(full_name)
        step = Step(name, attempt_id, image, ("sh", "-c", LOOP, "oppie", command), limits)
        # The loop outlives one repetition: its deadline is kept by the session, on our clock.
        side = 1 if name.endswith("baseline") else 0
        try:
            with self._engine(f"start {full_name}"):
                self._create(step, full_name, side)
                stream = self._attach(full_name)
                self._api.start(full_name)
            with contextlib.closing(stream), LogFile(log, limits.log_bytes) as sink:
                yield EngineSession(
                    stream, sink, limits.time_s, lambda hit: self._end_of(full_name, limits, hit)
                )
        finally:
            self.remove(full_name)

    def _end_of(self, name: str, limits: Limits, deadline_hit: bool) -> Exit:
        with self._engine(f"ask after {name}"):
            if deadline_hit and self._kill(name):
                return Exit.TIMEOUT
            return self._ending(name, limits, time.monotonic() + _END_S)[0]

    # -- snapshots -----------------------------------------------------------------------------

    def commit(
        self, container: str, label: str, parent: Snapshot | None, facts: Mapping[str, str]
    ) -> Snapshot:
        """See ``protocol.Sandbox.commit``."""
        with self._engine(f"commit {container} as {label}"):
            return snapshots.commit(self._api, self._run_id, container, label, parent, facts)

    def discard(self, tag: str) -> None:
        """See ``protocol.Sandbox.discard``."""
        with self._engine(f"remove the image {tag}"):
            snapshots.discard(self._api, tag)

    def find(self, reference: str) -> Snapshot:
        """See ``protocol.Sandbox.find``."""
        with self._engine(f"look up {reference}"):
            return snapshots.describe(self._api, reference)

    def leftovers(self) -> Leftovers:
        """See ``protocol.Sandbox.leftovers``; this worker's own pause containers don't count."""
        with self._engine("list what is left"):
            own = set(self._pauses.values())
            everything = snapshots.leftovers(self._api, self._run_id)
            others = tuple(name for name in everything.containers if name not in own)
            return Leftovers(others, everything.images, everything.snapshot_labels)

    def close(self) -> None:
        """See ``protocol.Sandbox.close``."""
        for name in self._pauses.values():
            with contextlib.suppress(EngineError):
                self.remove(name)
        self._pauses.clear()
        self._client.close()

    # -- the engine ----------------------------------------------------------------------------

    def _name(self, name: str) -> str:
        return f"oppie-{self._run_id}-{name}"

    def _network(self, limits: Limits, side: int) -> str:
        if limits.network:
            return "bridge"
        return f"container:{self._pause(side)}"

    def _pause(self, side: int) -> str:
        name = self._pauses.get(side) or self._name(f"net-{self._slot}-{side}")
        if side in self._pauses and self._inspect(name)["State"]["Running"]:
            return name
        self.remove(name)
        limits = Limits(memory_bytes=16 << 20, pids=16, cpus=0.1, log_bytes=4096)
        host = spec.host_config(limits, "none")
        labels = spec.step_labels(self._run_id, spec.KIND_PAUSE, "")
        config = spec.container_config(self._base, ("sleep", str(int(_FOREVER_S))), host, labels)
        self._api.create_container_from_config(config, name)
        self._api.start(name)
        self._pauses[side] = name
        return name

    def _attach(self, name: str) -> Stream:
        params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 0}
        raw = self._api.attach_socket(name, params)
        # Over a unix socket the client hands out the reader around it; it must stay referenced.
        sock = cast(socket.socket, getattr(raw, "_sock", raw))
        sock.setblocking(True)
        return Stream(sock, self._cancelled, keep=raw)

    def _inspect(self, name: str, *, size: bool = False) -> dict[str, Any]:
        """The engine's facts of a container; with ``size``, ``SizeRw`` is what it wrote over its
        image, in bytes."""
        if not size:
            return cast(dict[str, Any], self._api.inspect_container(name))
        url = self._api._url("/containers/{0}/json", name)
        facts = cast(
            dict[str, Any], self._api._result(self._api._get(url, params={"size": 1}), True)
        )
        return {**facts, "SizeRw": int(facts.get("SizeRw") or 0)}

    def _check_cancelled(self) -> None:
        if self._cancelled():
            raise Cancelled("the run was told to stop")

    @contextlib.contextmanager
    def _engine(self, doing: str) -> Iterator[None]:
        """Everything that the client raises leaves this room as one of our errors."""
        try:
            yield
        except (
            docker.errors.DockerException,
            requests.exceptions.RequestException,
            OSError,
            json.JSONDecodeError,
        ) as error:
            raise classify_error(error, doing) from error


def _epoch_s(timestamp: str) -> float:
    """The engine's RFC 3339 time, with its nanoseconds cut to what Python reads."""
    whole, _, fraction = timestamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6] or '0'}+00:00").timestamp()


def _timed_out(error: Exception) -> bool:
    return isinstance(error, requests.exceptions.ReadTimeout) or "Read timed out" in str(error)

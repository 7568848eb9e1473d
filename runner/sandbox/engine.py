"""The sandbox over a container engine that speaks Docker's API."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import docker
import docker.errors

from runner.errors import EngineError
from runner.model import Limits, Snapshot
from runner.sandbox import snapshots, spec
from runner.sandbox.classify import classify_exit, engine_errors
from runner.sandbox.containers import Containers, epoch_s, ran_s
from runner.sandbox.frames import LOOP
from runner.sandbox.inventory import held, held_image
from runner.sandbox.logfile import LogFile, sent_mark
from runner.sandbox.onefile import one_file
from runner.sandbox.patience import patiently
from runner.sandbox.protocol import WORKSPACE, Exit, HeldImage, Leftovers, Step, StepResult
from runner.sandbox.room import Room, folder_here, room_of
from runner.sandbox.session import LoopSession
from runner.sandbox.stream import Stream

_DISK_CHECK_S = 2.0
_END_S = 10.0
_SIGNALLED = 128  # exit codes from here on say which signal, or that the engine lost it
_NO_TLS = (
    "containers can't be fed over TLS; forward the engine's socket instead: "
    "ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST, "
    "then DOCKER_HOST=unix:///tmp/engine.sock"
)


class EngineSandbox:
    """One worker's door to the engine (see ``protocol.Sandbox``), with a client of its own.

    ``slot`` numbers the worker. ``base`` is an image that has ``sleep``; two containers of it, one
    for each side of a measurement, hold the network namespaces that this worker's containers join:
    making one takes half of a container's start.

    Raises ``EngineError`` for an engine that is reached over TLS: the end of a command's input is
    told by closing one direction of the connection, which Python's TLS can't.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        run_id: str,
        base: str,
        slot: int = 0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        if client.api.base_url.startswith("https:"):
            raise EngineError(f"the engine at {client.api.base_url}: {_NO_TLS}")
        self._client = client
        self._api = client.api
        self._run_id = run_id
        self._containers = Containers(client.api, run_id, base, slot, cancelled)

    # -- steps ---------------------------------------------------------------------------------

    def run(self, step: Step, log: Path) -> StepResult:
        """See ``protocol.Sandbox.run``. A step that comes to nothing leaves no container."""
        self._containers.check_cancelled()
        name = self._containers.name_of(step.name)
        with self._removed_on_error(name), engine_errors(f"run {name}"):
            adopted = self._adopt(step, name, log)
            if adopted is not None:
                return adopted
            sent_mark(log).unlink(missing_ok=True)
            self._containers.create(step, spec.KIND_STEP)
            return self._drive(step, name, log)

    def archive(self, container: str) -> Iterator[bytes]:
        """See ``protocol.Sandbox.archive``."""
        with engine_errors(f"read the workspace of {container}"):
            chunks, _ = self._api.get_archive(container, WORKSPACE, chunk_size=1 << 18)
            yield from chunks

    def export(self, container: str) -> Iterator[bytes]:
        """See ``protocol.Sandbox.export``."""
        with engine_errors(f"read the files of {container}"):
            yield from self._api.export(container, chunk_size=1 << 18)

    def read(self, container: str, path: str) -> Iterator[bytes]:
        """See ``protocol.Sandbox.read``."""
        with engine_errors(f"read {path} of {container}"):
            try:
                chunks, _ = self._api.get_archive(container, f"{WORKSPACE}/{path}", 1 << 18)
            except docker.errors.NotFound:
                self._containers.inspect(container)  # it is the file that isn't there
                return
            yield from one_file(chunks)

    @patiently
    def remove(self, container: str) -> None:
        """See ``protocol.Sandbox.remove``."""
        with engine_errors(f"remove {container}"):
            self._containers.remove(container)

    def _drive(self, step: Step, name: str, log: Path) -> StepResult:
        """Start, pump, and wait for the end."""
        started = time.monotonic()
        deadline = started + step.limits.time_s
        with LogFile(log, step.limits.log_bytes, step.hidden) as sink:
            with contextlib.closing(self._containers.start(name)) as stream:
                stream.send(step.stdin, close=True)
                disk_hit = self._pump(stream, sink, name, step.limits, deadline, sent_mark(log))
            end = self._containers.ending(name, step.limits, deadline, disk_hit=disk_hit)
        seconds = time.monotonic() - started
        return StepResult(
            end.exit, end.code, seconds, name, sink.size_bytes, sink.complete, end.ran_s
        )

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
                if self._containers.is_overfull(name, limits):
                    return True
                check_at = time.monotonic() + _DISK_CHECK_S
        return False

    def _adopt(self, step: Step, name: str, log: Path) -> StepResult | None:
        """Take over a container that a crashed planner started; ``None`` if there is none.

        Only if its input had been delivered whole: a script that was cut short is another script.
        """
        try:
            state = self._containers.inspect(name)["State"]
        except docker.errors.NotFound:
            return None
        # Ended by a signal: by its own doing, by the limit of memory, or because the machine went
        # down. Only the engine's word on memory tells these apart, so the others run again.
        killed = state["Status"] == "exited" and state["ExitCode"] >= _SIGNALLED
        lost = killed and not state.get("OOMKilled") and ran_s(state) < step.limits.time_s
        if not sent_mark(log).exists() or lost or state["Status"] not in ("running", "exited"):
            self._containers.remove(name)
            return None
        left_s = step.limits.time_s - (time.time() - epoch_s(state["StartedAt"]))
        end = self._containers.ending(name, step.limits, time.monotonic() + left_s)
        with LogFile(log, step.limits.log_bytes, step.hidden) as sink:
            for chunk in self._api.logs(name, stream=True, stdout=True, stderr=True):
                sink.write(chunk)
        # Perhaps it was killed by the planner that died.
        late = end.exit is Exit.NONZERO and end.ran_s >= step.limits.time_s
        exit_ = Exit.TIMEOUT if late else end.exit
        return StepResult(exit_, end.code, end.ran_s, name, sink.size_bytes, False, end.ran_s)

    @contextlib.contextmanager
    def _removed_on_error(self, name: str) -> Iterator[None]:
        """Nobody will ask for what came to nothing: another attempt has another name."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(EngineError):
                self.remove(name)
            raise

    # -- sessions ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def session(self, step: Step, log: Path) -> Iterator[LoopSession]:
        """See ``protocol.Sandbox.session``. The two sides join different network namespaces."""
        self._containers.check_cancelled()
        full_name, limits = self._containers.name_of(step.name), step.limits
        self.remove(full_name)
        # The loop outlives one repetition: its deadline is kept by the session, on our clock.
        loop = replace(step, command=("sh", "-c", LOOP, "oppie", *step.command))
        side = 1 if step.name.endswith("baseline") else 0
        try:
            with engine_errors(f"start {full_name}"):
                self._containers.create(loop, spec.KIND_SESSION, side)
                stream = self._containers.start(full_name)
            with contextlib.closing(stream), LogFile(log, limits.log_bytes) as sink:
                vessel = _Vessel(self._containers, full_name, limits)
                yield LoopSession(stream, sink, limits.time_s, vessel)
        finally:
            self.remove(full_name)

    # -- snapshots -----------------------------------------------------------------------------

    def commit(
        self, container: str, label: str, parent: Snapshot | None, facts: Mapping[str, str]
    ) -> Snapshot:
        """See ``protocol.Sandbox.commit``."""
        with engine_errors(f"commit {container} as {label}"):
            return snapshots.commit(self._api, self._run_id, container, label, parent, facts)

    @patiently
    def discard(self, tag: str) -> None:
        """See ``protocol.Sandbox.discard``."""
        with engine_errors(f"remove the image {tag}"):
            snapshots.discard(self._api, tag)

    @patiently
    def find(self, reference: str) -> Snapshot:
        """See ``protocol.Sandbox.find``."""
        with engine_errors(f"look up {reference}"):
            return snapshots.describe(self._api, reference)

    @patiently
    def held(self, reference: str) -> HeldImage | None:
        """See ``protocol.Sandbox.held``."""
        with engine_errors(f"look up {reference}"):
            return held_image(self._api, reference)

    @patiently
    def room(self) -> Room | None:
        """See ``protocol.Sandbox.room``."""
        return room_of(self._disk) if self._disk else None

    @functools.cached_property
    def _disk(self) -> Path | None:
        with engine_errors("ask where the images are"):
            return folder_here(self._api.base_url, self._api.info())

    @patiently
    def retag(self, digest: str, tag: str) -> None:
        """See ``protocol.Sandbox.retag``."""
        with engine_errors(f"tag {digest} as {tag}"):
            snapshots.retag(self._api, digest, tag)

    @patiently
    def leftovers(self) -> Leftovers:
        """See ``protocol.Sandbox.leftovers``; this worker's own pause containers don't count."""
        with engine_errors("list what is left"):
            everything = held(self._api, self._run_id)
        own = self._containers.pauses
        others = tuple(each for each in everything.held_containers if each.name not in own)
        return replace(everything, held_containers=others)

    def close(self) -> None:
        """See ``protocol.Sandbox.close``."""
        with contextlib.suppress(EngineError), engine_errors("let go of the network namespaces"):
            self._containers.remove_pauses()
        self._client.close()


@dataclass(frozen=True, slots=True)
class _Vessel:
    """What a session asks of its container (``session.Vessel``)."""

    containers: Containers
    name: str
    limits: Limits

    def is_overfull(self) -> bool:
        with engine_errors(f"ask after {self.name}"):
            return self.containers.is_overfull(self.name, self.limits)

    def exit_of(self, code: int) -> Exit:
        with engine_errors(f"ask after {self.name}"):
            oom = code != 0 and self.containers.ran_out_of_memory(self.name)
        return classify_exit({"ExitCode": code, "OOMKilled": oom})

    def end(self, *, deadline_hit: bool, disk_hit: bool) -> Exit:
        with engine_errors(f"end {self.name}"):
            deadline = time.monotonic() + (0.0 if deadline_hit else _END_S)
            end = self.containers.ending(self.name, self.limits, deadline, disk_hit=disk_hit)
        return end.exit

"""The sandbox over a container engine that speaks Docker's API."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import docker
import docker.errors

from runner.errors import Cancelled, EngineError
from runner.model import Snapshot
from runner.sandbox import snapshots, spec
from runner.sandbox.classify import engine_errors
from runner.sandbox.containers import Containers
from runner.sandbox.downloads import archive_of, archive_of_file, export_of
from runner.sandbox.frames import LOOP
from runner.sandbox.inventory import held, held_image
from runner.sandbox.logfile import LogFile
from runner.sandbox.onefile import one_file
from runner.sandbox.outgoing import Outlet
from runner.sandbox.patience import OUTAGE_S, Patience
from runner.sandbox.protocol import WORKSPACE, HeldImage, Leftovers, Step, StepResult
from runner.sandbox.room import Room, folder_here, room_of
from runner.sandbox.session import LoopSession
from runner.sandbox.steps import StepRun
from runner.sandbox.tarends import whole_tar
from runner.sandbox.told_room import ToldRoom
from runner.sandbox.vessel import EngineVessel

T = TypeVar("T")

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

    ``outage_s`` is how long an engine that is gone is waited for. ``outlet`` is how steps get to the
    hosts that they may reach; without one by an image ``base`` that has ``python3`` as well.

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
        outage_s: float = OUTAGE_S,
        outlet: Outlet | None = None,
    ) -> None:
        if client.api.base_url.startswith("https:"):
            raise EngineError(f"the engine at {client.api.base_url}: {_NO_TLS}")
        self._client = client
        self._api = client.api
        self._run_id = run_id
        self._patience = Patience(cancelled, outage_s)
        self._told = ToldRoom(self.run, self.remove, base)
        self._containers = Containers(
            client.api, run_id, base, slot, cancelled, self._patience, outlet
        )

    # -- steps ---------------------------------------------------------------------------------

    def run(self, step: Step, log: Path) -> StepResult:
        """See ``protocol.Sandbox.run``. A step that comes to nothing leaves no container."""
        self._containers.check_cancelled()
        name = self._containers.name_of(step.name)
        with (
            self._removed_on_error(name),
            _watchers_errors(step) as watched,
            engine_errors(f"run {name}"),
        ):
            return StepRun(self._containers, self._patience, watched, log).run()

    def container_of(self, step_name: str) -> str:
        """See ``protocol.Sandbox.container_of``."""
        return self._containers.name_of(step_name)

    def archive(self, container: str) -> Iterator[bytes]:
        """See ``protocol.Sandbox.archive``."""
        with engine_errors(f"read the workspace of {container}"):
            yield from whole_tar(archive_of(self._api, container, WORKSPACE))

    def export(self, container: str) -> Iterator[bytes]:
        """See ``protocol.Sandbox.export``."""
        with engine_errors(f"read the files of {container}"):
            yield from whole_tar(export_of(self._api, container))

    def read(self, container: str, path: str) -> Iterator[bytes]:
        """See ``protocol.Sandbox.read``."""
        with engine_errors(f"read {path} of {container}"):
            chunks = archive_of_file(self._api, container, f"{WORKSPACE}/{path}")
            try:
                with contextlib.closing(chunks):
                    yield from one_file(chunks)
            except docker.errors.NotFound:
                self._containers.inspect(container)  # it is the file that isn't there

    def remove(self, container: str) -> None:
        """See ``protocol.Sandbox.remove``."""
        with engine_errors(f"remove {container}"):
            self._containers.remove(container)

    @contextlib.contextmanager
    def _removed_on_error(self, name: str) -> Iterator[None]:
        """Nobody will ask for what came to nothing: another attempt has another name."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(EngineError, Cancelled):
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
                vessel = EngineVessel(self._containers, self._patience, full_name, limits)
                yield LoopSession(stream, sink, limits.time_s, vessel)
        finally:
            self.remove(full_name)

    # -- snapshots -----------------------------------------------------------------------------

    def commit(
        self,
        container: str,
        label: str,
        parent: Snapshot | None,
        facts: Mapping[str, str],
        checkpoint: str = "",
    ) -> Snapshot:
        """See ``protocol.Sandbox.commit``."""
        with engine_errors(f"commit {container} as {label}"):
            intent = snapshots.Intent(
                self._run_id, container, label, parent, facts, checkpoint
            )
            return snapshots.commit(self._api, self._patience, intent)

    def discard(self, tag: str) -> None:
        """See ``protocol.Sandbox.discard``."""
        self._ask(f"remove the image {tag}", lambda: snapshots.discard(self._api, tag))

    def find(self, reference: str) -> Snapshot:
        """See ``protocol.Sandbox.find``."""
        return self._ask(f"look up {reference}", lambda: snapshots.describe(self._api, reference))

    def held(self, reference: str) -> HeldImage | None:
        """See ``protocol.Sandbox.held``."""
        return self._ask(f"look up {reference}", lambda: held_image(self._api, reference))

    def room(self) -> Room | None:
        """See ``protocol.Sandbox.room``."""
        return room_of(self._disk) if self._disk else self._told.room()

    @functools.cached_property
    def _disk(self) -> Path | None:
        info = self._ask("ask where the images are", self._api.info)
        return folder_here(self._api.base_url, info)

    def retag(self, digest: str, tag: str) -> None:
        """See ``protocol.Sandbox.retag``."""
        self._ask(f"tag {digest} as {tag}", lambda: snapshots.retag(self._api, digest, tag))

    def leftovers(self) -> Leftovers:
        """See ``protocol.Sandbox.leftovers``; this worker's own pause containers don't count."""
        everything = self._ask("list what is left", lambda: held(self._api, self._run_id))
        own = self._containers.pauses
        others = tuple(each for each in everything.held_containers if each.name not in own)
        return replace(everything, held_containers=others)

    def close(self) -> None:
        """See ``protocol.Sandbox.close``."""
        with (
            contextlib.suppress(EngineError, Cancelled),
            engine_errors("let go of the network namespaces"),
        ):
            self._containers.remove_pauses()
        self._client.close()

    def _ask(self, doing: str, call: Callable[[], T]) -> T:
        """The engine's answer to what may be asked again."""
        with engine_errors(doing):
            return self._patience.ask(call)



@contextlib.contextmanager
def _watchers_errors(step: Step) -> Iterator[Step]:
    """The step, of which an error of whoever watches it (a file, some JSON) leaves the block as it
    was raised, and not as one of the engine's."""
    watch, raised = step.watch, list[Exception]()
    if watch is None:
        yield step
        return

    def watching(data: bytes) -> bool:
        try:
            return watch(data)
        except Exception as error:
            raised.append(error)
            raise

    try:
        yield replace(step, watch=watching)
    except EngineError:
        if raised:
            raise raised[0] from None
        raise

"""The doors of one step's container: a tunnel from its loopback to the planner.

The step shares the network namespace of a container of ours, which has loopback and nothing else. A
forwarder listens there and carries what it gets through its own stdin and stdout, which the engine
hands to the planner: there is no interface, no route and no mount, so nothing to be undone, and it
works wherever the engine does. When the planner dies, the forwarder's input ends, and so does it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import docker
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from runner.egress import tunnel
from runner.errors import Cancelled, EngineError, EngineUnavailable, OppieError
from runner.model import Limits
from runner.sandbox import spec
from runner.sandbox.frames import Demux
from runner.sandbox.protocol import Door
from runner.sandbox.states import has_ended

_OPENS_S = 30.0
_TICK_S = 0.2
_MOST_SAID_BYTES = 4096
_LIMITS = Limits(memory_bytes=64 << 20, pids=16, cpus=1.0, open_files=256, log_bytes=4096)
_PROGRAM = Path(tunnel.__file__).read_text(encoding="utf-8")
_NO_FORWARDER = (
    "the forwarder, by which a step reaches listed hosts, models and tools, did not start in a "
    "container of {image}, which must have python3 (3.8 or newer); `oppie images build` makes an "
    "image that has it: {said}"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where on an engine the container is that holds a step's doors, and what it is called. ``image``
    has ``python3``, and no action has ever run in it. ``create`` (of a configuration and a name) and
    ``remove`` are those of ``Containers``."""

    api: docker.APIClient
    image: str
    run_id: str
    name: str
    cancelled: Callable[[], bool]
    create: Callable[[dict[str, object], str], None]
    remove: Callable[[str], None]


@contextlib.contextmanager
def opened(place: Place, doors: tuple[Door, ...]) -> Iterator[str]:
    """Open the doors, as long as the block lasts; the network mode for the container that has them.
    When it ends, so do all connections.

    What the engine's client raises goes through. Raises ``EngineError``, ``Cancelled``, and in the
    end ``EngineUnavailable`` if the engine had let go of the doors: what the step made of that is no
    failure of its own.
    """
    takers = {door.port: door.take for door in doors}
    place.remove(place.name)
    try:
        with contextlib.closing(_forwarder(place, tuple(takers))) as wire:
            cut_off = threading.Event()
            carried = tunnel.Tunnel(wire, takers)
            carrying = threading.Thread(target=_carry, args=(carried, cut_off), daemon=True)
            carrying.start()
            try:
                yield f"container:{place.name}"
                if cut_off.is_set() and not _has_failed(place):
                    raise EngineUnavailable(f"the engine let go of {place.name} during a step")
            finally:
                wire.hang_up()
                carrying.join()
    finally:
        # The step is over, whatever the engine does now. Podman, for one, removes this container
        # only after the step's: what stays is removed with that, or when the worker closes.
        with contextlib.suppress(DockerException, RequestException, OSError, OppieError):
            place.remove(place.name)


class _Attached:
    """A container's stdin and stdout, over the engine's connection (``tunnel.Wire``)."""

    def __init__(self, sock: socket.socket, keep: Any) -> None:
        self._sock = sock
        self._keep = keep  # whatever owns the socket and would close it when collected
        self._demux = Demux()
        self.reads = self.writes = sock.fileno()

    def receive(self) -> bytes:
        data = self._sock.recv(1 << 16, socket.MSG_DONTWAIT)
        payload = b"".join(self._demux.feed(data))
        if data and not payload:
            raise BlockingIOError
        return payload

    def send(self, data: bytes) -> int:
        return self._sock.send(data, socket.MSG_DONTWAIT)

    def wait(self, seconds: float) -> bytes | None:
        """What comes within ``seconds``; ``b""`` is the end, ``None`` nothing."""
        self._sock.settimeout(seconds)
        try:
            data = self._sock.recv(1 << 16)
        except TimeoutError:
            return None
        return b"".join(self._demux.feed(data)) or None if data else b""

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.hang_up()
        self._keep.close()
        self._sock.close()


def _forwarder(place: Place, ports: tuple[int, ...]) -> _Attached:
    """A new container with a forwarder that is ready."""
    wire = _started(place, ports)
    try:
        _await_opening(wire, place.image, place.cancelled)
    except BaseException:
        wire.close()
        raise
    return wire


def _started(place: Place, ports: tuple[int, ...]) -> _Attached:
    api, image, name = place.api, place.image, place.name
    host = spec.host_config(_LIMITS, "none") | {"LogConfig": {"Type": "none"}}
    labels = spec.step_labels(place.run_id, spec.KIND_PAUSE, "")
    command = ("python3", "-I", "-S", "-c", _PROGRAM, *map(str, ports))
    place.create(spec.container_config(image, command, host, labels), name)
    params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 0}
    raw = api.attach_socket(name, params)
    wire = _Attached(cast(socket.socket, getattr(raw, "_sock", raw)), raw)
    try:
        api.start(name)
    except APIError as error:
        wire.close()
        raise EngineError(_NO_FORWARDER.format(image=image, said=error.explanation)) from error
    except BaseException:
        wire.close()
        raise
    return wire


def _await_opening(wire: _Attached, image: str, cancelled: Callable[[], bool]) -> None:
    """Wait for the forwarder's first words."""
    said, deadline = b"", time.monotonic() + _OPENS_S
    while not said.startswith(tunnel.HELLO):
        if cancelled():
            raise Cancelled("the run was told to stop")
        data = wire.wait(_TICK_S)
        said += data or b""
        if data == b"" or len(said) > _MOST_SAID_BYTES or time.monotonic() >= deadline:
            text = said.decode("utf-8", "replace").strip()[-300:] or "it said nothing"
            raise EngineError(_NO_FORWARDER.format(image=image, said=text))


def _carry(carried: tunnel.Tunnel, cut_off: threading.Event) -> None:
    """Until the wire ends, by whomever. A forwarder that breaks the rules is cut off by us, and the
    step goes on without its doors."""
    try:
        carried.serve()
    except tunnel.Broken:
        return
    except OSError:
        pass
    cut_off.set()


def _has_failed(place: Place) -> bool:
    """Whether the forwarder, which ends well when its input does, came to another end."""
    state = place.api.inspect_container(place.name)["State"]
    return has_ended(state) and state["ExitCode"] != 0

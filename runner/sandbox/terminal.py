"""An interactive shell in a throw-away container, on the caller's own terminal."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import termios
import tty
from collections.abc import Iterator
from typing import cast

import docker
import docker.errors
import requests.exceptions

from runner.model import Limits
from runner.sandbox import spec
from runner.sandbox.classify import classify_error
from runner.sandbox.protocol import SHELL

_CHUNK = 1 << 16


def interact(
    client: docker.DockerClient, run_id: str, name: str, image: str, limits: Limits, terminal: int
) -> int:
    """Run ``sh`` of ``image`` on the file descriptor ``terminal`` until it exits; its exit code.

    The container has a sandbox's limits, except for time, and is removed in the end.
    Raises ``EngineError``.
    """
    api = client.api
    host = spec.host_config(limits, "none")
    labels = spec.step_labels(run_id, spec.KIND_STEP, SHELL)
    config = spec.container_config(image, ("sh",), host, labels) | {"Tty": True}
    try:
        api.create_container_from_config(config, name)
        try:
            raw = api.attach_socket(name, {"stdin": 1, "stdout": 1, "stream": 1})
            sock = cast(socket.socket, getattr(raw, "_sock", raw))
            api.start(name)
            with _raw(terminal), _resizing(api, name):
                _relay(sock, terminal)
            return int(api.wait(name, timeout=60)["StatusCode"])
        finally:
            api.remove_container(name, force=True, v=True)
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise classify_error(error, f"open a shell in {image}") from error


@contextlib.contextmanager
def _raw(terminal: int) -> Iterator[None]:
    """Every key goes to the container, Ctrl-C too; the terminal is given back as it was."""
    before = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _resizing(api: docker.APIClient, name: str) -> Iterator[None]:
    """Keep the container's terminal as large as the caller's."""

    def resize(*_: object) -> None:
        size = shutil.get_terminal_size()
        with contextlib.suppress(docker.errors.APIError):
            api.resize(name, size.lines, size.columns)

    before = signal.signal(signal.SIGWINCH, resize)
    try:
        resize()
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def _relay(sock: socket.socket, terminal: int) -> None:
    """Copy both ways until the container's side ends."""
    sock.setblocking(True)
    sources: list[int] = [sock.fileno(), terminal]
    while True:
        readable, _, _ = select.select(sources, [], [])
        if sock.fileno() in readable:
            data = sock.recv(_CHUNK)
            if not data:
                return
            os.write(terminal, data)
        if terminal in readable:
            keys = os.read(terminal, _CHUNK)
            if keys:
                sock.sendall(keys)
            else:
                sources.remove(terminal)

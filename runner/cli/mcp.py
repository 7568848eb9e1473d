"""`oppie mcp`: the tools for a person's own agent."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from runner.cli.home import aside
from runner.errors import Cancelled, TaskError
from runner.mcp.bridge import carry
from runner.mcp.desk import groups_named
from runner.mcp.service import Service
from runner.task import load_task

_BACKLOG = 16
_PAUSE_S = 0.1


def mcp(
    task: Annotated[
        Path, typer.Argument(help="oppie.toml, or the folder that holds it; this one if left out.")
    ] = Path(),
    socket_path: Annotated[
        Path | None,
        typer.Option("--socket", help="Make this unix socket and serve there, until stopped."),
    ] = None,
) -> None:
    """Serve tools for agents on a task's folder, by the Model Context Protocol, over stdio.

    Tests and benchmark run in containers, on the files as they are; nothing of yours is changed.

    Example: claude mcp add oppie -- oppie mcp examples/helios
    """
    from runner.cli.mcp_desk import workshop

    loaded = load_task(task)
    if loaded.aids.tools == ():
        raise TaskError(f"{loaded.path}: mcp: the task offers agents no tools")
    groups_named(loaded.aids.tools or (), "mcp.tools")
    with _stoppable() as stop:
        if socket_path is None:
            with _claimed() as (reads, writes), workshop(loaded) as desk, Service(desk) as service:
                _over_stdio(service, stop, reads, writes)
        else:
            with workshop(loaded) as desk, Service(desk) as service:
                _over_socket(service, stop, socket_path)


class _Stop:
    """What being told to stop does: whatever waits at a socket wakes up."""

    def __init__(self) -> None:
        self.told = False
        self._waiting: socket.socket | None = None

    def wakes(self, waiting: socket.socket) -> None:
        """From now on this socket is shut down, at once if it has been told already."""
        self._waiting = waiting
        if self.told:
            self.tell()

    def tell(self) -> None:
        self.told = True
        if self._waiting is not None:
            with contextlib.suppress(OSError):
                self._waiting.shutdown(socket.SHUT_RDWR)


def _over_stdio(service: Service, stop: _Stop, reads: int, writes: int) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        service.take(theirs)
        stop.wakes(ours)
        carry(ours, reads, writes)


def _over_socket(service: Service, stop: _Stop, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        _bind(listener, path)
        try:
            listener.listen(_BACKLOG)
            stop.wakes(listener)
            aside.print(f"{path} answers", markup=False)
            while not stop.told:
                try:
                    service.take(listener.accept()[0])
                except OSError:  # it was shut down, or who called has gone, or there are too many
                    time.sleep(_PAUSE_S)
        finally:
            path.unlink(missing_ok=True)


def _bind(listener: socket.socket, path: Path) -> None:
    """Make the socket, for its owner alone. One that nobody answers at is replaced."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise TaskError(f"--socket {path}: there is a file already")
        with socket.socket(socket.AF_UNIX) as other:
            try:
                other.connect(str(path))
            except OSError:
                path.unlink(missing_ok=True)
            else:
                raise TaskError(f"--socket {path}: somebody answers there already")
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        raise TaskError(f"--socket {path}: can't be made: {error}") from error
    finally:
        os.umask(before)


@contextlib.contextmanager
def _claimed() -> Iterator[tuple[int, int]]:
    """Input and output of this process, for the protocol alone: what else reads or prints, such as a
    git that is started, gets nothing and talks to stderr."""
    reads, writes, nothing = os.dup(0), os.dup(1), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    yield reads, writes  # never closed: a thread may still be reading


@contextlib.contextmanager
def _stoppable() -> Iterator[_Stop]:
    """The first Ctrl-C (or SIGTERM) asks for an orderly end; a second one doesn't wait for it. Raises
    ``Cancelled`` in the end if there was one."""
    stop, signals = _Stop(), (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def told(_number: int, _frame: FrameType | None) -> None:
        for number in signals:
            signal.signal(number, before[number])
        stop.tell()

    for number in signals:
        signal.signal(number, told)
    try:
        yield stop
    finally:
        for number in signals:
            signal.signal(number, before[number])
    if stop.told:
        raise Cancelled("told to stop")

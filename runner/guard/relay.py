"""The guard's own socket: one thread for each connection, up to a bound."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from runner.errors import EngineUnavailable, TaskError
from runner.guard.exchange import Conversation, Policy, Refusal

CONNECTIONS_LIMIT = 256
PATH_LIMIT_BYTES = 107  # sun_path holds 108 with its NUL: unix(7)
_BACKLOG = 128
_END_S = 5.0


@contextlib.contextmanager
def relaying(
    listen: Path,
    engine: Path,
    policy: Policy,
    tell: Callable[[Refusal], None],
    mode: int = 0o600,
) -> Iterator[None]:
    """Answer on the unix socket ``listen``, before the engine's socket ``engine``, in this block.

    ``tell`` is called for each refusal, by many threads. ``mode`` is the new socket's. A socket at
    ``listen`` that nobody listens on is replaced. At the end all connections are cut.

    Raises ``TaskError`` if ``listen`` can't be made, ``EngineUnavailable`` if the engine's socket
    can't be connected to.
    """
    try:
        dial(engine).close()
    except OSError as error:
        raise EngineUnavailable(f"the engine's socket {engine}: {error.strerror}") from error
    with contextlib.closing(_listener(listen, mode)) as listener:
        connections = _Connections(lambda sock: Conversation(sock, lambda: dial(engine), policy, tell))
        accepting = threading.Thread(target=connections.accept, args=(listener,), daemon=True)
        accepting.start()
        try:
            yield
        finally:
            listen.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            connections.cut()
            accepting.join(_END_S)


def dial(path: Path) -> socket.socket:
    """A connection to a unix socket. Raises ``OSError``."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(str(path))
    except BaseException:
        sock.close()
        raise
    return sock


class _Connections:
    """Those that are open, each with its thread."""

    def __init__(self, converse: Callable[[socket.socket], Conversation]) -> None:
        self._converse = converse
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(CONNECTIONS_LIMIT)
        self._cut = False

    def accept(self, listener: socket.socket) -> None:
        """Until the listener is shut down. Who comes when there is no room waits in the queue."""
        while True:
            self._room.acquire()
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            with self._lock:
                if self._cut:
                    sock.close()
                    return
                self._open[sock] = thread
                thread.start()

    def cut(self) -> None:
        """End all conversations, and wait for their threads; none begins after this."""
        with self._lock:
            self._cut = True
            left = dict(self._open)
        for sock in left:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in left.values():
            thread.join(_END_S)

    def _serve(self, sock: socket.socket) -> None:
        try:
            self._converse(sock).serve()
        finally:
            with self._lock:
                del self._open[sock]
            sock.close()
            self._room.release()


def _listener(path: Path, mode: int) -> socket.socket:
    """A listening socket that appears at ``path`` with its mode already set."""
    new = path.with_name(f".{secrets.token_hex(4)}")
    if len(os.fsencode(new)) > PATH_LIMIT_BYTES or len(os.fsencode(path)) > PATH_LIMIT_BYTES:
        raise TaskError(f"{path}: a socket's path has at most {PATH_LIMIT_BYTES} bytes")
    _check_free(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(new))
        try:
            new.chmod(mode)
            sock.listen(_BACKLOG)
            new.rename(path)
        except BaseException:
            new.unlink()
            raise
    except OSError as error:
        sock.close()
        raise TaskError(f"{path}: no socket can be made there: {error.strerror}") from error
    return sock


def _check_free(path: Path) -> None:
    """Raises ``TaskError`` for what must not be replaced."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise TaskError(f"{path} is there, and is no socket")
        with contextlib.suppress(ConnectionRefusedError):
            dial(path).close()
            raise TaskError(f"{path}: somebody listens there already")

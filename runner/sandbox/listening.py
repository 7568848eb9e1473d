"""Doors where there are no containers: free ports of this machine's own loopback."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

from runner.sandbox.protocol import Door
from runner.wire import shut

_HOST = "127.0.0.1"
_AGAIN_S = 0.05
_CONNECTIONS = Path("/proc/net/tcp")  # proc(5): local address, remote address, ..., user


@contextlib.contextmanager
def listening(doors: tuple[Door, ...]) -> Iterator[tuple[str, ...]]:
    """Open doors, as long as the block lasts; what is to be set in the environment of the step that
    has them (``NAME=value``). When it ends, so do all connections.

    Any program of this user's can come in; others' are hung up on. Raises ``OSError`` where no port
    can be had.
    """
    with contextlib.ExitStack() as stack:
        where = []
        for door in doors:
            listener = stack.enter_context(contextlib.closing(_Listener(door)))
            where.append(f"OPPIE_PORT_{door.port}={listener.port}")
        yield tuple(where)


class _Listener:
    def __init__(self, door: Door) -> None:
        self._door = door
        self._sock = socket.create_server((_HOST, 0))
        self.port: int = self._sock.getsockname()[1]
        self._taken: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                sock = self._sock.accept()[0]
            except OSError:  # whoever called has gone; or there are too many files open
                self._closed.wait(_AGAIN_S)
                continue
            if _user_behind(sock) != os.geteuid():
                sock.close()
                continue
            self._taken.add(sock)
            self._door.take(sock)

    def close(self) -> None:
        self._closed.set()
        shut(self._sock, socket.SHUT_RDWR)
        self._thread.join()
        self._sock.close()
        for sock in list(self._taken):  # those that are in use still
            shut(sock, socket.SHUT_RDWR)


def _user_behind(sock: socket.socket) -> int | None:
    """Whose program is at the other end of a connection over loopback; ``None`` if it has gone."""
    try:
        theirs, ours = _in_table(sock.getpeername()), _in_table(sock.getsockname())
    except OSError:
        return None
    for line in _CONNECTIONS.read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == [theirs, ours]:
            return int(fields[7])
    return None


def _in_table(address: tuple[str, int]) -> str:
    host = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{host:08X}:{address[1]:04X}"

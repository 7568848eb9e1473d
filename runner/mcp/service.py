"""A desk that is served: to the programs of a container through a door, or to whoever connects.

Importing this is cheap; the SDK is imported by the first connection's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from types import TracebackType
from typing import Self

from runner.mcp.desk import Desk
from runner.mcp.turns import Bounds, Turns

_LOG = logging.getLogger(__name__)
# What nobody listens to would be printed, over a display or a wire.
for _name in ("mcp", "runner.mcp"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
BOUNDS = Bounds()


class Service:
    """Serves one desk to any number of connections, one call at a time; a context manager.

    ``take`` may be called from any thread and doesn't wait, which is what a ``Door`` asks for.
    """

    def __init__(self, desk: Desk, bounds: Bounds = BOUNDS) -> None:
        self._turns = Turns(desk, bounds)
        self._bounds = bounds
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._connections = 0
        self._messages = 0
        self._closed = False

    def take(self, sock: socket.socket) -> None:
        """Serve a connection, which is ours from now on, in a thread of its own."""
        with self._lock:
            self._connections += 1
            full = len(self._open) >= self._bounds.at_once
            if self._closed or full or self._connections > self._bounds.connections:
                sock.close()
                return
            name = f"oppie-mcp-{self._connections}"
            thread = threading.Thread(target=self._serve, args=(sock,), name=name, daemon=True)
            self._open[sock] = thread
            thread.start()

    def serve(self, sock: socket.socket) -> None:
        """The same, in this thread, until the connection ends."""
        self.take(sock)
        with self._lock:
            thread = self._open.get(sock)
        if thread:
            thread.join()

    def close(self) -> None:
        """End all connections, give up the call that is under way, and wait for both."""
        with self._lock:
            self._closed = True
            threads = list(self._open.values())
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        self._turns.close()
        for thread in threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _serve(self, sock: socket.socket) -> None:
        from runner.mcp.lines import converse
        from runner.mcp.server import make_server

        try:
            server = make_server(self._turns)
            asyncio.run(converse(server, sock, self._bounds.line_bytes, self._counted))
        except Exception:  # one connection's end is not that of the others
            _LOG.exception("a connection to the tools broke")
        finally:
            with self._lock:
                del self._open[sock]
                sock.close()

    def _counted(self) -> bool:
        with self._lock:
            self._messages += 1
            return self._messages <= self._bounds.messages

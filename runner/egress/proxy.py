"""An HTTP proxy for one step: what is listed is reached through it, and nothing else is."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from runner.egress.dial import Dialler
from runner.egress.exchange import Refused, converse
from runner.egress.record import Connection, Record
from runner.wire import Tally, shut

_PARTING_S = 5.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one step may ask of the proxy. ``step_bytes`` counts both directions; ``idle_s`` is how
    long nothing may move on a connection, ``head_s`` the time for all of a request's head."""

    at_a_time: int = 64
    connections: int = 10_000
    step_bytes: int = 16 << 30
    head_s: float = 10.0
    idle_s: float = 300.0


class Proxy:
    """``take`` clients' sockets, of whatever kind; ``close`` hangs up on everybody.

    The clients are hostile. What each reached for is written down.
    """

    def __init__(self, dial: Dialler, record: Record, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self.dial = dial
        self.head_s = self._bounds.head_s
        self.idle_s = self._bounds.idle_s
        self._record = record
        self._lock = threading.Lock()
        self._held: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._count = 0
        self._bytes = 0
        self._closed = False

    def take(self, client: socket.socket) -> None:
        """Serve a client in a thread of its own; one too many is hung up on."""
        most = self._bounds.connections
        with self._lock:
            self._count += 1
            if self._count == most + 1:
                why = f"more than {most} connections: further ones are refused, and not listed"
                self._record.add(Connection("", "", False, why))
            full = self._closed or len(self._threads) >= self._bounds.at_a_time
            if full or self._count > most:
                client.close()
                return
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.add(thread)
        thread.start()

    def close(self) -> None:
        """Hang up, wait until that has been written down, and leave the record on disk."""
        with self._lock:
            self._closed = True
            threads = tuple(self._threads)
            for sock in self._held:
                shut(sock, socket.SHUT_RDWR)
        deadline = time.monotonic() + _PARTING_S
        for thread in threads:  # one that waits for a name or a host is left to its own end
            thread.join(max(0.0, deadline - time.monotonic()))
        self._record.close()

    def spend(self, count: int) -> None:
        """See ``exchange.Office``."""
        with self._lock:
            self._bytes += count
            spent = self._bytes > self._bounds.step_bytes
        if spent:
            raise Refused(f"the step has moved more than {self._bounds.step_bytes} bytes")

    @contextlib.contextmanager
    def held(self, sock: socket.socket) -> Iterator[None]:
        """See ``exchange.Office``."""
        with self._lock:
            self._held.add(sock)
            if self._closed:
                shut(sock, socket.SHUT_RDWR)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(sock)
            sock.close()

    def _serve(self, client: socket.socket) -> None:
        started, tally = time.monotonic(), Tally()
        try:
            with self.held(client):
                said = converse(client, self, tally)
            if said.method:
                seconds = round(time.monotonic() - started, 3)
                sent, received = tally.sent_bytes, tally.received_bytes
                self._record.add(
                    replace(said, sent_bytes=sent, received_bytes=received, seconds=seconds)
                )
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

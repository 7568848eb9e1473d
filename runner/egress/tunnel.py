"""Many connections over one stream of bytes: both ends of it.

This file is, as it stands, also the program of the end in the container (``python3 -c``), where it
listens on loopback at the ports that are its arguments; so it needs nothing but the standard library
of Python 3.8. It looks at nothing that passes: what is allowed is decided at the other end, out of the
container's reach.

A frame is a connection's number (4 bytes), its kind (1), the payload's length (2), the payload. That
of ``OPEN`` is the port (2) at which a connection was opened. Each end may have ``WINDOW`` bytes of a connection under way that the other hasn't passed on: one that
isn't read from stalls alone.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
from typing import Callable, Dict, Mapping, Protocol  # noqa: UP035  (3.8)

PORT = 3128  # of the proxy
HELLO = b"oppie: the tunnel is open\n"
MOST_CONNECTIONS = 64  # of one port
WINDOW = 1 << 17
_CHUNK = 1 << 14
_ENOUGH = 1 << 16  # waiting for the wire: no more is read from connections
_TOO_MUCH = 1 << 20  # nor from the wire: the other end asks and doesn't listen
_FRAME = struct.Struct(">IBH")
_PORT = struct.Struct(">H")
OPEN, DATA, END, RESET, CREDIT = range(5)


class Wire(Protocol):
    """The stream of bytes. Neither call waits; each may raise ``BlockingIOError``."""

    reads: int  # file descriptors, to be polled
    writes: int

    def receive(self) -> bytes:
        """What has come; ``b""`` is the end."""

    def send(self, data: bytes) -> int:
        """How much of ``data`` has gone."""


class Broken(Exception):
    """The other end doesn't keep to the frames."""


class _Connection:
    """A connection that is open here: what waits for it, and what it may still send."""

    __slots__ = ("credit", "ended", "number", "other_ended", "owed", "pending", "port", "sock")

    def __init__(self, number: int, port: int, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.number = number
        self.port = port
        self.sock = sock
        self.pending = bytearray()
        self.credit = WINDOW
        self.owed = 0  # passed on, and not yet told
        self.ended = False
        self.other_ended = False


class Tunnel:
    """One end. ``doors`` are what is called, by port, with a socket for each connection that the
    other end opens; ``listeners`` are where this end opens them."""

    def __init__(
        self,
        wire: Wire,
        doors: Mapping[int, Callable[[socket.socket], None]] = {},
        listeners: Mapping[int, socket.socket] = {},
    ) -> None:
        self._wire = wire
        self._doors = doors
        self._listeners = listeners
        self._connections: Dict[int, _Connection] = {}  # noqa: UP006
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._count = 0
        self._over = False

    def serve(self) -> None:
        """Carry connections until the wire ends. Raises ``Broken``, and ``OSError`` of the wire."""
        try:
            while not self._over:
                self._turn()
        finally:
            for connection in list(self._connections.values()):
                connection.sock.close()

    def _turn(self) -> None:
        poll, sockets, ports = select.poll(), {}, {}
        masks: Dict[int, int] = {}  # noqa: UP006
        if len(self._outgoing) < _TOO_MUCH:
            masks[self._wire.reads] = select.POLLIN
        if self._outgoing:
            masks[self._wire.writes] = masks.get(self._wire.writes, 0) | select.POLLOUT
        for port, listener in self._listeners.items():
            if not self._is_full(port):
                masks[listener.fileno()] = select.POLLIN
                ports[listener.fileno()] = port
        for connection in self._connections.values():
            mask = self._wants(connection)
            if mask:
                masks[connection.sock.fileno()] = mask
                sockets[connection.sock.fileno()] = connection
        for descriptor, mask in masks.items():
            poll.register(descriptor, mask)
        for descriptor, events in poll.poll():
            if descriptor in sockets:
                self._attend(sockets[descriptor], events)
            elif descriptor in ports:
                self._accept(ports[descriptor])
            else:
                self._use_wire(events)

    def _is_full(self, port: int) -> bool:
        here = sum(each.port == port for each in self._connections.values())
        return here >= MOST_CONNECTIONS

    def _wants(self, connection: _Connection) -> int:
        room = connection.credit > 0 and len(self._outgoing) < _ENOUGH
        reads = select.POLLIN if room and not connection.ended else 0
        return reads | (select.POLLOUT if connection.pending else 0)

    def _use_wire(self, events: int) -> None:
        try:
            if events & select.POLLOUT:
                del self._outgoing[: self._wire.send(bytes(self._outgoing[:_ENOUGH]))]
            if events & ~select.POLLOUT:
                data = self._wire.receive()
                self._over = not data
                self._incoming += data
                self._take_frames()
        except BlockingIOError:
            pass

    def _take_frames(self) -> None:
        at = 0
        while len(self._incoming) - at >= _FRAME.size:
            number, kind, length = _FRAME.unpack_from(self._incoming, at)
            end = at + _FRAME.size + length
            if len(self._incoming) < end:
                break
            self._take(number, kind, bytes(self._incoming[at + _FRAME.size : end]))
            at = end
        del self._incoming[:at]

    def _take(self, number: int, kind: int, payload: bytes) -> None:
        if kind > CREDIT:
            raise Broken("a frame of no known kind")
        if kind == OPEN:
            self._open(number, payload)
            return
        connection = self._connections.get(number)
        if connection is None:
            return  # it has ended here, and the other end didn't know yet
        if kind == DATA:
            if len(connection.pending) + connection.owed + len(payload) > WINDOW:
                raise Broken("more came than was asked for")
            connection.pending += payload
            self._flush(connection)
        elif kind == END:
            connection.other_ended = True
            self._flush(connection)
        elif kind == RESET:
            self._drop(connection)
        else:
            connection.credit += int.from_bytes(payload, "big")
            if connection.credit > WINDOW:
                raise Broken("more was passed on than was sent")

    def _open(self, number: int, payload: bytes) -> None:
        port = int.from_bytes(payload, "big")
        if port not in self._doors or number in self._connections:
            raise Broken("a connection that can't be opened")
        if self._is_full(port):
            self._tell(number, RESET)
            return
        ours, theirs = socket.socketpair()
        self._connections[number] = _Connection(number, port, ours)
        self._doors[port](theirs)

    def _accept(self, port: int) -> None:
        try:
            sock = self._listeners[port].accept()[0]
        except OSError:
            return  # whoever called has gone
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._count = (self._count + 1) % (1 << 32)
        while self._count in self._connections:
            self._count = (self._count + 1) % (1 << 32)
        self._connections[self._count] = _Connection(self._count, port, sock)
        self._tell(self._count, OPEN, _PORT.pack(port))

    def _attend(self, connection: _Connection, events: int) -> None:
        if self._connections.get(connection.number) is not connection:
            return  # it went in this very turn
        if events & select.POLLOUT:
            self._flush(connection)
        here = self._connections.get(connection.number) is connection
        if here and events & ~select.POLLOUT and self._wants(connection) & select.POLLIN:
            self._read(connection)

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.sock.recv(min(_CHUNK, connection.credit))
        except BlockingIOError:
            return
        except OSError:
            self._drop(connection, tell=True)
            return
        if data:
            connection.credit -= len(data)
            self._tell(connection.number, DATA, data)
            return
        connection.ended = True
        self._tell(connection.number, END)
        self._flush(connection)

    def _flush(self, connection: _Connection) -> None:
        """Pass on what has come, say so now and then, and close what has ended both ways."""
        try:
            if connection.pending:
                sent = connection.sock.send(connection.pending)
                del connection.pending[:sent]
                connection.owed += sent
            if connection.other_ended and not connection.pending:
                connection.sock.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:
            self._drop(connection, tell=not (connection.ended and connection.other_ended))
            return
        if connection.other_ended:
            if connection.ended and not connection.pending:
                self._drop(connection)
        elif connection.owed * 2 >= WINDOW:
            self._tell(connection.number, CREDIT, connection.owed.to_bytes(4, "big"))
            connection.owed = 0

    def _drop(self, connection: _Connection, tell: bool = False) -> None:
        del self._connections[connection.number]
        connection.sock.close()
        if tell:
            self._tell(connection.number, RESET)

    def _tell(self, number: int, kind: int, payload: bytes = b"") -> None:
        self._outgoing += _FRAME.pack(number, kind, len(payload)) + payload


class _StandardStreams:
    """The wire of a container's main process."""

    reads, writes = 0, 1

    def receive(self) -> bytes:
        return os.read(0, 1 << 16)

    def send(self, data: bytes) -> int:
        return os.write(1, data)


def main() -> None:
    """Listen on the container's loopback, and carry what comes there to the planner."""
    listeners = {}
    for port in map(int, sys.argv[1:]):
        listener = listeners[port] = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(MOST_CONNECTIONS)
        listener.setblocking(False)
    os.write(1, HELLO)
    for stream in (0, 1):
        os.set_blocking(stream, False)
    Tunnel(_StandardStreams(), listeners=listeners).serve()


if __name__ == "__main__":
    main()

"""One client's request, and all that follows from it.

A tunnel (``CONNECT``) carries any protocol to a listed host and port; if that is TLS, the name asked
for must be the host's. A plain request is said anew, to the host that its address names, over a
connection of its own: no second request can follow it there.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from runner.egress.addresses import Barred
from runner.egress.dial import Dialler, Line, Unreachable
from runner.egress.hello import Fronted, HelloGate
from runner.egress.record import Connection
from runner.egress.target import Target, parse_authority, parse_uri
from runner.wire import (
    EMPTY,
    PIECE_BYTES,
    Framing,
    Gone,
    Headers,
    Malformed,
    Tally,
    Wire,
    framing_of,
    lines_of,
    shut,
    splice,
)

_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([!-~]{1,8192}) HTTP/1\.[01]")
# What is between this client and this proxy alone (RFC 9110, 7.6.1), and what is said anew.
_OURS = frozenset(
    (
        "connection", "content-length", "host", "keep-alive", "proxy-authenticate",
        "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    )
)  # fmt: skip
_REASONS = {400: "Bad Request", 403: "Forbidden", 408: "Request Timeout", 502: "Bad Gateway"}
_SHOWN_CHARS = 300
_CONNECT = "CONNECT"
_UNREAD = "?"


class Refused(Exception):
    """Not allowed; the text is for the client and for the record."""


class Office(Protocol):
    """What a conversation has from the proxy that it belongs to."""

    dial: Dialler
    head_s: float
    idle_s: float

    def spend(self, count: int) -> None:
        """Count bytes that pass. Raises ``Refused`` where the step has used up what it may."""

    def held(self, sock: socket.socket) -> AbstractContextManager[object]:
        """Closes ``sock`` in the end, or when the proxy closes."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A request's head, as far as it matters."""

    method: str
    target: Target
    path: str = ""
    headers: Headers = ()
    framing: Framing = EMPTY


def converse(client: socket.socket, office: Office, tally: Tally) -> Connection:
    """Serve a client's one request to its end; what is to be written down of it.

    The method is "" if the client left without a word.
    """
    wire, said = Wire(client), Connection("", "", False)
    answer: Callable[[int, Exception], None] = partial(_answer, client, tally)
    try:
        head = wire.head(office.head_s, office.head_s)
        if not head:
            return said
        request = _read(head)
        said = replace(said, method=request.method, target=str(request.target))
        if not office.dial.rules.allows(request.target):
            raise Refused(f"{request.target} is not among the hosts that the task lists")
        line = office.dial(request.target, tunnelled=request.method == _CONNECT)
        said = replace(said, allowed=True)
        with office.held(line.sock):
            ways = _Ways(client, line.sock, office, tally)
            if request.method == _CONNECT:
                answer = _say_nothing  # from here on it is the other side that speaks
                _tunnel(request, wire, line, ways)
            else:
                _plain(request, wire, line, ways)
    except (Refused, Barred, Fronted) as error:
        said = replace(said, allowed=False, why=_shown(error))
        answer(403, error)
    except Malformed as error:
        said = replace(said, method=said.method or _UNREAD, why=_shown(error))
        answer(error.status, error)
    except Unreachable as error:
        said = replace(said, allowed=True, why=_shown(error))
        answer(502, error)
    except (Gone, OSError) as error:
        said = replace(said, why=_shown(error))
    return said


@dataclass(frozen=True, slots=True)
class _Ways:
    """Both directions of a conversation, counted."""

    client: socket.socket
    server: socket.socket
    office: Office
    tally: Tally

    def up(self, data: bytes) -> None:
        self.office.spend(len(data))
        self.tally.sent(len(data))
        self.server.sendall(data)

    def down(self, data: bytes) -> None:
        self.office.spend(len(data))
        self.tally.received(len(data))
        self.client.sendall(data)


def _read(head: bytes) -> _Request:
    """Raises ``Malformed``."""
    first, headers = lines_of(head)
    found = _REQUEST_LINE.fullmatch(first)
    if not found:
        raise Malformed("the request line is not METHOD target HTTP/1.1")
    method = found[1].upper()
    try:
        if method == _CONNECT:
            return _Request(method, parse_authority(found[2]))
        target, path = parse_uri(found[2])
    except ValueError as error:
        raise Malformed(f"{found[2][:100]}: {error}") from error
    return _Request(found[1], target, path, headers, framing_of(headers) or EMPTY)


def _tunnel(request: _Request, wire: Wire, line: Line, ways: _Ways) -> None:
    gate = HelloGate(request.target.host)

    def up(data: bytes) -> None:
        ways.up(gate.passes(data))

    ways.client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    ways.down(line.rest)
    up(wire.taken())
    splice(ways.client, ways.server, up, ways.down, ways.tally, ways.office.idle_s)


def _plain(request: _Request, wire: Wire, line: Line, ways: _Ways) -> None:
    """Send the request and its body, and pass on whatever is answered until the server ends it."""
    failures: list[Exception] = []
    idle_s = ways.office.idle_s

    def send_body() -> None:
        try:
            for piece in wire.body(request.framing, idle_s):
                ways.up(b"%x\r\n%b\r\n" % (len(piece), piece) if request.framing.chunked else piece)
            if request.framing.chunked:
                ways.up(b"0\r\n\r\n")
        except (Refused, Malformed, Gone, OSError) as error:
            failures.append(error)
            shut(ways.server, socket.SHUT_RDWR)

    ways.client.settimeout(idle_s)
    ways.server.settimeout(idle_s)
    ways.up(_head_for(request, line))
    sending = threading.Thread(target=send_body, daemon=True)
    sending.start()
    try:
        while data := ways.server.recv(PIECE_BYTES):
            ways.down(data)
    finally:
        # Whoever has been answered needs to say no more.
        answered = ways.tally.received_bytes > 0
        shut(ways.client, socket.SHUT_RD)
        shut(ways.server, socket.SHUT_RDWR)
        sending.join()
    if failures and not answered:
        raise failures[0]


def _head_for(request: _Request, line: Line) -> bytes:
    """The request as the server is told it, which is to answer it and then to hang up."""
    dropped = _OURS | {
        name.strip().lower()
        for key, value in request.headers
        if key == "connection"
        for name in value.split(",")
    }
    target = request.target
    host = str(target) if target.port != 80 else str(target).rpartition(":")[0]
    headers = [("host", host), *(pair for pair in request.headers if pair[0] not in dropped)]
    if request.framing.chunked:
        headers.append(("transfer-encoding", "chunked"))
    elif request.framing.length_bytes or request.method in ("POST", "PUT", "PATCH"):
        headers.append(("content-length", str(request.framing.length_bytes)))
    headers.append(("connection", "close"))
    if line.parent and line.parent.credentials:
        headers.append(("proxy-authorization", f"Basic {line.parent.credentials}"))
    place = f"http://{host}{request.path}" if line.parent else request.path
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{request.method} {place} HTTP/1.1\r\n{lines}\r\n".encode("ascii")


def _say_nothing(status: int, error: Exception) -> None:
    """What can't be said any more is in the record."""
    del status, error


def _answer(client: socket.socket, tally: Tally, status: int, error: Exception) -> None:
    """Say why not, unless a server has said something else already."""
    if tally.received_bytes:
        return
    text = f"oppie: {_shown(error)}\n".encode("ascii", "replace")
    reason = _REASONS.get(status, "Refused")
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    )
    with contextlib.suppress(OSError):  # the client may have gone
        client.sendall(head.encode("ascii") + text)


def _shown(error: Exception) -> str:
    return str(error)[:_SHOWN_CHARS]

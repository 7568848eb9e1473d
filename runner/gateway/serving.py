"""HTTP/1.1 for the programs in a container: who asks, for what, and how it is answered.

The other end is hostile. A request is read strictly and within bounds, and nothing of it but its
body and a few headers goes any further.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import responses

from runner.gateway.api import Route, is_list_of_models, models_of, route, split
from runner.gateway.bodies import Asked, ask
from runner.gateway.refusal import Refused, body_of
from runner.gateway.upstream import Dialect, Upstream
from runner.wire import EMPTY, Framing, Gone, Headers, Malformed, Wire, framing_of, lines_of

BODY_LIMIT_BYTES = 32 << 20
_HEAD_S = 20.0
_IDLE_S = 600.0
_PARTING_S = 2.0

_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (/[!-~]{0,4095}) HTTP/1\.1")
_KEY = re.compile(r"[?&]key=([^&]*)")
_ANTHROPIC_VERSION = "2023-06-01"


@dataclass(frozen=True, slots=True)
class _Head:
    method: str
    target: str
    headers: Headers
    framing: Framing

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


class Client:
    """The socket of a program in the container: what is said to it (see ``relaying.Out``)."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._chunked = False
        self.answered = False

    def head(self, status: int, headers: tuple[tuple[str, str], ...], size: int | None) -> None:
        """Begin; without a size, it streams."""
        self._chunked, self.answered = size is None, True
        length = ("transfer-encoding", "chunked") if size is None else ("content-length", str(size))
        lines = "".join(f"{name}: {_line(value)}\r\n" for name, value in (*headers, length))
        reason = responses.get(status, "Refused")
        self._sock.sendall(f"HTTP/1.1 {status} {reason}\r\n{lines}\r\n".encode("latin-1"))

    def piece(self, data: bytes) -> None:
        """A part of the body."""
        if data:
            self._sock.sendall(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def end(self) -> None:
        """There is no more."""
        if self._chunked:
            self._sock.sendall(b"0\r\n\r\n")

    def is_gone(self) -> bool:
        """Whether it has hung up."""
        waiting = select.poll()
        waiting.register(self._sock, select.POLLRDHUP)
        return bool(waiting.poll(0))

    def say(self, status: int, body: Mapping[str, object], *headers: tuple[str, str]) -> None:
        """A whole answer."""
        data = json.dumps(body).encode("ascii")
        self.head(status, (("content-type", "application/json"), *headers), len(data))
        self.piece(data)


class Room:
    """What bodies of requests may take up at a time, all together."""

    def __init__(self, limit_bytes: int = 4 * BODY_LIMIT_BYTES) -> None:
        self._left_bytes = limit_bytes
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def lend(self) -> Iterator[Callable[[int], None]]:
        """Gives what is to be called with the size of each piece that is kept; it raises
        ``Refused``."""
        kept_bytes = 0

        def keep(size_bytes: int) -> None:
            nonlocal kept_bytes
            with self._lock:
                if size_bytes > self._left_bytes:
                    raise Refused(503, "too much is being asked at a time", retry_after_s=5)
                self._left_bytes -= size_bytes
            kept_bytes += size_bytes

        try:
            yield keep
        finally:
            with self._lock:
                self._left_bytes += kept_bytes


@dataclass(frozen=True, slots=True)
class Desk:
    """Who answers: the upstreams by name, the token that opens, and what is done with a request."""

    upstreams: Mapping[str, Upstream]
    token: str
    answer: Callable[[Asked, dict[str, str], Client], object]
    client_s: float
    room: Room = field(default_factory=Room)

    def serve(self, sock: socket.socket) -> None:
        """All of one connection's requests, one after the other."""
        sock.settimeout(self.client_s)
        wire = Wire(sock)
        with contextlib.suppress(Gone, OSError):
            while self._serve_one(wire, Client(sock)):
                pass
            _part(sock)

    def _serve_one(self, wire: Wire, client: Client) -> bool:
        """Whether another request may follow. Raises ``Gone``, ``OSError``."""
        dialect = Dialect.OPENAI
        body_read = False
        try:
            head = _read_head(wire)
            if head is None:
                return False
            if head.method != "POST":
                return self._answer_get(head, client)
            upstream, path, query = split(head.target, self.upstreams)
            dialect = upstream.dialect
            self._let_in(head)
            asked_for = route(upstream, path, query)
            with self.room.lend() as keep:
                body = _read_body(wire, head, self.client_s, keep)
                body_read = True
                self.answer(ask(asked_for, body), _passed(asked_for, head), client)
        except Malformed as error:
            client.say(
                error.status, body_of(dialect, Refused(error.status, str(error), final=True))
            )
            return False
        except Refused as refused:
            if client.answered:  # in the middle of something else
                return False
            more = () if body_read else (("connection", "close"),)
            client.say(refused.status, body_of(dialect, refused), *refused.headers, *more)
            return body_read
        return True

    def _answer_get(self, head: _Head, client: Client) -> bool:
        """Programs look whether anybody is there, and which models there are."""
        if head.framing != EMPTY or head.method not in ("GET", "HEAD"):
            raise Refused(405, f"{head.method} is not let through", final=True)
        if head.method == "HEAD" or head.target == "/":
            client.head(200, (), 0)
            return True
        upstream, path, _ = split(head.target, self.upstreams)
        if not is_list_of_models(upstream, path):
            raise Refused(404, f"GET {path[:100]} is not let through", final=True)
        self._let_in(head)
        client.say(200, models_of(upstream))
        return True

    def _let_in(self, head: _Head) -> None:
        """Raises ``Refused`` to whoever doesn't have the token of this node."""
        offered = [
            head.get("x-api-key"),
            head.get("x-goog-api-key"),
            head.get("authorization").removeprefix("Bearer "),
            *_KEY.findall(head.target),
        ]
        own = self.token.encode("ascii")
        if not any(hmac.compare_digest(each.encode("latin-1"), own) for each in offered):
            raise Refused(401, "this is no token of this node", final=True)


def _part(sock: socket.socket) -> None:
    """Read what is still being sent, for a moment: a connection that is closed over unread bytes is
    reset, and its answer goes with it (RFC 9112, 9.6). Raises ``OSError``."""
    sock.shutdown(socket.SHUT_WR)
    sock.settimeout(_PARTING_S)
    ends, left_bytes = time.monotonic() + _PARTING_S, BODY_LIMIT_BYTES
    while left_bytes > 0 and time.monotonic() < ends:
        data = sock.recv(1 << 16)
        if not data:
            return
        left_bytes -= len(data)


def _read_head(wire: Wire) -> _Head | None:
    """The next request's head, or ``None`` at the end. Raises ``Malformed``, ``Gone``."""
    head = wire.head(_IDLE_S, _HEAD_S)
    if not head:
        return None
    first, headers = lines_of(head)
    found = _REQUEST_LINE.fullmatch(first)
    if not found:
        raise Malformed("the request line is not METHOD /path HTTP/1.1")
    return _Head(found[1], found[2], headers, framing_of(headers) or EMPTY)


def _read_body(wire: Wire, head: _Head, silence_s: float, keep: Callable[[int], None]) -> bytes:
    """Raises ``Malformed``, ``Refused``, ``Gone``."""
    too_long = Refused(413, f"a body of more than {BODY_LIMIT_BYTES} bytes", final=True)
    if (head.framing.length_bytes or 0) > BODY_LIMIT_BYTES:
        raise too_long
    if head.get("content-encoding") not in ("", "identity"):
        raise Refused(415, "a body is to be sent as it is, in no encoding", final=True)
    if head.get("expect").lower() == "100-continue":
        wire.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = bytearray()
    for piece in wire.body(head.framing, silence_s):
        keep(len(piece))
        body += piece
        if len(body) > BODY_LIMIT_BYTES:
            raise too_long
    return bytes(body)


def _passed(asked_for: Route, head: _Head) -> dict[str, str]:
    """The headers that say what of a dialect is spoken, which change with its programs."""
    match asked_for.upstream.dialect:
        case Dialect.ANTHROPIC:
            own = {"anthropic-version": _ANTHROPIC_VERSION}
            return own | {n: value for n, value in head.headers if n.startswith("anthropic-")}
        case Dialect.OPENAI:
            return {name: value for name, value in head.headers if name == "openai-beta"}
        case Dialect.GEMINI:
            return {}


def _line(value: str) -> str:
    """A header's value on one line: an upstream's may hold anything."""
    return re.sub(r"[^\t -~]", "", value)

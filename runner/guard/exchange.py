"""One client's connection: each request judged, said anew to the engine, and its reply passed on.

Nothing that the client wrote reaches the engine as it was written. A request's line and headers
are made of what the policy ordered, its body is framed anew, and it gets a connection to the
engine of its own: so there is no second request to be smuggled in behind the first.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from runner.guard.heads import Reply, Request, parse_reply, parse_request
from runner.wire import EMPTY, Framing, Gone, Malformed, Wire

IDLE_S = 600.0
HEAD_S = 10.0
SILENCE_S = 300.0  # of a client that is sending a body
CONTENT_LIMIT_BYTES = 1 << 20
STREAM_LIMIT_BYTES = 1 << 40
_ENGINE_HEAD_S = 60.0
_HOP = frozenset(
    ("connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade")
)
_REASONS = {400: "Bad Request", 403: "Forbidden", 408: "Request Timeout", 501: "Not Implemented"}


class Refused(Exception):
    """A call that isn't let through; the text is for the caller, and one line."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the engine is told in place of what was asked.

    Its body is ``content``, or the request's own through ``stream``, which may look at the pieces
    and raise ``Refused``; without either there is none. ``upgrade`` is a protocol to change to.
    What the engine answers with goes through ``answer``.
    """

    target: str
    content: bytes | None = None
    stream: Callable[[Iterator[bytes]], Iterator[bytes]] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    upgrade: str = ""
    answer: Callable[[Iterator[bytes]], Iterator[bytes]] | None = None


class Policy(Protocol):
    """Who decides what the engine is told."""

    def judge(self, request: Request, content: Callable[[], bytes]) -> Order:
        """What to tell the engine. ``content`` reads the request's body, of which a policy that
        doesn't ask knows nothing.

        Raises ``Refused``, ``Malformed``; ``Gone`` or ``OSError`` if it had to ask the engine and
        got no answer.
        """


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was refused, for the record: method and target as they were asked for."""

    method: str
    target: str
    status: int
    why: str


class Conversation:
    """``serve`` answers one connection's requests, one after the other, until the client leaves.

    ``dial`` connects to the engine; ``tell`` is told of refusals. Both are called by the thread
    that serves.
    """

    def __init__(
        self,
        client: socket.socket,
        dial: Callable[[], socket.socket],
        policy: Policy,
        tell: Callable[[Refusal], None],
    ) -> None:
        self._client = Wire(client)
        self._dial = dial
        self._policy = policy
        self._tell = tell
        self._answering = False

    def serve(self) -> None:
        """Until the client leaves, or says what can't be understood."""
        # An engine that can't be reached is passed on as what it is: a connection that breaks.
        with contextlib.suppress(Gone, OSError):
            while self._exchange():
                pass

    def _exchange(self) -> bool:
        """One request and its reply; false if the connection is of no more use."""
        request: Request | None = None
        self._answering = False
        try:
            head = self._client.head(IDLE_S, HEAD_S)
            if not head:
                return False
            request = parse_request(head)
            body = _Body(self._client, request.framing)
            order = self._policy.judge(request, body.content)
            if order.stream is None and body.drain():
                raise Refused("this call has no such body")
            return self._forward(request, order, body)
        except Malformed as error:
            self._refuse(request, error.status, str(error))
            return False
        except Refused as error:
            self._refuse(request, 403, str(error), body)
            return True

    def _forward(self, request: Request, order: Order, body: _Body) -> bool:
        with self._dial() as sock:
            engine = Wire(sock, self._client.sock)
            sock.sendall(_head_for(request, order))
            upload = _Upload(sock, order, body)
            try:
                return self._answer(request, order, engine)
            finally:
                upload.finish()

    def _answer(self, request: Request, order: Order, engine: Wire) -> bool:
        head = engine.head(None, _ENGINE_HEAD_S)
        if not head:
            raise Gone("the engine hung up")
        reply = parse_reply(head, request.method)
        if reply.status != 101:
            self._pass_on(reply, engine, order)
            return True
        if not order.upgrade:
            raise Gone("the engine changed the protocol without being asked")
        self._tunnel(reply, engine)
        return False

    def _pass_on(self, reply: Reply, engine: Wire, order: Order) -> None:
        """The reply, as it comes. If it breaks off, so does what the client gets."""
        pieces, chunked = engine.body(reply.framing), reply.framing.length_bytes is None
        if order.answer and reply.framing != EMPTY:
            pieces, chunked = order.answer(pieces), True
        headers = [(name, value) for name, value in reply.headers if name not in _HOP]
        if chunked:
            headers.append(("transfer-encoding", "chunked"))
        elif reply.status not in (204, 304):
            headers.append(("content-length", str(reply.framing.length_bytes)))
        self._answering = True
        self._client.sock.sendall(_reply_head(reply.status, reply.reason, headers))
        for piece in filter(None, pieces):
            self._client.sock.sendall(_chunk(piece) if chunked else piece)
        if chunked:
            self._client.sock.sendall(b"0\r\n\r\n")

    def _tunnel(self, reply: Reply, engine: Wire) -> None:
        """Bytes both ways, until the engine's end of it closes, or the client is gone altogether.

        A client that only ends its input goes on listening: the end is passed on.
        """
        kept = ("connection", "upgrade")
        headers = [pair for pair in reply.headers if pair[0] not in _HOP or pair[0] in kept]
        self._client.sock.sendall(_reply_head(reply.status, reply.reason, headers))
        self._client.other = engine.sock
        upwards = threading.Thread(target=self._pump_input, args=(engine.sock,), daemon=True)
        upwards.start()
        try:
            for piece in engine.body(Framing()):
                self._client.sock.sendall(piece)
        finally:
            for sock in (self._client.sock, engine.sock):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            upwards.join()

    def _pump_input(self, engine: socket.socket) -> None:
        with contextlib.suppress(Gone, OSError):
            for piece in self._client.body(Framing()):
                engine.sendall(piece)
            engine.shutdown(socket.SHUT_WR)

    def _refuse(
        self, request: Request | None, status: int, why: str, body: _Body | None = None
    ) -> None:
        method, target = (request.method, request.target) if request else ("", "")
        self._tell(Refusal(method, target, status, why))
        if self._answering:
            raise Gone("refused in the middle of an answer")
        if body:
            body.drain()  # a client that is still writing wouldn't read
        said = json.dumps({"message": f"oppie guard: {why}"}).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(said)))]
        if body is None:
            headers.append(("connection", "close"))
        head = _reply_head(status, _REASONS.get(status, "Refused"), headers)
        self._client.sock.sendall(head + said)


class _Body:
    """A request's body, which is read once: whole, in pieces, or to be thrown away."""

    def __init__(self, wire: Wire, framing: Framing) -> None:
        self._pieces = wire.body(framing, SILENCE_S)

    def pieces(self) -> Iterator[bytes]:
        """The pieces as they come. Raises ``Refused`` beyond ``STREAM_LIMIT_BYTES``."""
        size = 0
        for piece in self._pieces:
            size += len(piece)
            if size > STREAM_LIMIT_BYTES:
                raise Refused("the body is too large")
            yield piece

    def content(self) -> bytes:
        """All of it. Raises ``Refused`` beyond ``CONTENT_LIMIT_BYTES``."""
        found = b""
        for piece in self._pieces:
            found += piece
            if len(found) > CONTENT_LIMIT_BYTES:
                raise Refused(f"the body is larger than {CONTENT_LIMIT_BYTES} bytes")
        return found

    def drain(self) -> bool:
        """Read what is left; whether there was anything."""
        return sum(map(len, self._pieces)) > 0


class _Upload:
    """A request's body on its way to the engine, which may answer before it has all of it."""

    def __init__(self, engine: socket.socket, order: Order, body: _Body) -> None:
        self._engine = engine
        self._body = body
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None
        if order.content is not None:
            engine.sendall(order.content)
        elif order.stream is not None:
            pieces = order.stream(body.pieces())
            self._thread = threading.Thread(target=self._send, args=(pieces,), daemon=True)
            self._thread.start()

    def finish(self) -> None:
        """Wait for the client's last byte. Raises what stopped the body: ``Refused``, ``Gone``."""
        if self._thread:
            self._thread.join()
        if self._error:
            raise self._error

    def _send(self, pieces: Iterator[bytes]) -> None:
        try:
            for piece in pieces:
                self._engine.sendall(_chunk(piece))
            self._engine.sendall(b"0\r\n\r\n")
        except (Refused, Malformed, Gone) as error:
            self._error = error
            with contextlib.suppress(OSError):
                self._engine.shutdown(socket.SHUT_RDWR)
        except OSError:  # the engine has heard enough; its answer says why
            with contextlib.suppress(Malformed, Gone, OSError):
                self._body.drain()


def _head_for(request: Request, order: Order) -> bytes:
    headers = [("host", "engine"), *order.headers]
    if order.upgrade:
        headers += [("connection", "Upgrade"), ("upgrade", order.upgrade)]
    else:
        headers.append(("connection", "close"))
    if order.content is not None:
        headers.append(("content-length", str(len(order.content))))
    elif order.stream is not None:
        headers.append(("transfer-encoding", "chunked"))
    elif request.method != "GET":
        headers.append(("content-length", str(EMPTY.length_bytes)))
    lines = (f"{name}: {value}\r\n" for name, value in headers)
    return f"{request.method} {order.target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("ascii")


def _reply_head(status: int, reason: str, headers: list[tuple[str, str]]) -> bytes:
    lines = (f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} {reason}\r\n{''.join(lines)}\r\n".encode("ascii")


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)

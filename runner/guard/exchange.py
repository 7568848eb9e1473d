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
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from runner.guard.heads import Reply, Request, parse_reply, parse_request
from runner.guard.order import Absent, Order, Refused
from runner.guard.upload import Body, Upload, chunk_of
from runner.wire import EMPTY, Framing, Gone, Malformed, Wire

IDLE_S = 600.0
HEAD_S = 10.0
_ENGINE_HEAD_S = 60.0
_HOP = frozenset(
    ("connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade")
)
_REASONS = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 408: "Request Timeout", 501: "Not Implemented"}


class Policy(Protocol):
    """Who decides what the engine is told."""

    def judge(self, request: Request, content: Callable[[], bytes]) -> Order:
        """What to tell the engine. ``content`` reads the request's body, of which a policy that
        doesn't ask knows nothing.

        Raises ``Refused``, ``Absent``, ``Malformed``; ``Gone`` or ``OSError`` if it had to ask the engine and
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
            body = Body(self._client, request.framing)
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
        except Absent as error:
            self._say(404, str(error), body)
            return True

    def _forward(self, request: Request, order: Order, body: Body) -> bool:
        with self._dial() as sock:
            engine = Wire(sock, self._client.sock)
            sock.sendall(_head_for(request, order))
            upload = Upload(sock, order, body)
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
            self._client.sock.sendall(chunk_of(piece) if chunked else piece)
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
        self, request: Request | None, status: int, why: str, body: Body | None = None
    ) -> None:
        method, target = (request.method, request.target) if request else ("", "")
        self._tell(Refusal(method, target, status, why))
        if self._answering:
            raise Gone("refused in the middle of an answer")
        self._say(status, f"oppie guard: {why}", body)

    def _say(self, status: int, message: str, body: Body | None) -> None:
        """The engine's form of an error. Without ``body`` the connection is of no more use."""
        if body:
            body.drain()  # a client that is still writing wouldn't read
        said = json.dumps({"message": message}).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(said)))]
        if body is None:
            headers.append(("connection", "close"))
        head = _reply_head(status, _REASONS.get(status, "Refused"), headers)
        self._client.sock.sendall(head + said)


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

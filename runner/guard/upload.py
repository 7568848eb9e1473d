"""A request's body on its way to the engine."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from runner.guard.order import Order, Refused
from runner.wire import Framing, Gone, Malformed, Wire

SILENCE_S = 300.0  # of a client that is sending a body
CONTENT_LIMIT_BYTES = 1 << 20
STREAM_LIMIT_BYTES = 1 << 40


class Body:
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


class Upload:
    """A request's body on its way to the engine, which may answer before it has all of it."""

    def __init__(self, engine: socket.socket, order: Order, body: Body) -> None:
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
                self._engine.sendall(chunk_of(piece))
            self._engine.sendall(b"0\r\n\r\n")
        except (Refused, Malformed, Gone) as error:
            self._error = error
            with contextlib.suppress(OSError):
                self._engine.shutdown(socket.SHUT_RDWR)
        except OSError:  # the engine has heard enough; its answer says why
            with contextlib.suppress(Malformed, Gone, OSError):
                self._body.drain()


def chunk_of(piece: bytes) -> bytes:
    """A piece as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)

"""HTTP/1.1 on a socket whose other end is hostile, and bytes copied between two sockets.

HTTP is read strictly: what two readers could take in two ways is refused. The grammar is RFC 9112's,
without what it only tolerates: bare line feeds, folded headers, space before a colon, chunk
extensions, trailers, a length beside a transfer coding. Everything is bounded, in bytes and in time.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

HEAD_LIMIT_BYTES = 32 << 10
HEADERS_LIMIT = 64
PIECE_BYTES = 1 << 16

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*?)[ \t]*")
_LENGTH = re.compile(r"0|[1-9][0-9]{0,17}")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")

Headers = tuple[tuple[str, str], ...]


class Malformed(Exception):
    """What was said is no HTTP that is spoken here; ``status`` is what to answer."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


class Gone(Exception):
    """One of the two ends has left in the middle of something, or was silent for too long."""


class _Silence(Gone):
    """Nothing came in time."""


@dataclass(frozen=True, slots=True)
class Framing:
    """How long a body is: ``length_bytes``, or in chunks, or, with neither, until the end."""

    length_bytes: int | None = None
    chunked: bool = False


EMPTY = Framing(0)


class Wire:
    """One end of a connection, read through a buffer.

    While it waits for bytes it watches ``other``, the connection on whose behalf it waits: if the
    peer there hangs up, nobody wants the bytes any more, and ``Gone`` is raised. ``OSError`` comes
    from the socket.
    """

    def __init__(self, sock: socket.socket, other: socket.socket | None = None) -> None:
        self.sock = sock
        self.other = other
        self._buffer = b""

    def taken(self) -> bytes:
        """What was read beyond what has been asked for; it is the caller's from here on."""
        buffer, self._buffer = self._buffer, b""
        return buffer

    def head(self, idle_s: float | None, limit_s: float) -> bytes:
        """The bytes of a head, without the empty line; ``b""`` if the peer left before it.

        Its first byte may take ``idle_s`` seconds, the whole of it ``limit_s`` from there.
        Raises ``Malformed`` if it is too long or too slow, ``Gone`` if it breaks off.
        """
        if not self._buffer and not self._fill(idle_s):
            return b""
        deadline = time.monotonic() + limit_s
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > HEAD_LIMIT_BYTES:
                break
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise Malformed(f"the head took longer than {limit_s:g} s", 408)
            with contextlib.suppress(_Silence):
                if not self._fill(left_s):
                    raise Gone("a head that breaks off")
        if not 0 <= end <= HEAD_LIMIT_BYTES:
            raise Malformed(f"the head is longer than {HEAD_LIMIT_BYTES} bytes", 431)
        found, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        return found

    def body(self, framing: Framing, silence_s: float | None = None) -> Iterator[bytes]:
        """A body's bytes, in pieces of at most ``PIECE_BYTES``, as they come.

        Raises ``Malformed`` for broken chunks, ``Gone`` if it ends early or nothing comes for
        ``silence_s`` seconds.
        """
        if framing.chunked:
            yield from self._chunks(silence_s)
        elif framing.length_bytes is not None:
            yield from self._exactly(framing.length_bytes, silence_s)
        else:
            while piece := self._piece(PIECE_BYTES, silence_s):
                yield piece

    def _chunks(self, silence_s: float | None) -> Iterator[bytes]:
        while True:
            size = self._line(silence_s)
            if not _CHUNK_SIZE.fullmatch(size):
                raise Malformed("a chunk without a plain hexadecimal size")
            if int(size, 16) == 0:
                break
            yield from self._exactly(int(size, 16), silence_s)
            if self._line(silence_s):
                raise Malformed("a chunk that is longer than its size")
        if self._line(silence_s):
            raise Malformed("trailers after the last chunk")

    def _exactly(self, size: int, silence_s: float | None) -> Iterator[bytes]:
        while size:
            piece = self._piece(min(size, PIECE_BYTES), silence_s)
            if not piece:
                raise Gone("a body that breaks off")
            size -= len(piece)
            yield piece

    def _line(self, silence_s: float | None) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > 64:
                raise Malformed("a chunk's size without an end")
            if not self._fill(silence_s):
                raise Gone("a body that breaks off")
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _piece(self, limit: int, silence_s: float | None) -> bytes:
        if not self._buffer and not self._fill(silence_s):
            return b""
        piece, self._buffer = self._buffer[:limit], self._buffer[limit:]
        return piece

    def _fill(self, timeout_s: float | None) -> bool:
        """Wait for more bytes; false at the end. Raises ``Gone``."""
        waiting = select.poll()
        waiting.register(self.sock, select.POLLIN)
        if self.other is not None:
            waiting.register(self.other, 0)  # told of nothing but its end
        timeout_ms = None if timeout_s is None else max(1, int(timeout_s * 1000))
        ready = dict(waiting.poll(timeout_ms))
        if not ready:
            raise _Silence(f"nothing came for {timeout_s:g} s")
        if self.sock.fileno() not in ready:
            raise Gone("nobody waits for the answer any more")
        data = self.sock.recv(PIECE_BYTES)
        self._buffer += data
        return bool(data)


def lines_of(head: bytes) -> tuple[str, Headers]:
    """A head's first line, and its headers: names in lower case. Raises ``Malformed``."""
    first, *rest = head.decode("latin-1").split("\r\n")
    if len(rest) > HEADERS_LIMIT:
        raise Malformed(f"more than {HEADERS_LIMIT} headers", 431)
    pairs = []
    for line in rest:
        found = _HEADER.fullmatch(line)
        if not found:
            raise Malformed("a header that is not `Name: value` on one line, in ASCII")
        pairs.append((found[1].lower(), found[2]))
    return first, tuple(pairs)


def framing_of(headers: Headers) -> Framing | None:
    """What a head says of the body (RFC 9112, section 6); ``None`` if it says nothing.

    Raises ``Malformed``.
    """
    codings = [value for name, value in headers if name == "transfer-encoding"]
    lengths = [value for name, value in headers if name == "content-length"]
    if len(codings) + len(lengths) > 1:
        raise Malformed("more than one header says how long the body is")
    if codings:
        if codings[0].lower() != "chunked":
            raise Malformed("a transfer coding that is not `chunked`", 501)
        return Framing(chunked=True)
    if not lengths:
        return None
    if not _LENGTH.fullmatch(lengths[0]):
        raise Malformed("a Content-Length that is not one plain number")
    return Framing(int(lengths[0]))


@dataclass(slots=True)
class Tally:
    """What has passed between two sockets, and when something last did (``time.monotonic``)."""

    sent_bytes: int = 0
    received_bytes: int = 0
    moved_at: float = field(default_factory=time.monotonic)

    def sent(self, count: int) -> None:
        self.sent_bytes += count
        self.moved_at = time.monotonic()

    def received(self, count: int) -> None:
        self.received_bytes += count
        self.moved_at = time.monotonic()


def splice(
    client: socket.socket,
    server: socket.socket,
    up: Callable[[bytes], None],
    down: Callable[[bytes], None],
    tally: Tally,
    idle_s: float,
) -> None:
    """Copy both ways until both sides have ended, or nothing moved either way for ``idle_s``.

    ``up`` is given what the client sends, ``down`` what the server sends; each passes it on. An end
    is passed on as one, so that what still comes the other way isn't lost. What ``up`` or ``down``
    raise ends both ways; it is raised here, unless it is an ``OSError``: a connection that breaks is
    just the end of it.
    """
    failures: list[Exception] = []

    def run(source: socket.socket, sink: socket.socket, pass_on: Callable[[bytes], None]) -> None:
        try:
            _pump(source, pass_on, tally, idle_s)
            shut(sink, socket.SHUT_WR)
        except Exception as error:
            failures.append(error)
            shut(client, socket.SHUT_RDWR)
            shut(server, socket.SHUT_RDWR)

    for each in (client, server):
        each.settimeout(idle_s)
    back = threading.Thread(target=run, args=(server, client, down), daemon=True)
    back.start()
    run(client, server, up)
    back.join()
    for failure in failures:
        if not isinstance(failure, OSError):
            raise failure


def _pump(
    source: socket.socket, pass_on: Callable[[bytes], None], tally: Tally, idle_s: float
) -> None:
    while True:
        try:
            data = source.recv(PIECE_BYTES)
        except TimeoutError:
            if time.monotonic() - tally.moved_at < idle_s:
                continue
            raise
        if not data:
            return
        pass_on(data)


def shut(sock: socket.socket, how: int) -> None:
    """Shut a socket down; one that is shut is fine."""
    with contextlib.suppress(OSError):
        sock.shutdown(how)

"""HTTP/1.1 on a socket, read strictly: what two readers could take in two ways is refused.

The grammar is RFC 9112's, without what it only tolerates: bare line feeds, folded headers, space
before a colon, chunk extensions, trailers, a length beside a transfer coding, repeated headers.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

HEAD_LIMIT_BYTES = 32 << 10
HEADERS_LIMIT = 64
PIECE_BYTES = 1 << 16

_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.1")
_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([1-9][0-9]{2})(?: ([\t -~]*))?")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*?)[ \t]*")
_LENGTH = re.compile(r"0|[1-9][0-9]{0,17}")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")


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


@dataclass(frozen=True, slots=True)
class Request:
    """A request's head. Header names are in lower case, and each is there once."""

    method: str
    target: str
    headers: Mapping[str, str]
    framing: Framing

    @property
    def upgrade(self) -> str:
        """The protocol that the connection is to be changed to, in lower case; "" if to none."""
        asked = self.headers.get("connection", "").lower() == "upgrade"
        return self.headers.get("upgrade", "").lower() if asked else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply's head, of an engine that is trusted; header names are in lower case."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    framing: Framing


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


def parse_request(head: bytes) -> Request:
    """Read a request's head. Raises ``Malformed``."""
    first, pairs = _lines(head)
    found = _REQUEST_LINE.fullmatch(first)
    if not found:
        raise Malformed("the request line is not METHOD /path HTTP/1.1")
    headers = dict(pairs)
    if len(headers) != len(pairs):
        raise Malformed("a header is repeated")
    if "host" not in headers:
        raise Malformed("the Host header is missing")
    framing = _framing(headers) or EMPTY
    return Request(found[1], found[2], headers, framing)


def parse_reply(head: bytes, method: str) -> Reply:
    """Read the head of the reply to a request of ``method``. Raises ``Malformed`` (502)."""
    try:
        first, pairs = _lines(head)
        found = _STATUS_LINE.fullmatch(first)
        if not found:
            raise Malformed("the engine's status line is none")
        framing = _framing(dict(pairs)) or Framing()
    except Malformed as error:
        raise Malformed(f"the engine's reply: {error}", 502) from error
    status = int(found[1])
    if method == "HEAD" or status in (204, 304):
        framing = EMPTY
    return Reply(status, found[2] or "", pairs, framing)


def _lines(head: bytes) -> tuple[str, tuple[tuple[str, str], ...]]:
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


def _framing(headers: Mapping[str, str]) -> Framing | None:
    """What the headers say of the body; ``None`` if they say nothing."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if length is not None:
            raise Malformed("both Transfer-Encoding and Content-Length")
        if coding.lower() != "chunked":
            raise Malformed("a transfer coding that is not `chunked`", 501)
        return Framing(chunked=True)
    if length is None:
        return None
    if not _LENGTH.fullmatch(length):
        raise Malformed("a Content-Length that is not one plain number")
    return Framing(int(length))

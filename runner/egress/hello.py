"""The name that a TLS client asks for: the SNI of its ClientHello (RFC 8446 4.1.2, RFC 6066 3)."""

from __future__ import annotations

from dataclasses import dataclass, field

_HANDSHAKE_RECORD = 22
_RECORD_HEAD_BYTES = 5
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_MOST_BYTES = 1 << 16


class Fronted(Exception):
    """The client asks for another host than the one that it was let through to."""


@dataclass(slots=True)
class HelloGate:
    """Holds back what a client says until it is known whether that is TLS, and for whom.

    What is not TLS passes as it is: SSH, plain HTTP. A client that asks for no name passes, too.
    ``host`` is a name in lower case, or an address, which TLS never asks for by name.
    """

    host: str
    _held: bytearray = field(default_factory=bytearray)
    _at: int = 0  # where in what is held the next record begins
    _message: bytearray = field(default_factory=bytearray)
    _open: bool = False

    def passes(self, data: bytes) -> bytes:
        """What may go on, of ``data`` and of what was held back. Raises ``Fronted``."""
        if self._open:
            return data
        self._held += data
        if self._is_hello():
            if len(self._message) < 4 or len(self._message) < 4 + self._length():
                if len(self._held) > _MOST_BYTES:
                    raise Fronted("a ClientHello without an end")
                return b""
            name = _server_name(bytes(self._message[4 : 4 + self._length()]))
            if name is not None and name.lower().removesuffix(".") != self.host:
                raise Fronted(f"TLS asks for {name[:100]!r}")
        self._open = True
        return bytes(self._held)

    def _is_hello(self) -> bool:
        """Put the message together, from as many records as it comes in; false if it is none."""
        while len(self._held) > self._at:
            head = bytes(self._held[self._at : self._at + _RECORD_HEAD_BYTES])
            if head[0] != _HANDSHAKE_RECORD or head[1:2] not in (b"", b"\3"):
                if self._message:
                    raise Fronted("a ClientHello that can't be read")
                return False
            end = self._at + _RECORD_HEAD_BYTES + int.from_bytes(head[3:5], "big")
            if len(head) < _RECORD_HEAD_BYTES or len(self._held) < end:
                break
            self._message += self._held[self._at + _RECORD_HEAD_BYTES : end]
            self._at = end
            if self._message and self._message[0] != _CLIENT_HELLO:
                return False
            if len(self._message) >= 4 + self._length():
                break
        return True

    def _length(self) -> int:
        """Of the message's body, as far as it has been told."""
        return int.from_bytes(self._message[1:4], "big")


class _Incomplete(Exception):
    """There is less than there was said to be."""


class _Reader:
    """Reads fields of TLS's presentation language: integers, and vectors with their lengths."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if self.left < count:
            raise _Incomplete
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def rest(self) -> bytes:
        return self.take(self.left)

    def vector(self, size: int) -> _Reader:
        """A vector whose length is told in ``size`` bytes."""
        return _Reader(self.take(self.number(size)))


def _server_name(hello: bytes) -> str | None:
    """The name that a ClientHello's body asks for; ``None`` if it asks for none. Raises ``Fronted``
    if it is malformed or asks for several."""
    try:
        return _name_in(_Reader(hello))
    except (_Incomplete, UnicodeDecodeError):
        raise Fronted("a ClientHello that can't be read") from None


def _name_in(hello: _Reader) -> str | None:
    hello.take(2 + 32)  # version, random
    hello.vector(1)  # session
    hello.vector(2)  # cipher suites
    hello.vector(1)  # compression methods
    if not hello.left:
        return None
    names: list[str] = []
    extensions = hello.vector(2)
    while extensions.left:
        kind, body = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            entries = body.vector(2)
            while entries.left:
                entries.take(1)  # the kind of name: there is one
                names.append(entries.vector(2).rest().decode("ascii"))
    if len(names) > 1:
        raise Fronted("TLS asks for several names")
    return names[0] if names else None

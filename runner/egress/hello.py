"""The name that a TLS client asks for: the SNI of its ClientHello (RFC 8446 4.1.2, RFC 6066 3)."""

from __future__ import annotations

from dataclasses import dataclass, field

_HANDSHAKE_RECORD = 22
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
    _open: bool = False

    def passes(self, data: bytes) -> bytes:
        """What may go on, of ``data`` and of what was held back. Raises ``Fronted``."""
        if self._open:
            return data
        self._held += data
        try:
            name = _server_name(bytes(self._held))
        except _Incomplete:
            if len(self._held) > _MOST_BYTES:
                raise Fronted("a ClientHello without an end") from None
            return b""
        if name is not None and name.lower().removesuffix(".") != self.host:
            raise Fronted(f"TLS asks for {name[:100]!r}")
        self._open = True
        return bytes(self._held)


class _Incomplete(Exception):
    """More bytes are needed to tell."""


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


def _server_name(data: bytes) -> str | None:
    """The name asked for; ``None`` if none is, or if this is no TLS. Raises ``_Incomplete``, and
    ``Fronted`` for a ClientHello that is malformed or asks for several names."""
    hello = _client_hello(data)
    if hello is None:
        return None
    try:
        return _name_in(hello)
    except (_Incomplete, UnicodeDecodeError):  # it is whole, so it lies
        raise Fronted("a ClientHello that can't be read") from None


def _client_hello(data: bytes) -> _Reader | None:
    """The ClientHello's body, put together from as many records as it came in."""
    records, message = _Reader(data), b""
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4], "big"):
        if records.number(1) != _HANDSHAKE_RECORD:
            if message:
                raise Fronted("a ClientHello that can't be read")
            return None
        if records.number(1) != 3:
            return None
        records.take(1)
        message += records.take(records.number(2))
        if message and message[0] != _CLIENT_HELLO:
            return None
    return _Reader(message[4 : 4 + int.from_bytes(message[1:4], "big")])


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

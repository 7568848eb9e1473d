"""HTTP/1.1 as far as a relay has to understand it: where a message's body ends."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

_CHUNK_BYTES = 1 << 16


class Broken(Exception):
    """The other side went away in the middle of a message, or before one."""


@dataclass(frozen=True, slots=True)
class Head:
    """A message up to its body. ``first`` is the request line, or the status line."""

    raw: bytes
    first: list[str]
    fields: dict[str, str]

    @property
    def status(self) -> int:
        return int(self.first[1])

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.fields.get("transfer-encoding", "").lower()

    @property
    def length(self) -> int | None:
        text = self.fields.get("content-length")
        return None if text is None else int(text)


class Wire:
    """One connection, read through a buffer."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._rest = b""

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Broken(str(error)) from error

    def receive(self) -> bytes:
        """What has come, at least a byte; nothing at the end."""
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        try:
            return self.sock.recv(_CHUNK_BYTES)
        except OSError:
            return b""

    def head(self) -> Head:
        raw = self._until(b"\r\n\r\n")
        lines = raw.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines[1:] if line)
        fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return Head(raw, lines[0].split(" ", 2), fields)

    def body(self, head: Head, *, until_close: bool) -> Iterator[tuple[bytes, bytes]]:
        """The body, in pieces: as it came, and what it says."""
        if head.is_chunked:
            yield from self._chunks()
        elif head.length is not None:
            left = head.length
            while left:
                data = self._some(left)
                left -= len(data)
                yield data, data
        elif until_close:
            while data := self.receive():
                yield data, data

    def _chunks(self) -> Iterator[tuple[bytes, bytes]]:
        while True:
            line = self._until(b"\r\n")
            left = int(line.split(b";")[0], 16)
            if left == 0:
                yield line + self._until(b"\r\n"), b""
                return
            data = b""
            while len(data) < left:
                data += self._some(left - len(data))
            yield line + data + self._until(b"\r\n"), data

    def _some(self, most: int) -> bytes:
        data = self.receive()
        if not data:
            raise Broken("ended in the middle of a body")
        data, self._rest = data[:most], data[most:] + self._rest
        return data

    def _until(self, mark: bytes) -> bytes:
        data = b""
        while mark not in data:
            more = self.receive()
            if not more:
                raise Broken("ended in the middle of a head")
            data += more
        end = data.index(mark) + len(mark)
        data, self._rest = data[:end], data[end:]
        return data

"""The attached stream of one container: both outputs in, and its stdin.

Attached before the start, a stream loses nothing (DESIGN section 6). Reading and writing are
interleaved, because a command that is not read from stalls, and then never reads its input.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from runner.errors import Cancelled
from runner.sandbox.frames import Demux

_TICK_S = 0.2
_CHUNK = 1 << 16


class Closeable(Protocol):
    def close(self) -> None: ...


class Stream:
    """Pump bytes between a container and its caller; ``cancelled`` is asked several times a second."""

    def __init__(
        self, sock: socket.socket, cancelled: Callable[[], bool], keep: Closeable | None = None
    ) -> None:
        self._sock = sock
        self._keep = keep  # whatever owns the socket and would close it when collected
        self._cancelled = cancelled
        self._demux = Demux()
        self._outgoing = b""
        self._close_after = False
        self._poll = select.poll()  # not `select`, which can't hold descriptors above 1023
        self.is_broken = False

    def send(self, data: bytes, *, close: bool = False) -> None:
        """Queue input; it is written while ``read`` runs. ``close`` ends the command's stdin."""
        self._outgoing += data
        self._close_after = self._close_after or close
        self._push()

    @property
    def delivered(self) -> bool:
        """Whether all that was queued has been handed to the engine."""
        return not self._outgoing and not self._close_after

    @property
    def is_over(self) -> bool:
        """Whether the other side has hung up, with nothing left to read."""
        try:
            return self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def read(self, deadline: float) -> Iterator[bytes]:
        """Yield output until the stream ends; ``b""`` about five times a second when it is quiet.

        Returns at ``deadline`` (``time.monotonic``) too. ``is_broken`` tells a stream that broke off
        from one that came to an end. Raises ``Cancelled``.
        """
        while (left_s := deadline - time.monotonic()) > 0:
            if self._cancelled():
                raise Cancelled("the run was told to stop")
            events = self._wait(min(_TICK_S, left_s))
            if events & select.POLLOUT:
                self._push()
            if not events & ~select.POLLOUT:
                yield b""
                continue
            data = self._take()
            if not data:
                self.is_broken = self.is_broken or self._demux.is_midway
                return
            yield from self._demux.feed(data)

    def close(self) -> None:
        """Leave the stream for good. Closing alone would not do: while anything else refers to
        the socket it stays open and unread, and then even the engine's ``kill`` hangs."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        if self._keep:
            self._keep.close()
        self._sock.close()

    def _wait(self, seconds: float) -> int:
        """What the socket is ready for: a mask of ``select.POLL*``, 0 for nothing."""
        wanted = select.POLLIN | (0 if self.delivered else select.POLLOUT)
        self._poll.register(self._sock, wanted)
        return sum(events for _, events in self._poll.poll(max(0.0, seconds) * 1000))

    def _take(self) -> bytes:
        try:
            return self._sock.recv(_CHUNK)
        except ConnectionResetError:
            self.is_broken = True
            return b""

    def _push(self) -> None:
        """Write what fits; a command that ended without reading its input is no error."""
        try:
            if self._outgoing:
                sent = self._sock.send(self._outgoing[:_CHUNK], socket.MSG_DONTWAIT)
                self._outgoing = self._outgoing[sent:]
            if not self._outgoing and self._close_after:
                self._sock.shutdown(socket.SHUT_WR)
                self._close_after = False
        except BlockingIOError:
            pass
        except OSError:
            self._outgoing, self._close_after = b"", False

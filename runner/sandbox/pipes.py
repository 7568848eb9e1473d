"""The wire to a process on this host, with the behaviour of ``stream.Stream``."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator

from runner.errors import Cancelled

_TICK_S = 0.2
_TAIL_TICK_S = 0.02
_CHUNK = 1 << 16


class Pipes:
    """Pump bytes between a process and its caller; ``cancelled`` is asked several times a second.

    Takes over three file descriptors: ``ended`` is readable once the process has ended (a pidfd);
    ``stdin`` is the writing end of a pipe, or -1; ``output`` is the reading end of a pipe or, with
    ``tail``, a file that the process appends to. The output is over when the process is, as in a
    container: a grandchild that still holds the pipe doesn't count.
    """

    def __init__(
        self,
        ended: int,
        stdin: int,
        output: int,
        cancelled: Callable[[], bool],
        *,
        tail: bool = False,
    ) -> None:
        self._ended = ended
        self._stdin = stdin
        self._output = output
        self._awaited = not tail  # a file is always readable: there is nothing to wait for
        self._tick_s = _TAIL_TICK_S if tail else _TICK_S
        self._cancelled = cancelled
        self._outgoing = b""
        self._close_after = False
        for fd in (stdin, output):
            if fd >= 0:
                os.set_blocking(fd, False)

    def send(self, data: bytes, *, close: bool = False) -> None:
        """Queue input; it is written while ``read`` runs. ``close`` ends the process's stdin."""
        self._outgoing += data
        self._close_after = self._close_after or close
        self._push()

    @property
    def delivered(self) -> bool:
        """Whether all that was queued has been written."""
        return not self._outgoing and not self._close_after

    def read_on_at(self, offset: int) -> None:
        """Go on reading a file there, after it was cut to this length."""
        os.lseek(self._output, offset, os.SEEK_SET)

    def read(self, deadline: float) -> Iterator[bytes]:
        """Yield output until the process ends; ``b""`` when it is quiet.

        Returns at ``deadline`` (``time.monotonic``) too. Raises ``Cancelled``.
        """
        data = b""
        while (left_s := deadline - time.monotonic()) > 0:
            if self._cancelled():
                raise Cancelled("the run was told to stop")
            readers = [self._ended, self._output] if self._awaited else [self._ended]
            writers = [] if self.delivered else [self._stdin]
            tick_s = 0.0 if data else self._tick_s
            readable, writable, _ = select.select(readers, writers, [], min(tick_s, left_s))
            if writable:
                self._push()
            data = self._take()
            yield data
            if self._ended in readable and not data:
                return

    def close(self) -> None:
        """Let go of the process, which may be running still."""
        for fd in (self._ended, self._stdin, self._output):
            if fd >= 0:
                os.close(fd)
        self._ended = self._stdin = self._output = -1

    def _take(self) -> bytes:
        try:
            data = os.read(self._output, _CHUNK)
        except BlockingIOError:
            return b""
        if not data:
            self._awaited = False  # the other end was closed; the process may well go on
        return data

    def _push(self) -> None:
        """Write what fits; a process that ended without reading its input is no error."""
        if self._stdin < 0:
            self._outgoing, self._close_after = b"", False
            return
        try:
            while self._outgoing:
                sent = os.write(self._stdin, self._outgoing[:_CHUNK])
                self._outgoing = self._outgoing[sent:]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._outgoing, self._close_after = b"", True
        if self._close_after:
            os.close(self._stdin)
            self._stdin, self._close_after = -1, False

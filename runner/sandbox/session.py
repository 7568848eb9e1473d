"""A measuring container over an attached stream."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from runner.errors import EngineError
from runner.sandbox.frames import FrameReader
from runner.sandbox.logfile import LogFile
from runner.sandbox.protocol import Exit, Repetition


class Wire(Protocol):
    """Both directions of an attached process: ``stream.Stream``, ``pipes.Pipes``."""

    def send(self, data: bytes) -> None: ...

    def read(self, deadline: float) -> Iterator[bytes]: ...


class EngineSession:
    """See ``protocol.Session``. ``end_of`` says how the container ended; its argument tells
    whether the deadline of a repetition had passed, and then it kills."""

    def __init__(
        self, stream: Wire, log: LogFile, time_s: float, end_of: Callable[[bool], Exit]
    ) -> None:
        self._stream = stream
        self._log = log
        self._time_s = time_s
        self._end_of = end_of

    def repeat(self) -> Repetition:
        """Run the command once. Each repetition's word is new and can't be guessed, so a frame
        can't be forged ahead of it."""
        word = secrets.token_hex(16).encode()
        reader = FrameReader(word)
        started = time.monotonic()
        self._stream.send(word + b"\n")
        for data in self._stream.read(started + self._time_s):
            if not data:
                continue
            self._log.write(data)
            if reader.feed(data):
                return self._finish(reader, started)
        exit_ = self._end_of(time.monotonic() - started >= self._time_s)
        if exit_ is Exit.OK:
            raise EngineError("the measuring container ended without a word")
        return Repetition(
            exit_, -1, time.monotonic() - started, bytes(reader.output), reader.complete
        )

    def _finish(self, reader: FrameReader, started: float) -> Repetition:
        assert reader.code is not None
        exit_ = Exit.OK if reader.code == 0 else Exit.NONZERO
        seconds = time.monotonic() - started
        return Repetition(exit_, reader.code, seconds, bytes(reader.output), reader.complete)

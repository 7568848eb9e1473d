"""A measuring container whose loop runs the command once for each word that it is sent."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Protocol

from runner.errors import EngineUnavailable
from runner.sandbox.frames import NO_MORE_WORDS, FrameReader
from runner.sandbox.logfile import LogFile
from runner.sandbox.protocol import Exit, Repetition

_DISK_CHECK_S = 2.0


class Wire(Protocol):
    """Both directions of an attached process: ``stream.Stream``, ``pipes.Pipes``."""

    def send(self, data: bytes, *, close: bool = False) -> None: ...

    def read(self, deadline: float) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Leave it for good; a second time is fine."""


class Vessel(Protocol):
    """What a session asks of its container."""

    def is_overfull(self) -> bool:
        """Whether it wrote more than it may."""

    def exit_of(self, code: int) -> Exit:
        """What the exit code of a repetition means."""

    def end(self, *, deadline_hit: bool, disk_hit: bool) -> tuple[Exit, int]:
        """End it if a limit was hit, else wait for its end; how it ended, and its exit code.

        Raises ``EngineUnavailable`` if it goes on although its stream is over.
        """

    def has_said(self, words: bytes) -> bool:
        """Whether it has printed ``words``, by another account than the stream's."""


class LoopSession:
    """See ``protocol.Session``. ``time_s`` is the time that one repetition may take."""

    def __init__(self, wire: Wire, log: LogFile, time_s: float, vessel: Vessel) -> None:
        self._wire = wire
        self._log = log
        self._time_s = time_s
        self._vessel = vessel
        self._disk_check_at = time.monotonic() + _DISK_CHECK_S
        self._finished = False

    def repeat(self) -> Repetition:
        """Run the command once. Each repetition's word is new and can't be guessed, so a frame
        can't be forged ahead of it. Raises ``EngineUnavailable`` if the engine lost it."""
        word = secrets.token_hex(16).encode()
        reader = FrameReader(word)
        started = time.monotonic()
        deadline = started + self._time_s
        self._wire.send(word + b"\n")
        disk_hit = self._hits_disk_limit()
        for data in () if disk_hit else self._wire.read(deadline):
            self._log.write(data)
            if reader.feed(data):
                return _repetition(self._vessel.exit_of(_code(reader)), reader, started)
            disk_hit = self._hits_disk_limit()
            if disk_hit:
                break
        deadline_hit = not disk_hit and time.monotonic() >= deadline
        if deadline_hit or disk_hit:
            self._wire.close()  # who prints without end can't be killed while nobody reads
        exit_, code = self._vessel.end(deadline_hit=deadline_hit, disk_hit=disk_hit)
        if exit_ is not Exit.DISK:
            self._demand_no_fault(reader, code)
        # A loop that ends well without a word was made to: by the command, for nobody else was there.
        return _repetition(Exit.NONZERO if exit_ is Exit.OK else exit_, reader, started)

    def _demand_no_fault(self, reader: FrameReader, code: int) -> None:
        """No frame came. Raises ``EngineUnavailable`` if that is the stream's fault: the loop has
        said the word, or it ended because no word came in any more, which only we can bring about."""
        if code == NO_MORE_WORDS and not self._finished:
            raise EngineUnavailable("the engine cut off a measuring container's input")
        if self._vessel.has_said(b"\n" + reader.word + b" "):
            raise EngineUnavailable("the engine lost the end of a measuring container's output")

    def finish(self) -> None:
        """The loop ends with its input, and the container with the loop."""
        self._finished = True
        self._wire.send(b"", close=True)

    def _hits_disk_limit(self) -> bool:
        """Look at the disk, but not often: it takes longer than a short repetition."""
        if time.monotonic() < self._disk_check_at:
            return False
        overfull = self._vessel.is_overfull()
        self._disk_check_at = time.monotonic() + _DISK_CHECK_S
        return overfull


def _code(reader: FrameReader) -> int:
    assert reader.code is not None
    return reader.code


def _repetition(exit_: Exit, reader: FrameReader, started: float) -> Repetition:
    """``code`` is -1 where the command didn't come to its end."""
    code = -1 if reader.code is None else reader.code
    seconds = time.monotonic() - started
    return Repetition(exit_, code, seconds, reader.collected(), reader.complete)

"""A repetition whose word never comes back: the command's doing, or the engine's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runner.errors import EngineUnavailable
from runner.sandbox.frames import NO_MORE_WORDS
from runner.sandbox.logfile import LogFile
from runner.sandbox.protocol import Exit
from runner.sandbox.session import LoopSession


@dataclass
class Wire:
    """Answers each word with ``replies``, in which ``WORD`` stands for it; then it is over."""

    replies: list[bytes]
    word: bytes = b""

    def send(self, data: bytes, *, close: bool = False) -> None:
        del close
        self.word = data.strip() or self.word

    def read(self, deadline: float) -> Iterator[bytes]:
        del deadline
        for reply in self.replies:
            yield reply.replace(b"WORD", self.word)


@dataclass
class Vessel:
    """A container that ended as ``ended``, and whose log holds ``log``."""

    ended: tuple[Exit, int]
    log: bytes = b""
    asked: list[bytes] = field(default_factory=list)

    def is_overfull(self) -> bool:
        return False

    def exit_of(self, code: int) -> Exit:
        return Exit.NONZERO if code else Exit.OK

    def end(self, *, deadline_hit: bool, disk_hit: bool) -> tuple[Exit, int]:
        del deadline_hit, disk_hit
        return self.ended

    def has_said(self, words: bytes) -> bool:
        self.asked.append(words)
        return re.sub(rb"[0-9a-f]{32}", b"WORD", words) in self.log


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogFile]:
    with LogFile(tmp_path / "log", 1000) as log:
        yield log


def session(log: LogFile, vessel: Vessel, *replies: bytes) -> LoopSession:
    return LoopSession(Wire(list(replies)), log, 10.0, vessel)


def test_a_word_that_comes_back_ends_a_repetition(log: LogFile) -> None:
    repetition = session(log, Vessel((Exit.OK, 0)), b"out\nWO", b"RD", b"\nWORD 3\n").repeat()
    assert (repetition.exit, repetition.code) == (Exit.NONZERO, 3)
    assert repetition.output.startswith(b"out\n")


@pytest.mark.parametrize(
    ("ended", "exit_"),
    [
        ((Exit.OK, 0), Exit.NONZERO),  # somebody made the loop end well
        ((Exit.NONZERO, 137), Exit.NONZERO),
        ((Exit.NONZERO, 1), Exit.NONZERO),
        ((Exit.OOM, 137), Exit.OOM),
        ((Exit.TIMEOUT, 137), Exit.TIMEOUT),
        ((Exit.DISK, 137), Exit.DISK),
    ],
)
def test_a_loop_that_ended_otherwise_is_the_commands_failure(
    log: LogFile, ended: tuple[Exit, int], exit_: Exit
) -> None:
    repetition = session(log, Vessel(ended), b"half").repeat()
    assert (repetition.exit, repetition.code, repetition.output) == (exit_, -1, b"half")


@pytest.mark.parametrize(
    "vessel",
    [
        Vessel((Exit.NONZERO, NO_MORE_WORDS)),  # its input ended, and not by us
        Vessel((Exit.OK, 0), b"out\nWORD 0\n"),  # it has said the word, and we have not heard it
        Vessel((Exit.TIMEOUT, 137), b"out\nWORD 1\n"),
        Vessel((Exit.NONZERO, 137), b"out\nWORD 1\n"),
    ],
)
def test_a_stream_that_was_cut_is_the_engines_failure(log: LogFile, vessel: Vessel) -> None:
    with pytest.raises(EngineUnavailable):
        session(log, vessel, b"ou").repeat()


def test_after_its_end_a_session_may_end_for_want_of_words(log: LogFile) -> None:
    ending = session(log, Vessel((Exit.NONZERO, NO_MORE_WORDS)))
    ending.finish()
    assert ending.repeat().exit is Exit.NONZERO

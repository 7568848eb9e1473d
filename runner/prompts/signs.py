"""What a failed command's log says of the failure: which tests, where, in what words.

Read are the ways in which pytest, unittest, Jest, Vitest, Mocha, node:test, Playwright, Go, Cargo
and nextest, RSpec, Minitest, PHPUnit, ExUnit, TAP, Bats, CTest, Maven, Gradle, .NET and XCTest tell of
failures, and compilers of errors (GCC, Clang, rustc, go, tsc, javac).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from runner.measure.lines import Skipped, clean_lines
from runner.prompts import patterns
from runner.report.text import clean

MOST = 20  # tests, places and messages that are kept, of each
LAST_LINES = 8
_READ_LINES = 2000  # from the first sign of a failure on, and again at the end of the log
_LINE_CHARS = 500  # that are looked at
_NAME_CHARS, _MESSAGE_CHARS = 200, 300


@dataclass(frozen=True, slots=True)
class Signs:
    """What a log tells, each at most once, in the order of the log. ``places`` are ``file:line``,
    files relative to the workspace. ``last`` are the last lines that aren't empty."""

    tests: tuple[str, ...]
    places: tuple[str, ...]
    messages: tuple[str, ...]
    last: tuple[str, ...]


def signs(log: Iterable[bytes]) -> Signs:
    """Read a log once, in bounded memory; it may say anything."""
    reader = _Reader()
    end: deque[str] = deque(maxlen=_READ_LINES)
    last: deque[str] = deque(maxlen=LAST_LINES)
    read = 0
    for _, line in clean_lines(log, Skipped()):
        text = line[:_LINE_CHARS]
        if not text:
            continue
        last.append(text)
        if read < _READ_LINES:
            read += reader.read(text)
        else:
            end.append(text)
    for text in end:
        reader.read(text)
    return Signs(
        tuple(reader.tests),
        tuple(reader.places),
        tuple(reader.messages),
        tuple(clean(text, _MESSAGE_CHARS) for text in last),
    )


class _Reader:
    def __init__(self) -> None:
        self.tests: dict[str, None] = {}
        self.places: dict[str, None] = {}
        self.messages: dict[str, None] = {}
        self._failing = False
        self._skipped = False
        self._words_follow = False

    def read(self, text: str) -> bool:
        """Look at a line; whether it had to be looked at closely."""
        self._failing = self._failing or patterns.BAD.search(text) is not None
        if not self._failing:
            return False
        if patterns.SKIPPED.fullmatch(text):
            self._skipped = True
        elif patterns.SKIPPED_NO_MORE.fullmatch(text):
            self._skipped = False
        if not self._skipped:
            self._read_message(text, self._read_test(text))
            self._read_places(text)
        return True

    def _read_test(self, text: str) -> bool:
        for pattern in patterns.TESTS:
            if match := pattern.fullmatch(text):
                found = match.groupdict()
                _note(self.tests, found["test"], _NAME_CHARS)
                _note(self.messages, found.get("message") or "", _MESSAGE_CHARS)
                return True
        return False

    def _read_message(self, text: str, is_test: bool) -> None:
        if self._words_follow:
            _note(self.messages, text, _MESSAGE_CHARS)
        self._words_follow = patterns.WORDS_FOLLOW.match(text) is not None
        if is_test:
            return
        for pattern in patterns.MESSAGES:
            if match := pattern.fullmatch(text):
                _note(self.messages, match["message"], _MESSAGE_CHARS)
                return

    def _read_places(self, text: str) -> None:
        if patterns.NO_PLACE.search(text):
            return
        for pattern in patterns.PLACES:
            for match in pattern.finditer(text):
                file = patterns.AT_HOME.sub("", match["file"])
                if not patterns.ELSEWHERE.search(file):
                    _note(self.places, f"{file}:{match['line']}", _NAME_CHARS)


def _note(known: dict[str, None], text: str, chars: int) -> None:
    shown = clean(text, chars)
    if shown and len(known) < MOST:
        known.setdefault(shown)

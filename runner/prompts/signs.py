"""What a failed command's log says of the failure: which tests, where, in what words.

Read are the ways in which pytest, unittest, Jest, Vitest, Mocha, Go, Cargo and nextest, RSpec,
Minitest, PHPUnit, ExUnit, TAP, CTest, Maven and .NET tell of failures, and compilers of errors
(GCC, Clang, rustc, go, tsc); of anything else, what looks like an error.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from runner.measure.lines import Skipped, clean_lines
from runner.report.text import clean

MOST = 20  # tests, places and messages that are kept, of each
LAST_LINES = 8
_LOOKED_AT_CHARS = 500
_NAME_CHARS, _MESSAGE_CHARS = 200, 300

_TESTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:FAILED|ERROR) (?P<test>\S+\.py(?:::.+?)?)(?: - (?P<message>.+))?",  # pytest
        r"(?:FAIL|ERROR): (?P<test>\w+ \([\w.]+\)).*",  # unittest
        r"\s*● (?!Console)(?P<test>.+)",  # Jest
        r"\s*(?:FAIL|×)  ?(?P<test>\S+ > .+)",  # Vitest
        r"\s*--- FAIL: (?P<test>\S+) \([0-9.]+s\)",  # Go
        r"test (?P<test>\S.*) \.\.\. FAILED",  # Cargo
        r"\s+(?:FAIL|SIGABRT|TIMEOUT) \[ *[0-9.]+s\] (?:\([^)]*\) )?(?P<test>.+)",  # nextest
        r"rspec (?P<place>\./[^:\[]+:[0-9]+) # (?P<test>.+)",  # RSpec
        r"(?P<test>\w+#\w+) \[(?P<place>[^\]]+:[0-9]+)\]:",  # Minitest
        r"\[ERROR\] +(?P<test>[\w$.]+\.\w+):[0-9]+(?: (?P<message>.+))?",  # Maven
        r"\s*not ok [0-9]+ (?:- )?(?P<test>(?!.*# (?i:skip|todo)).+)",  # TAP, Bats, node:test
        r"\s+[0-9]+ - (?P<test>\S+) \((?:Failed|Timeout|SEGFAULT|Not Run)\).*",  # CTest
        r"\s+Failed (?P<test>\S.*) \[[^\]]+\]",  # .NET
        r" {0,4}[0-9]+\) (?!(?:Failure|Error):)(?P<test>\S.*)",  # PHPUnit, ExUnit, Mocha, RSpec
    )
)
_MESSAGES = tuple(
    re.compile(pattern)
    for pattern in (
        r"E {3,}(?P<message>\S.*)",  # pytest
        r"\s*(?P<message>[\w.]*(?:Error|Exception|Failure)(?: \[\w+\])?: .+)",  # Python, JavaScript, Java
        r"(?P<message>[\w.]*(?:Error|Exception))",  # Python, without words of its own
        r"\s*\S+\.go:[0-9]+: (?P<message>.+)",  # Go
        r"(?P<message>panic: .+)",
        r"thread '.+' (?:\([0-9]+\) )?panicked at '(?P<message>.+)', \S+",  # Rust before 1.73
        r"\s*(?P<message>Failure/Error: .+)",  # RSpec
        r"(?P<message>Failed asserting that .+)",  # PHPUnit
        r"\s*(?P<message>(?:expected|received|actual|got|left|right)\b[\w ]*: .+)",
        r"(?:.*\W)?(?P<message>(?:fatal )?error(?:\[\w+\]| \w+)?: .+)",  # compilers
        r".*(?P<message>(?:undefined|multiple) (?:reference|definition) .+)",  # linkers
    )
)
# The next line has the words: Rust since 1.73.
_PANICKED = re.compile(r"thread '.+' (?:\([0-9]+\) )?panicked at \S+:$")

_SOURCES = (
    r"py|pyx|js|jsx|mjs|cjs|ts|tsx|mts|vue|svelte|go|rs|rb|php|c|cc|cpp|cxx|h|hh|hpp|java|kt|kts|scala"
    r"|cs|fs|vb|ex|exs|erl|sh|bats|swift|m|mm|lua|pl|pm|zig|jl|hs|ml|f90|s|S"
)
_FILE = rf"(?P<file>[\w./@+~\\-]*\w\.(?:{_SOURCES}))"
_PLACES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_FILE}(?::line |:)(?P<line>[0-9]+)",
        rf'File "{_FILE}", line (?P<line>[0-9]+)',
        rf"{_FILE}\((?P<line>[0-9]+),[0-9]+\)",
    )
)
_BAD = re.compile(r"(?i:fail|error|panic|assert|exception|not ok|traceback|undefined)|●|✗|×|^E  ")
_WARNING = re.compile(r"(?i:warning)")
# Of a place in what others wrote, or in a runtime, nobody learns what to mend.
_ELSEWHERE = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|node_modules|vendor|rustc|\.cargo|gems|internal)/|^/usr/|^node:"
)
_AT_HOME = re.compile(r"^(?:/workspace/|\./)+")


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
    for _, text in clean_lines(log, Skipped()):
        if text:
            reader.read(text[:_LOOKED_AT_CHARS])
    last = tuple(clean(text, _MESSAGE_CHARS) for text in reader.last)
    return Signs(tuple(reader.tests), tuple(reader.places), tuple(reader.messages), last)


class _Reader:
    def __init__(self) -> None:
        self.tests: dict[str, None] = {}
        self.places: dict[str, None] = {}
        self.messages: dict[str, None] = {}
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self._failing = False  # something has failed by now: places before it mean nothing
        self._words_follow = False

    def read(self, text: str) -> None:
        self.last.append(text)
        if self._words_follow:
            _note(self.messages, text, _MESSAGE_CHARS)
            self._words_follow = False
        bad = _BAD.search(text) is not None
        self._failing = self._failing or bad
        if self._failing:
            self._read_test(text)
            self._read_message(text)
            self._read_places(text)

    def _read_test(self, text: str) -> None:
        for pattern in _TESTS:
            if match := pattern.fullmatch(text):
                found = match.groupdict()
                _note(self.tests, found["test"], _NAME_CHARS)
                _note(self.messages, found.get("message") or "", _MESSAGE_CHARS)
                return

    def _read_message(self, text: str) -> None:
        self._words_follow = _PANICKED.match(text) is not None
        for pattern in _MESSAGES:
            if match := pattern.fullmatch(text):
                _note(self.messages, match["message"], _MESSAGE_CHARS)
                return

    def _read_places(self, text: str) -> None:
        if _WARNING.search(text):
            return
        for pattern in _PLACES:
            for match in pattern.finditer(text):
                file = _AT_HOME.sub("", match["file"])
                if not _ELSEWHERE.search(file):
                    _note(self.places, f"{file}:{match['line']}", _NAME_CHARS)


def _note(known: dict[str, None], text: str, chars: int) -> None:
    shown = clean(text, chars)
    if shown and len(known) < MOST:
        known.setdefault(shown)

"""What a test report says, whatever its format, in bounded memory."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from runner.measure.reports.text import clean

MAX_CASES = 100_000
MAX_INPUT_BYTES = 64 << 20
MAX_TEXT_CHARS = 16 << 20  # names and messages together
MAX_NAME_CHARS = 300
MAX_MESSAGE_CHARS = 500


class Format(StrEnum):
    """How a test runner writes its results down."""

    JUNIT = "junit"
    TAP = "tap"
    GO_JSON = "go-json"
    JEST_JSON = "jest-json"
    MOCHA_JSON = "mocha-json"
    RSPEC_JSON = "rspec-json"
    PLAYWRIGHT_JSON = "playwright-json"
    TRX = "trx"
    CARGO_TEXT = "cargo-text"


class Status(StrEnum):
    """How a test ended. An error is a failure outside of what the test asserts."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"

    @property
    def bad(self) -> bool:
        return self in (Status.FAILED, Status.ERROR)


@dataclass(frozen=True, slots=True)
class TestCase:
    """One test. ``name`` is unique within its report: the file, class or suites that it is in and
    its own name, joined by `` > ``; what has the same name again gets `` #2``, `` #3``.

    ``message`` is one line: the failure's type first, then what it says; for a skipped test, the
    reason. ``seconds`` is ``None`` where the report doesn't say.
    """

    __test__: ClassVar[bool] = False  # not a class of tests, though its name begins like one

    name: str
    status: Status
    message: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """``problem`` says what is wrong with the report as such; "" if it is whole. The cases that
    were read before the problem are kept. ``truncated``: it was larger than what is read."""

    cases: tuple[TestCase, ...]
    problem: str = ""
    truncated: bool = False

    @property
    def ran(self) -> int:
        """How many tests ran: all but the skipped ones."""
        return sum(case.status is not Status.SKIPPED for case in self.cases)


MISSING = Report((), "was not written")


class Unreadable(Exception):
    """The rest of a report can't be read; the message completes "the report ..."."""


class TooLarge(Unreadable):
    """The rest of a report isn't read, because of its size."""


class Cases:
    """Collects the cases of one report, gives them unique names, and keeps within the limits."""

    def __init__(self) -> None:
        self._found: list[TestCase] = []
        self._times: dict[str, int] = {}
        self._chars = 0

    def add(
        self,
        name: Sequence[str],
        status: Status,
        message: str = "",
        seconds: float | None = None,
    ) -> None:
        """Note a case. ``name`` is outermost first; empty parts are passed over.

        Raises ``TooLarge`` when there are more cases, or longer ones, than are kept.
        """
        if len(self._found) >= MAX_CASES:
            raise TooLarge(f"has more than {MAX_CASES:,} tests")
        case = TestCase(
            self._unique(_joined(name)),
            status,
            clipped(clean(message), MAX_MESSAGE_CHARS),
            _duration(seconds),
        )
        self._chars += len(case.name) + len(case.message)
        if self._chars > MAX_TEXT_CHARS:
            raise TooLarge(f"has names and messages of more than {MAX_TEXT_CHARS:,} characters")
        self._found.append(case)

    @property
    def found(self) -> tuple[TestCase, ...]:
        return tuple(self._found)

    def _unique(self, name: str) -> str:
        unique = name
        while unique in self._times:
            self._times[name] += 1
            unique = f"{name} #{self._times[name]}"
        self._times[unique] = 1
        return unique


def _joined(parts: Sequence[str]) -> str:
    """One name of parts. One that is too long ends in a digest of all of it, so that it is still
    the same in each report, and no other's."""
    name = " > ".join(text for part in parts if (text := clean(part))) or "(unnamed)"
    if len(name) <= MAX_NAME_CHARS:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: MAX_NAME_CHARS - 14]}… {digest}"


def clipped(text: str, chars: int) -> str:
    """The beginning of ``text``, which ends in an ellipsis if that isn't all."""
    return text if len(text) <= chars else text[: chars - 1] + "…"


def _duration(seconds: float | None) -> float | None:
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    return round(seconds, 6)

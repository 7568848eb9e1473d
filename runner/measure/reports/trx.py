"""TRX, the results of ``dotnet test --logger trx`` (Visual Studio's schema of 2010).

``UnitTestResult`` elements name a test, which for some frameworks is only the method: its class
then is in the ``UnitTest`` element that has the result's ``testId``, further down.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from runner.measure.reports.cases import MAX_CASES, Cases, Status, TooLarge, Unreadable
from runner.measure.reports.text import READ_CHARS, clean, essence
from runner.measure.reports.xml_events import read_xml

_STATUSES = {
    "passed": Status.PASSED,
    "passedbutrunaborted": Status.PASSED,
    "completed": Status.PASSED,
    "warning": Status.PASSED,
    "failed": Status.FAILED,
    "notexecuted": Status.SKIPPED,
    "notrunnable": Status.SKIPPED,
    "inconclusive": Status.SKIPPED,
    "disconnected": Status.ERROR,
    "error": Status.ERROR,
    "timeout": Status.ERROR,
    "aborted": Status.ERROR,
    "inprogress": Status.ERROR,
    "pending": Status.ERROR,
}
# Among the errors of a run there also is a line for each test that failed.
_ABORTED = re.compile(r"\brun (?:was )?aborted\b", re.IGNORECASE)


@dataclass(slots=True)
class _Result:
    name: str
    test_id: str
    status: Status
    seconds: float | None
    message: str = ""
    parent: bool = False  # of the rows of a data-driven test, which are the tests


def read_trx(chunks: Iterable[bytes], cases: Cases) -> None:
    """Collect the results. Raises ``Unreadable`` (``cases`` keeps what came before)."""
    run = _Run()
    try:
        read_xml(chunks, run)
    finally:
        run.add_to(cases)
    if run.aborted:
        raise Unreadable(f"says that the run was broken off: {clean(run.aborted)}")


@dataclass(slots=True)
class _Run:
    results: list[_Result] = field(default_factory=list)
    classes: dict[str, str] = field(default_factory=dict)  # by the test's id
    aborted: str = ""
    _open: list[_Result] = field(default_factory=list)
    _test_id: str = ""
    _tags: list[str] = field(default_factory=list)
    _said: list[str] = field(default_factory=list)
    _chars: int = 0
    _failed: bool = False  # the run information that is open tells an error

    def opened(self, tag: str, attributes: dict[str, str], depth: int) -> None:
        if depth == 1 and tag != "TestRun":
            raise Unreadable(f"is no TRX: it begins with <{tag[:40]}>")
        self._tags.append(tag)
        match tag:
            case "UnitTestResult":
                self._begin(attributes)
            case "UnitTest":
                self._test_id = attributes.get("id", "")[:100]
            case "TestMethod" if len(self.classes) < MAX_CASES:
                self.classes[self._test_id] = attributes.get("className", "")[:READ_CHARS]
            case "RunInfo":
                self._failed = attributes.get("outcome", "").lower() in (
                    "error",
                    "failed",
                    "aborted",
                )
            case "ResultSummary" if attributes.get("outcome", "").lower() == "aborted":
                self.aborted = self.aborted or "aborted"
            case "Message" | "StackTrace" | "Text":
                self._said, self._chars = [], 0
            case _:
                pass

    def text(self, text: str) -> None:
        if self._tags and self._tags[-1] in ("Message", "Text") and self._chars < READ_CHARS:
            self._said.append(text)
            self._chars += len(text)

    def closed(self, tag: str) -> None:
        self._tags.pop()
        if tag == "UnitTestResult":
            self._open.pop()
        elif tag == "Message" and self._tags[-1:] == ["ErrorInfo"] and self._open:
            result = self._open[-1]
            result.message = result.message or essence("", "".join(self._said))[:READ_CHARS]
        elif tag == "Text" and self._failed and _ABORTED.search(said := "".join(self._said)):
            self.aborted = said
        elif tag == "RunInfo":
            self._failed = False

    def _begin(self, attributes: dict[str, str]) -> None:
        if len(self.results) >= MAX_CASES:
            raise TooLarge(f"has more than {MAX_CASES:,} tests")
        if self._open:
            self._open[-1].parent = True
        told = attributes.get("outcome", "").lower()
        result = _Result(
            attributes.get("testName", "")[:READ_CHARS],
            attributes.get("testId", "")[:100],
            _STATUSES.get(told, Status.ERROR),
            _seconds(attributes.get("duration", "")),
            "" if told in _STATUSES else f"has the unknown outcome {told[:40]!r}",
        )
        self.results.append(result)
        self._open.append(result)

    def add_to(self, cases: Cases) -> None:
        for result in self.results:
            if not result.parent:
                outer = self.classes.get(result.test_id, "").partition(",")[0]
                known = result.name.startswith(outer)
                name = (result.name,) if known else (outer, result.name)
                cases.add(name, result.status, result.message, result.seconds)


def _seconds(text: str) -> float | None:
    """``hh:mm:ss.fffffff``, as .NET writes a time span of less than a day."""
    parts = text.split(":")
    try:
        hours, minutes, seconds = (float(part[:20]) for part in parts)
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds

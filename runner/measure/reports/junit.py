"""JUnit XML, as it is written by nearly every test runner, and by no two of them alike.

What they have in common (https://github.com/testmoapp/junitxml collects it): ``testcase`` elements
below ``testsuites`` or (nested) ``testsuite`` elements, with ``name``, ``classname``, ``file`` and
``time``, and a ``failure``, ``error`` or ``skipped`` element within one that didn't pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from runner.measure.reports.cases import MAX_MESSAGE_CHARS, Cases, Status, Unreadable
from runner.measure.reports.text import READ_CHARS, essence
from runner.measure.reports.xml_events import read_xml

_VERDICTS = {"failure": Status.FAILED, "error": Status.ERROR, "skipped": Status.SKIPPED}
_OUTPUTS = ("system-out", "system-err")
# Those whose verdict is in an attribute: GoogleTest ("notrun", "suppressed"), CTest ("disabled",
# "fail"), and others.
_STATUSES = {
    "skipped": Status.SKIPPED,
    "notrun": Status.SKIPPED,
    "suppressed": Status.SKIPPED,
    "disabled": Status.SKIPPED,
    "ignored": Status.SKIPPED,
    "fail": Status.FAILED,
    "failed": Status.FAILED,
    "failure": Status.FAILED,
    "error": Status.ERROR,
}
# Names that some runners give to all their suites, or classes: they tell nothing apart.
_CONSTANT = {"pytest", "test", "TestResults", "(empty)"}
_STAMP = re.compile(r"-[0-9]{14}$")  # xmlrunner puts the time behind the suite's name


def read_junit(chunks: Iterable[bytes], cases: Cases) -> None:
    """Collect the test cases. Raises ``Unreadable`` (``cases`` keeps what came before)."""
    read_xml(chunks, _Suites(cases))


class _Suites:
    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        self._suites: list[str] = []
        self._case: dict[str, str] | None = None
        self._verdict: Status | None = None
        self._attributes: dict[str, str] = {}  # of the verdict's element
        self._text: list[str] | None = None  # its body, while it is open
        self._chars = 0
        self._body = ""
        self._printing = False
        self._printed = ""  # the end of what the test printed

    def opened(self, tag: str, attributes: dict[str, str], depth: int) -> None:
        if depth == 1 and tag not in ("testsuites", "testsuite"):
            raise Unreadable(f"is no JUnit XML: it begins with <{tag[:40]}>")
        if tag == "testcase":
            if self._case is not None:
                raise Unreadable("has a test case within a test case")
            self._case = attributes
        elif tag == "testsuite" and self._case is None:
            self._suites.append(_STAMP.sub("", attributes.get("name", "")))
        elif tag in _VERDICTS and (self._case is not None or _VERDICTS[tag].bad):
            self._judge(_VERDICTS[tag], attributes)
        elif tag in _OUTPUTS and self._case is not None:
            self._printing = True

    def text(self, text: str) -> None:
        if self._printing:
            self._printed = (self._printed + text)[-MAX_MESSAGE_CHARS:]
        elif self._text is not None and self._chars < READ_CHARS:
            self._text.append(text)
            self._chars += len(text)

    def closed(self, tag: str) -> None:
        if tag == "testcase":
            self._add()
        elif tag == "testsuite" and self._case is None:
            self._suites.pop()
        elif tag in _OUTPUTS:
            self._printing = False
        elif self._text is not None and tag in _VERDICTS:
            self._body, self._text = "".join(self._text), None
            if self._case is None:  # a suite that failed outside of its cases
                self._case = {}
                self._add()

    def _judge(self, verdict: Status, attributes: dict[str, str]) -> None:
        """The first failure is the verdict, and a failure weighs more than a skip; but node:test
        notes the failure of a test that is still to be made to pass beside its "todo"."""
        if self._attributes.get("type") == "todo":
            return
        todo = verdict is Status.SKIPPED and attributes.get("type") == "todo"
        if todo or self._verdict is None or (verdict.bad and not self._verdict.bad):
            self._verdict, self._attributes = verdict, attributes
            self._text, self._chars, self._body = [], 0, ""

    def _add(self) -> None:
        case = self._case or {}
        status = self._verdict or _told(case)
        kind, message = self._attributes.get("type", ""), self._attributes.get("message", "")
        said = ""
        if status.bad:  # CTest says what a failed test printed, and no more
            said = essence(kind, message, self._body) or essence("", self._printed)
        elif status is Status.SKIPPED:
            said = message or self._body or kind
        self._cases.add(self._name(case), status, said, _seconds(case.get("time", "")))
        self._case, self._verdict, self._attributes = None, None, {}
        self._body = self._printed = ""

    def _name(self, case: dict[str, str]) -> tuple[str, ...]:
        """Suites, then the class (or the file), then the test, without what is said twice."""
        name = case.get("name", "")
        inner = case.get("classname") or case.get("class") or case.get("file", "")
        inner = "" if inner in _CONSTANT or inner == name else inner
        known = inner.replace("\\", ".")
        outer = (suite for suite in self._suites if suite not in _CONSTANT)
        return (*(s for s in outer if s.replace("\\", ".") not in (known, name)), inner, name)


def _told(case: dict[str, str]) -> Status:
    """The verdict that the attributes of a test case give."""
    for key in ("result", "status"):
        if status := _STATUSES.get(case.get(key, "").lower()):
            return status
    return Status.PASSED


def _seconds(text: str) -> float | None:
    """``0.25``, or ``1,234.5`` as Maven writes it."""
    try:
        return float(text.replace(",", "")) if len(text) < 40 else None
    except ValueError:
        return None

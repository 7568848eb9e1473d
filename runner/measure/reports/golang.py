"""The events of ``go test -json``, one JSON object a line (https://pkg.go.dev/cmd/test2json).

A test that has subtests is one itself only if it failed and none of them did. A package that
fails without a failed test (it doesn't build, its ``TestMain`` exits) is a test by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from runner.measure.formats import parse_json
from runner.measure.reports.cases import MAX_CASES, Cases, Status, TooLarge, Unreadable
from runner.measure.reports.json_fields import number_of, text_of
from runner.measure.reports.lines import report_lines
from runner.measure.reports.text import essence

_ENDS = {
    "pass": Status.PASSED,
    "bench": Status.PASSED,
    "fail": Status.FAILED,
    "skip": Status.SKIPPED,
}
_OUTPUT_CHARS = 2000
_SLASHES = 20
# What the runner itself prints around a test's own output.
_FRAME = re.compile(r"\s*(?:=== |--- |PASS$|FAIL$|FAIL\t\S+\t|ok  ?\t|exit status [0-9]+$|# )")


class _Output:
    """The beginning of what was printed, without the runner's frame."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._chars = 0

    def add(self, text: str) -> None:
        if self._chars < _OUTPUT_CHARS and not _FRAME.match(text):
            self._lines.append(text[:_OUTPUT_CHARS])
            self._chars += len(text)

    @property
    def message(self) -> str:
        return essence("", "".join(self._lines))


@dataclass(slots=True)
class _Test:
    name: str
    status: Status | None = None  # while it runs
    message: str = ""
    seconds: float | None = None
    output: _Output | None = field(default_factory=_Output)

    def end(self, status: Status, seconds: float | None) -> None:
        self.status, self.seconds = status, seconds
        if self.output and status is not Status.PASSED:
            self.message = self.output.message
        self.output = None


@dataclass(slots=True)
class _Package:
    """``all`` are its tests in the order in which they began, ``last`` the latest of each name."""

    all: list[_Test] = field(default_factory=list)
    last: dict[str, _Test] = field(default_factory=dict)
    output: _Output = field(default_factory=_Output)


def read_go(chunks: Iterable[bytes], cases: Cases) -> None:
    """Collect the tests. Raises ``Unreadable`` (``cases`` keeps the packages that ended)."""
    events = _Events(cases)
    line = ""
    for line in report_lines(chunks):
        # What isn't JSON is what compilers and the go command print.
        if line.startswith("{") and isinstance(pairs := parse_json(line), tuple):
            event = dict(pairs)
            if len(event) < len(pairs):
                raise Unreadable("has an event in which a key is there twice")
            events.read(event)
    if line.startswith("{") and parse_json(line) is None:
        raise Unreadable("ends in the middle of an event")
    events.end()


class _Events:
    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        self._open: dict[str, _Package] = {}
        self._held = 0
        self._builds: dict[str, _Output] = {}
        self._any = False

    def read(self, event: Mapping[str, object]) -> None:
        action, package, test = (text_of(event, key) for key in ("Action", "Package", "Test"))
        if action == "build-output":
            build = self._builds.setdefault(text_of(event, "ImportPath"), _Output())
            build.add(text_of(event, "Output"))
        if not package:
            return
        self._any = True
        held = self._open.setdefault(package, _Package())
        if test:
            self._read_test(held, test, action, event)
        elif action == "output":
            held.output.add(text_of(event, "Output"))
        elif status := _ENDS.get(action):
            self._end_package(package, status, event)

    def _read_test(
        self, package: _Package, name: str, action: str, event: Mapping[str, object]
    ) -> None:
        test = package.last.get(name)
        if test is None or (action == "run" and test.status is not None):
            self._held += 1
            if self._held > MAX_CASES:
                raise TooLarge(f"has more than {MAX_CASES:,} tests in packages that go on")
            test = package.last[name] = _Test(name)
            package.all.append(test)
        if action == "output" and test.output:
            test.output.add(text_of(event, "Output"))
        elif (status := _ENDS.get(action)) and test.status is None:
            test.end(status, number_of(event, "Elapsed"))

    def _end_package(self, name: str, status: Status, event: Mapping[str, object]) -> None:
        package = self._open.pop(name)
        self._held -= len(package.all)
        failed = False
        for test in _leaves(package.all):
            failed = failed or test.status is None or test.status.bad
            self._cases.add(
                (name, test.name), test.status or Status.ERROR, test.message, test.seconds
            )
        if status.bad and not failed:
            build = self._builds.get(text_of(event, "FailedBuild"))
            self._cases.add((name,), Status.ERROR, (build or package.output).message)

    def end(self) -> None:
        if self._open:
            raise Unreadable(f"ends in the middle: the package {next(iter(self._open))} goes on")
        if not self._any:
            raise Unreadable("has no event of go test -json in it, or is empty")


def _leaves(tests: list[_Test]) -> Iterator[_Test]:
    """The tests without those that only stand for their subtests; one that never ended failed."""
    for test in tests:
        if test.status is None:
            test.message = f"didn't end: {test.output.message if test.output else ''}".rstrip(": ")
    parents = {above for test in tests for above in _above(test.name)}
    blamed = {above for test in tests if not _good(test) for above in _above(test.name)}
    for test in tests:
        if test.name not in parents or not (_good(test) or test.name in blamed):
            yield test


def _good(test: _Test) -> bool:
    return test.status is not None and not test.status.bad


def _above(name: str) -> Iterator[str]:
    """``TestA/b`` and ``TestA`` for ``TestA/b/c``; a name may have slashes of its own, so that not
    all of them need be tests."""
    end = -1
    for _ in range(_SLASHES):
        end = name.find("/", end + 1)
        if end < 0:
            return
        yield name[:end]

"""The Test Anything Protocol, versions 12 to 14 (https://testanything.org).

Subtests are indented by four spaces and followed by the test point that sums them up, or preceded
by one that ends in ``{``. They are the tests; the point above them is one only if it failed and
none of them did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from runner.measure.reports.cases import MAX_CASES, Cases, Status, TooLarge, Unreadable
from runner.measure.reports.lines import report_lines
from runner.measure.reports.tap_details import Details
from runner.measure.reports.text import clean, essence

_MAX_DEPTH = 32
_MAX_COMMENTS = 20
_POINT = re.compile(r"(not )?ok(?:\s+([0-9]{1,9}))?(?:\s+(?:-\s+)?(.*))?")
_PLAN = re.compile(r"1\.\.([0-9]{1,9})(?:\s*#.*)?")
_VERSION = re.compile(r"TAP version [0-9]+", re.IGNORECASE)
_BAIL = re.compile(r"Bail out!(.*)", re.IGNORECASE)
_DIRECTIVE = re.compile(r"(?:^|\s)#\s*(skip|todo)\S*\s*(.*)$", re.IGNORECASE)
_TOTAL = re.compile(r"# (?:tests|suites|pass|fail|cancelled|skipped|skip|todo|duration_ms) .*")
# Durations, as node-tap and Bats put them behind the description.
_TIME = re.compile(r"\s+(?:#\s*time=|in )([0-9.]{1,20})\s*(ms|s)(?:ec)?$")


@dataclass(slots=True)
class _Point:
    name: str
    status: Status
    message: str = ""
    seconds: float | None = None
    comments: list[str] = field(default_factory=list)
    subtests: list[_Point] = field(default_factory=list)
    open: bool = False  # its subtests follow, in braces


@dataclass(slots=True)
class _Level:
    """The points of one depth of indentation, up to the point above them. The last one is still
    being read."""

    points: list[_Point] = field(default_factory=list)
    count: int = 0
    plan: int | None = None


def read_tap(chunks: Iterable[bytes], cases: Cases) -> None:
    """Collect the test points. Raises ``Unreadable`` (``cases`` keeps what came before)."""
    stream = _Stream(cases)
    try:
        for line in report_lines(chunks):
            stream.feed(line)
    finally:
        stream.flush()
    stream.close()
    if stream.problem:
        raise Unreadable(stream.problem)


class _Stream:
    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        self._levels = [_Level()]
        self._held = 0  # points that wait for the one above them
        self._details: Details | None = None
        self._commented: _Point | None = None  # a failed point whose comments are being read
        self.problem = ""

    def feed(self, line: str) -> None:
        body = line.lstrip(" ")
        indent = len(line) - len(body)
        if self._details and not self._details.ended(indent, body):
            return
        self._end_details()
        depth, beyond = divmod(indent, 4)
        if body.startswith("---") and beyond == 2 and self._last(depth):
            self._details = Details(indent)
        elif not body:
            pass
        elif body.startswith("#") or beyond or depth > _MAX_DEPTH:
            self._comment(body)  # Mocha indents what failed, and marks it by nothing else
        else:
            self._commented = None
            self._line(depth, body)

    def _line(self, depth: int, body: str) -> None:
        if match := _POINT.fullmatch(body):
            self._point(depth, match)
        elif match := _PLAN.fullmatch(body):
            level = self._level(depth)
            if level.plan is not None:
                self._wrong("has two plans")
            level.plan = int(match[1])
        elif body == "}":
            self._adopt(depth)
        elif depth == 0 and _VERSION.fullmatch(body):
            self.flush()
            if self._levels[0].count or self._levels[0].plan is not None:
                self.close()  # one report after another
                self._levels = [_Level()]
        elif match := _BAIL.fullmatch(body):
            self._wrong(f"says that the run was broken off: {clean(match[1]) or 'no reason given'}")

    def _point(self, depth: int, match: re.Match[str]) -> None:
        level = self._level(depth)
        if level.points and level.points[-1].open:
            self._adopt(depth)
        if depth == 0:
            self.flush(but_subtests=True)
        level.count += 1
        point = _read_point(match, level.count)
        level.points.append(point)
        self._held += 1
        if self._held > MAX_CASES:
            raise TooLarge(f"has more than {MAX_CASES:,} tests")
        if not point.open:
            self._adopt(depth)
        self._commented = point if point.status.bad else None

    def _level(self, depth: int) -> _Level:
        while len(self._levels) <= depth:
            self._levels.append(_Level())
        return self._levels[depth]

    def _last(self, depth: int) -> _Point | None:
        """The point that details which are indented by two belong to."""
        points = self._levels[depth].points if depth < len(self._levels) else []
        return points[-1] if points else None

    def _adopt(self, depth: int) -> None:
        """Give what is deeper than ``depth`` to the last point of that depth."""
        deeper = self._levels[depth + 1 :]
        del self._levels[depth + 1 :]
        for level in deeper:
            self._check_plan(level)
        if point := self._last(depth):
            point.open = False
            point.subtests += [each for level in deeper for each in level.points]

    def _comment(self, body: str) -> None:
        if _TOTAL.fullmatch(body):
            self._commented = None
        elif self._commented and len(self._commented.comments) < _MAX_COMMENTS:
            self._commented.comments.append(body.lstrip("# "))

    def _end_details(self) -> None:
        if not self._details:
            return
        if point := self._last(self._details.indent // 4):
            if point.status.bad:
                point.message = self._details.message
            point.seconds = self._details.seconds if point.seconds is None else point.seconds
        self._details = None

    def _check_plan(self, level: _Level) -> None:
        if level.plan is None and level.count:
            self._wrong("has no plan: it ends in the middle, or can't tell whether it does")
        elif level.plan is not None and level.plan != level.count:
            self._wrong(f"planned {level.plan:,} tests and has {level.count:,}")

    def _wrong(self, problem: str) -> None:
        self.problem = self.problem or problem

    def flush(self, but_subtests: bool = False) -> None:
        """Hand on the points of the outermost level, and at the end what waits for a parent."""
        self._end_details()
        levels = self._levels[:1] if but_subtests else self._levels
        for level in levels:
            points, level.points = level.points, []
            for point in points:
                self._held -= _size(point)
                _emit(point, (), self._cases)

    def close(self) -> None:
        """Check the plans of a report that is over."""
        if self._levels[0].plan is None and not self._levels[0].count:
            self._wrong("is no TAP: it has no test point and no plan")
        for level in self._levels:
            self._check_plan(level)


def _read_point(match: re.Match[str], number: int) -> _Point:
    text = clean(match[3] or "")  # single spaces, too: the patterns are quadratic in their number
    status, message, seconds = Status.FAILED if match[1] else Status.PASSED, "", None
    is_open = text.endswith(" {") or text == "{"
    text = text.removesuffix("{").rstrip() if is_open else text
    if directive := _DIRECTIVE.search(text):
        text = text[: directive.start()]
        # A failure that is expected is none; a success that isn't expected is one all the same.
        if directive[1].lower() == "skip" or match[1]:
            status, message = Status.SKIPPED, f"{directive[1].lower()}: {directive[2]}".rstrip(": ")
    if time := _TIME.search(text):
        text = text[: time.start()]
        seconds = _seconds(time[1], time[2])
    name = text.replace("\\#", "#").replace("\\\\", "\\").strip() or f"test {match[2] or number}"
    return _Point(name, status, message, seconds, open=is_open)


def _seconds(text: str, unit: str) -> float | None:
    try:
        return float(text) / (1000 if unit == "ms" else 1)
    except ValueError:
        return None


def _size(point: _Point) -> int:
    return 1 + sum(_size(each) for each in point.subtests)


def _emit(point: _Point, above: tuple[str, ...], cases: Cases, skipped: bool = False) -> bool:
    """Add the tests that ``point`` stands for; whether one of them failed."""
    skipped = skipped or point.status is Status.SKIPPED
    failed = False
    for each in point.subtests:
        failed = _emit(each, (*above, point.name), cases, skipped) or failed
    if point.subtests and (failed or not point.status.bad):
        return failed
    status = Status.SKIPPED if skipped else point.status
    message = point.message or essence("", "\n".join(point.comments))
    cases.add((*above, point.name), status, message, point.seconds)
    return status.bad

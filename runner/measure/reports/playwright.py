"""The JSON of Playwright (``--reporter=json``): suites in suites, with a test for each project.

https://playwright.dev/docs/api/class-testcase, and ``JSONReport`` in its types/testReporter.d.ts
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.measure.reports.cases import Cases, Status
from runner.measure.reports.json_fields import object_of, objects_of, seconds_of, text_of
from runner.measure.reports.json_values import read_json
from runner.measure.reports.text import essence

_WANTED = frozenset(
    {
        "suites",
        "specs",
        "tests",
        "results",
        "title",
        "projectName",
        "status",
        "expectedStatus",
        "duration",
        "error",
        "message",
        "errors",
    }
)
# The outcome over all retries; one that was flaky passed in the end, and the run with it.
_STATUSES = {
    "expected": Status.PASSED,
    "flaky": Status.PASSED,
    "unexpected": Status.FAILED,
    "skipped": Status.SKIPPED,
}


def read_playwright(chunks: Iterable[bytes], cases: Cases) -> None:
    """Collect the tests. Raises ``Unreadable`` (``cases`` keeps what came before)."""

    def member(key: str, value: object) -> None:
        if key == "suites" and isinstance(value, dict):
            _add_suite(value, (), cases)
        elif key == "errors" and isinstance(value, dict):
            said = essence("", text_of(value, "message"))
            cases.add(("outside of the tests",), Status.ERROR, said)

    read_json(chunks, _WANTED, "suites", member)


def _add_suite(suite: dict[str, object], above: tuple[str, ...], cases: Cases) -> None:
    titles = (*above, text_of(suite, "title"))
    for spec in objects_of(suite, "specs"):
        for test in objects_of(spec, "tests"):
            _add_test(test, (*titles, text_of(spec, "title")), cases)
    for inner in objects_of(suite, "suites"):
        _add_suite(inner, titles, cases)


def _add_test(test: dict[str, object], titles: tuple[str, ...], cases: Cases) -> None:
    told = text_of(test, "status")
    status = _STATUSES.get(told, Status.ERROR)
    results = objects_of(test, "results")
    said = essence("", text_of(object_of(results[-1], "error"), "message")) if results else ""
    if status is Status.PASSED:
        said = ""
        if text_of(test, "expectedStatus") == "failed":
            status, said = Status.SKIPPED, "failed, as was expected"
    elif told not in _STATUSES:
        said = f"has the unknown status {told[:40]!r}"
    seconds = seconds_of(results[-1], "duration") if results else None
    cases.add((text_of(test, "projectName"), *titles), status, said, seconds)

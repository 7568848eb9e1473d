"""The JSON of Jest (``--json``) and of Vitest (``--reporter=json``), which follows it.

https://jestjs.io/docs/configuration#testresultsprocessor-string describes its shape.
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.measure.reports.cases import Cases, Status
from runner.measure.reports.json_fields import objects_of, seconds_of, text_of, texts_of
from runner.measure.reports.json_values import read_json
from runner.measure.reports.text import essence

_WANTED = frozenset(
    {
        "testResults",
        "assertionResults",
        "ancestorTitles",
        "title",
        "status",
        "failureMessages",
        "duration",
        "message",
        "name",
    }
)
_STATUSES = {
    "passed": Status.PASSED,
    "failed": Status.FAILED,
    "pending": Status.SKIPPED,
    "skipped": Status.SKIPPED,
    "todo": Status.SKIPPED,
    "disabled": Status.SKIPPED,
}


def read_jest(chunks: Iterable[bytes], cases: Cases) -> None:
    """Collect the tests. Raises ``Unreadable`` (``cases`` keeps what came before)."""

    def member(key: str, value: object) -> None:
        if key == "testResults" and isinstance(value, dict):
            _add_file(value, cases)

    read_json(chunks, _WANTED, "testResults", member)


def _add_file(file: dict[str, object], cases: Cases) -> None:
    name = text_of(file, "name")
    failed = False
    for test in objects_of(file, "assertionResults"):
        told = text_of(test, "status")
        status = _STATUSES.get(told, Status.ERROR)
        said = "\n".join(texts_of(test, "failureMessages"))
        if told not in _STATUSES:
            said = f"has the unknown status {told[:40]!r}"
        failed = failed or status.bad
        titles = (name, *texts_of(test, "ancestorTitles"), text_of(test, "title"))
        cases.add(titles, status, essence("", said), seconds_of(test, "duration"))
    if text_of(file, "status") == "failed" and not failed:
        # It couldn't be loaded, or what runs before or after its tests failed.
        cases.add((name,), Status.ERROR, essence("", text_of(file, "message")))

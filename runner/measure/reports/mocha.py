"""The JSON of Mocha (``--reporter json``): a list of tests for each way in which they end.

https://mochajs.org/#json
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.measure.reports.cases import Cases, Status
from runner.measure.reports.json_fields import object_of, seconds_of, text_of
from runner.measure.reports.json_values import read_json
from runner.measure.reports.text import essence

_WANTED = frozenset(
    {"passes", "failures", "pending", "fullTitle", "file", "duration", "err", "message", "stack"}
)
_LISTS = {"passes": Status.PASSED, "failures": Status.FAILED, "pending": Status.SKIPPED}


def read_mocha(chunks: Iterable[bytes], cases: Cases) -> None:
    """Collect the tests. Raises ``Unreadable`` (``cases`` keeps what came before)."""

    def member(key: str, value: object) -> None:
        if key in _LISTS and isinstance(value, dict):
            error = object_of(value, "err")
            # The stack begins with the error's type and message.
            said = essence("", text_of(error, "stack") or text_of(error, "message"))
            name = (text_of(value, "file"), text_of(value, "fullTitle"))
            cases.add(name, _LISTS[key], said, seconds_of(value, "duration"))

    read_json(chunks, _WANTED, "passes", member)

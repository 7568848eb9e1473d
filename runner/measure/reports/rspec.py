"""The JSON of RSpec (``--format json``).

https://rspec.info/features/3-13/rspec-core/formatters/json-formatter/
"""

from __future__ import annotations

from collections.abc import Iterable

from runner.measure.reports.cases import Cases, Status
from runner.measure.reports.json_fields import number_of, object_of, text_of
from runner.measure.reports.json_values import read_json
from runner.measure.reports.text import essence

_WANTED = frozenset(
    {
        "examples",
        "full_description",
        "file_path",
        "status",
        "run_time",
        "pending_message",
        "exception",
        "class",
        "message",
        "messages",
        "summary",
        "errors_outside_of_examples_count",
    }
)
_STATUSES = {"passed": Status.PASSED, "failed": Status.FAILED, "pending": Status.SKIPPED}


def read_rspec(chunks: Iterable[bytes], cases: Cases) -> None:
    """Collect the examples. Raises ``Unreadable`` (``cases`` keeps what came before)."""
    messages: list[str] = []

    def member(key: str, value: object) -> None:
        if key == "messages" and isinstance(value, str) and len(messages) < 10:
            messages.append(value)
        elif key == "examples" and isinstance(value, dict):
            _add_example(value, cases)
        elif (
            key == "summary"
            and isinstance(value, dict)
            and number_of(value, "errors_outside_of_examples_count")
        ):
            # A file that couldn't be loaded, or a hook around all examples that failed.
            said = next((each for each in messages if "rror" in each), "")
            cases.add(("outside of the examples",), Status.ERROR, essence("", said))
            messages.clear()

    read_json(chunks, _WANTED, "examples", member)


def _add_example(example: dict[str, object], cases: Cases) -> None:
    told = text_of(example, "status")
    status = _STATUSES.get(told, Status.ERROR)
    exception = object_of(example, "exception")
    said = essence(text_of(exception, "class"), text_of(exception, "message"))
    if status is Status.SKIPPED:
        said = text_of(example, "pending_message")
    elif told not in _STATUSES:
        said = f"has the unknown status {told[:40]!r}"
    name = (text_of(example, "file_path"), text_of(example, "full_description"))
    cases.add(name, status, said, number_of(example, "run_time"))

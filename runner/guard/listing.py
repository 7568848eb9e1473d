"""The list of calls that oppie makes, and the recordings that it is made of.

``allowed.json`` isn't written by hand: ``tests/guard/record.py`` does what oppie can do through a
recording guard, and writes what was seen. It names shapes, never values.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import IO, Any

from runner.errors import TaskError
from runner.guard.calls import Call


@dataclass(frozen=True, slots=True)
class Seen:
    """One shape of call (see ``calls.Call``), the keys of its query, and the key paths of its body."""

    shape: str
    query: frozenset[str] = frozenset()
    body: frozenset[str] = frozenset()


def seen_in(call: Call, body: Iterable[str] = ()) -> Seen:
    return Seen(call.shape, frozenset(call.query), frozenset(body))


def allowed() -> dict[str, Seen]:
    """The list that this package ships, by shape."""
    text = resources.files("runner.guard").joinpath("allowed.json").read_text("utf-8")
    return merged(map(_read, json.loads(text)))


def merged(found: Iterable[Seen]) -> dict[str, Seen]:
    """One entry for each shape, with all keys that were seen with it."""
    entries: dict[str, Seen] = {}
    for each in found:
        known = entries.get(each.shape, Seen(each.shape))
        entries[each.shape] = Seen(each.shape, known.query | each.query, known.body | each.body)
    return dict(sorted(entries.items()))


def read_recording(lines: Iterable[str], name: str) -> list[Seen]:
    """What a recording holds; ``name`` is for messages. Raises ``TaskError``."""
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(_read(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise TaskError(f"{name}:{number}: no line of a recording: {line.strip()[:80]}") from None
    return found


def rendered(entries: Mapping[str, Seen]) -> str:
    """The text of ``allowed.json``: one call on each line."""
    lines = ",\n".join(f"  {_line(each)}" for each in entries.values())
    return f"[\n{lines}\n]\n"


class Recorder:
    """Writes each thing that wasn't seen before as a line of JSON; for any number of threads."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._known: set[Seen] = set()
        self._lock = threading.Lock()

    def note(self, seen: Seen) -> None:
        with self._lock:
            if seen not in self._known:
                self._known.add(seen)
                self._out.write(_line(seen) + "\n")
                self._out.flush()


def _line(seen: Seen) -> str:
    return json.dumps({"call": seen.shape, "query": sorted(seen.query), "body": sorted(seen.body)})


def _read(entry: Mapping[str, Any]) -> Seen:
    return Seen(str(entry["call"]), frozenset(entry["query"]), frozenset(entry["body"]))

"""A failure in few words: what an agent needs to see of a log that may have millions of lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runner.measure.checks import CheckRun
from runner.measure.signature import signature
from runner.prompts.signs import Signs, signs
from runner.report.figures import count
from runner.report.text import clean

MAX_BYTES = 1536

_TESTS, _PLACES, _MESSAGES = 6, 8, 5
_LINE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Essence:
    """``tests`` are the names of those that failed, ``places`` are ``file:line``, ``message`` is what
    was said first, ``text`` all of it in at most 1.5 KiB. Failures with the same ``signature`` are
    the same one: the same tests, failing in the same way, whatever the times, paths and numbers."""

    tests: tuple[str, ...]
    places: tuple[str, ...]
    message: str
    text: str
    signature: str


def essence(reason: str, log: Iterable[bytes], run: CheckRun | None = None) -> Essence:
    """What is to be known of a failed check, action or benchmark.

    ``reason`` is what the judge says of it, ``log`` its lines. Test by test results (of ``run``)
    count more than what the log says of tests: the tests themselves can write the log.
    """
    found = signs(log)
    bad = [case for case in run.cases if case.status.bad] if run else []
    tests = tuple(case.name for case in bad) or found.tests
    messages = tuple(dict.fromkeys(case.message for case in bad if case.message)) or found.messages
    if bad:
        shape = sorted(f"{case.name}\0{signature(case.message)}" for case in bad)
    else:
        said = messages[0] if messages else "".join(found.last[-1:])
        shape = [*sorted(tests), signature(said), *([] if tests else [signature(reason)])]
    text = _shown(reason, tests, messages, found)
    return Essence(tests, found.places, messages[0] if messages else "", text, digest(shape))


def digest(shape: Sequence[str]) -> str:
    """16 hexadecimal digits that stand for the shape of a failure."""
    return hashlib.sha256("\0\0".join(shape).encode("utf-8", "replace")).hexdigest()[:16]



def _shown(reason: str, tests: Sequence[str], messages: Sequence[str], found: Signs) -> str:
    """The lines that have room, the most useful first; the last words of the log get the rest."""
    room = MAX_BYTES
    kept: list[str] = []
    for line in _lines(reason, tests, messages, found.places):
        size = len(line.encode("utf-8", "replace")) + 1
        if size <= room:
            kept.append(line)
            room -= size
    tail: list[str] = []
    room -= len("its last lines:\n")
    for line in reversed([clean(text, _LINE_CHARS) for text in found.last]):
        size = len(line.encode("utf-8", "replace")) + 3
        if size > room:
            break
        if not any(line in shown for shown in kept):
            tail.insert(0, f"  {line}")
            room -= size
    return "\n".join([*kept, *(["its last lines:", *tail] if tail else [])])


def _lines(
    reason: str, tests: Sequence[str], messages: Sequence[str], places: Sequence[str]
) -> Iterator[str]:
    if reason:
        yield clean(reason, 300)
    if tests:
        yield f"{count(len(tests), 'test')} failed:"
        yield from (f"  {clean(name, _LINE_CHARS)}" for name in tests[:_TESTS])
        if len(tests) > _TESTS:
            yield f"  and {len(tests) - _TESTS:,} more"
    if places:
        yield f"at {', '.join(places[:_PLACES])}"
    if messages:
        yield "it said:"
        yield from (f"  {clean(text, _LINE_CHARS)}" for text in messages[:_MESSAGES])

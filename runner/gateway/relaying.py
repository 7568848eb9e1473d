"""An upstream's answer on its way to whoever asked: whole, or event by event, and counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from runner.gateway.bodies import Asked
from runner.gateway.events import Splitter, TooLong, data_of, object_of
from runner.gateway.meter import Meter
from runner.gateway.refusal import Refused, event_of
from runner.gateway.sending import Answer, Broken
from runner.gateway.transcript import Redaction

ANSWER_LIMIT_BYTES = 32 << 20
_ERROR_LIMIT_BYTES = 64 << 10
_PASSED = ("retry-after", "x-should-retry", "request-id", "x-request-id")
_DONE = b"[DONE]"


class Out(Protocol):
    """Where an answer goes. Whoever is there may leave: ``OSError``."""

    def head(self, status: int, headers: tuple[tuple[str, str], ...], size: int | None) -> None:
        """Begin; without a size, it streams."""

    def piece(self, data: bytes) -> None:
        """A part of the body."""

    def end(self) -> None:
        """There is no more."""

    def is_gone(self) -> bool:
        """Whether nobody waits for the answer any more."""


@dataclass(slots=True)
class Course:
    """How far a request has come. ``worked_on`` if the upstream may have worked on it. ``settle`` is
    to be called before the end of an answer is passed on: whoever has it all finds it paid."""

    asked: Asked
    meter: Meter
    began_at: float = field(default_factory=time.time)
    started: float = field(default_factory=time.monotonic)
    status: int = 0
    why: str = ""
    worked_on: bool = False
    settle: Callable[[], None] = lambda: None


def pass_on(course: Course, answer: Answer, redaction: Redaction, out: Out) -> None:
    """Raises ``Refused`` and ``Broken`` as long as nothing has been passed on, then ``OSError``."""
    course.status = answer.status
    headers = tuple((name, answer.headers[name]) for name in _PASSED if name in answer.headers)
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status != 200:
        _pass_error_on(course, answer, headers, redaction, out)
    elif kind == "text/event-stream":
        _stream(course, answer, headers, redaction, out)
    else:
        body = _whole(answer, ANSWER_LIMIT_BYTES)
        said = object_of(body)
        if not said:
            raise Refused(502, f"{course.asked.route.upstream.name} answered with no JSON object")
        course.meter.whole(said)
        course.settle()
        _say(out, 200, headers, redaction.data(body))


def _pass_error_on(
    course: Course,
    answer: Answer,
    headers: tuple[tuple[str, str], ...],
    redaction: Redaction,
    out: Out,
) -> None:
    """What an upstream says of an error goes to who asked, unless it is about the key."""
    name, status = course.asked.route.upstream.name, answer.status
    if status in (401, 407):
        raise Refused(status, f"{name} doesn't take the key that the gateway has", final=True)
    if not 400 <= status < 600:
        raise Refused(502, f"{name} answered with status {status}", final=True)
    body = redaction.data(_whole(answer, _ERROR_LIMIT_BYTES))
    course.why = body[:1000].decode("utf-8", "replace")
    if not object_of(body):
        raise Refused(status, f"{name} answered with status {status}: {course.why}")
    _say(out, status, headers, body)


def _say(out: Out, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
    out.head(status, (("content-type", "application/json"), *headers), len(body))
    out.piece(body)
    out.end()


def _whole(answer: Answer, limit_bytes: int) -> bytes:
    body = bytearray()
    for piece in answer.pieces:
        body += piece
        if len(body) > limit_bytes:
            raise Broken(f"an answer of more than {limit_bytes} bytes", sent=True)
    return bytes(body)


def _stream(
    course: Course,
    answer: Answer,
    headers: tuple[tuple[str, str], ...],
    redaction: Redaction,
    out: Out,
) -> None:
    """Pass events on, each as soon as it is whole. One that breaks off is followed by an error."""
    upstream, meter = course.asked.route.upstream, course.meter
    out.head(
        200, (("content-type", "text/event-stream"), ("cache-control", "no-cache"), *headers), None
    )
    try:
        for event in _events(answer):
            if _count(meter, event, course.asked):
                out.piece(redaction.data(event))
        if not meter.finished:
            raise Broken("the answer breaks off", sent=True)
    except (Broken, TooLong) as broken:
        course.why = f"{upstream.name}: {broken}"
        out.piece(event_of(upstream.dialect, Refused(502, course.why)))
    course.settle()
    out.end()


def _events(answer: Answer) -> Iterator[bytes]:
    """Whole events; the last one also if the empty line after it is missing. Raises ``Broken``,
    ``TooLong``."""
    splitter, passed_bytes = Splitter(), 0
    for piece in answer.pieces:
        passed_bytes += len(piece)
        if passed_bytes > ANSWER_LIMIT_BYTES:
            raise Broken(f"an answer of more than {ANSWER_LIMIT_BYTES} bytes", sent=True)
        yield from splitter.feed(piece)
    data = data_of(splitter.rest)
    if data == _DONE or object_of(data):
        yield splitter.rest + b"\n\n"


def _count(meter: Meter, event: bytes, asked: Asked) -> bool:
    """Whether an event is for the client, too: the usage that only the gateway asked for is not."""
    data = data_of(event)
    if data == _DONE:
        meter.end_mark()
        return True
    said = object_of(data)
    if said:
        meter.event(said)
    return not (asked.silent and said.get("usage") and said.get("choices") == [])

"""Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeAlias

from tests.models.script import Json, Trouble

Event: TypeAlias = bytes

_PIECE = 24  # characters; a model's words come a few at a time


def named(event: Json) -> Event:
    """An event whose name is its type, as Anthropic's and those of Responses are."""
    return f"event: {event['type']}\n".encode() + unnamed(event)


def unnamed(event: Json) -> Event:
    """An event of Chat Completions."""
    return f"data: {json.dumps(event)}\n\n".encode()


def pieces(text: str) -> Iterator[str]:
    """The text as it is streamed."""
    return (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))


MALFORMED: tuple[Event, ...] = (
    b"data: {\n\n",
    b'event: no_such_event\ndata: {"type": "no_such_event"}\n\n',
    b": a comment\n\n",
    b"data: \xff\xfe\n\n",
    b"data: []\n\n",
    b'data: "words"\n\n',
    b'data: {"usage": "many", "choices": 7, "type": 1, "message": []}\n\n',
)
"""What no server should send, and what a client of one should live with."""


def spoilt(events: list[Event], trouble: Trouble) -> list[Event]:
    """What is sent of the events, and besides."""
    match trouble:
        case Trouble.CUT | Trouble.STALL_HALFWAY:
            return events[: len(events) // 2]
        case Trouble.MALFORMED:
            return [events[0], *MALFORMED, *events[1:]]
        case _:
            return events

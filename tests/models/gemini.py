"""Google's generateContent: https://ai.google.dev/api/generate-content"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.models.events import Event, pieces, unnamed
from tests.models.script import Asked, Json, Tool, Turn
from tests.models.tools import Answer


def tools(body: Json) -> Iterator[Tool]:
    """The functions that a request declares."""
    for group in body.get("tools") or ():
        for declared in group.get("functionDeclarations") or ():
            schema = declared.get("parametersJsonSchema") or declared.get("parameters") or {}
            fields = schema.get("properties") or {}
            types = {name: str(field.get("type")).lower() for name, field in fields.items()}
            yield Tool(declared["name"], "function", types)


def whole(turn: Turn, answer: Answer, asked: Asked, number: int) -> Json:
    """The answer as one object."""
    return _answer(list(_parts(answer)), asked, number, turn)


def stream(turn: Turn, answer: Answer, asked: Asked, number: int) -> Iterator[Event]:
    """The answer in parts; the last one has the usage."""
    for piece in pieces(answer.text):
        yield unnamed(_answer([{"text": piece}], asked, number))
    rest = [part for part in _parts(answer) if "text" not in part]
    yield unnamed(_answer(rest or [{"text": ""}], asked, number, turn))


def _parts(answer: Answer) -> Iterator[dict[str, Any]]:
    if answer.text:
        yield {"text": answer.text}
    if answer.tool:
        yield {"functionCall": {"name": answer.tool, "args": answer.arguments}}


def _answer(parts: Sequence[Json], asked: Asked, number: int, turn: Turn | None = None) -> Json:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    head = {"modelVersion": asked.model, "responseId": f"answer-{number}"}
    if turn is None:
        return {"candidates": [candidate], **head}
    usage = {
        "promptTokenCount": turn.input_tokens,
        "cachedContentTokenCount": turn.cached_tokens,
        "candidatesTokenCount": turn.output_tokens,
        "totalTokenCount": turn.input_tokens + turn.output_tokens,
    }
    return {"candidates": [{**candidate, "finishReason": "STOP"}], "usageMetadata": usage, **head}


def error(status: int) -> Json:
    """https://cloud.google.com/apis/design/errors"""
    names = {401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
    name = names.get(status, "UNAVAILABLE")
    return {"error": {"code": status, "message": f"the script says {status}", "status": name}}

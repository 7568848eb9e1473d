"""OpenAI's Responses: https://platform.openai.com/docs/api-reference/responses"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

from tests.models.chat import error
from tests.models.events import Event, named, pieces
from tests.models.script import Asked, Json, Tool, Turn
from tests.models.tools import Answer

__all__ = ["error", "stream", "tools", "whole"]


def tools(body: Json) -> Iterator[Tool]:
    """The tools that a request offers. One without a name is known by its type."""
    for tool in body.get("tools") or ():
        kind = tool["type"]
        fields = (tool.get("parameters") or {}).get("properties") or {}
        yield Tool(tool.get("name", kind), kind, {k: str(v.get("type")) for k, v in fields.items()})


def whole(turn: Turn, answer: Answer, asked: Asked, number: int) -> Json:
    """The answer as one object."""
    return _response(turn, asked.model, number, "completed", list(_items(answer, number)))


def stream(turn: Turn, answer: Answer, asked: Asked, number: int) -> Iterator[Event]:
    """The answer as events, which are numbered."""
    order = count()

    def event(kind: str, **fields: Any) -> Event:
        return named({"type": kind, "sequence_number": next(order), **fields})

    begun = _response(turn, asked.model, number, "in_progress", [])
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    done = list(_items(answer, number))
    for index, item in enumerate(done):
        where = {"output_index": index, "item_id": item["id"]}
        yield event("response.output_item.added", output_index=index, item=_empty(item))
        for kind, fields in _deltas(item):
            yield event(kind, **where, **fields)
        yield event("response.output_item.done", output_index=index, item=item)
    finished = _response(turn, asked.model, number, "completed", done)
    yield event("response.completed", response=finished)


def _deltas(item: Json) -> Iterator[tuple[str, Json]]:
    match item["type"]:
        case "message":
            part = item["content"][0]
            place = {"content_index": 0}
            yield "response.content_part.added", {**place, "part": {**part, "text": ""}}
            for piece in pieces(part["text"]):
                yield "response.output_text.delta", {**place, "delta": piece}
            yield "response.output_text.done", {**place, "text": part["text"]}
            yield "response.content_part.done", {**place, "part": part}
        case "function_call":
            for piece in pieces(item["arguments"]):
                yield "response.function_call_arguments.delta", {"delta": piece}
            yield "response.function_call_arguments.done", {"arguments": item["arguments"]}
        case "custom_tool_call":
            for piece in pieces(item["input"]):
                yield "response.custom_tool_call_input.delta", {"delta": piece}
            yield "response.custom_tool_call_input.done", {"input": item["input"]}


def _items(answer: Answer, number: int) -> Iterator[dict[str, Any]]:
    if answer.text:
        content = [{"type": "output_text", "text": answer.text, "annotations": []}]
        name = {"id": f"msg_{number}", "type": "message", "role": "assistant"}
        yield {**name, "status": "completed", "content": content}
    if not answer.tool:
        return
    call = {"id": f"item_{number}", "call_id": f"call_{number}", "status": "completed"}
    match answer.kind:
        case "local_shell":
            assert not isinstance(answer.arguments, str)
            action = {"type": "exec", "env": {}, "timeout_ms": 10_000, **answer.arguments}
            yield {**call, "type": "local_shell_call", "action": action}
        case "custom":
            name = {"type": "custom_tool_call", "name": answer.tool}
            yield {**call, **name, "input": answer.arguments}
        case _:
            name = {"type": "function_call", "name": answer.tool}
            yield {**call, **name, "arguments": json.dumps(answer.arguments)}


def _empty(item: Json) -> Json:
    empty: dict[str, Json] = {
        "message": {"content": []},
        "function_call": {"arguments": ""},
        "custom_tool_call": {"input": ""},
    }
    return {**item, **empty.get(item["type"], {}), "status": "in_progress"}


def _response(turn: Turn, model: str, number: int, status: str, output: list[Any]) -> Json:
    usage = {
        "input_tokens": turn.input_tokens,
        "input_tokens_details": {"cached_tokens": turn.cached_tokens},
        "output_tokens": turn.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": turn.input_tokens + turn.output_tokens,
    }
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "model": model,
        "output": output,
        "error": None,
        "usage": usage if status == "completed" else None,
    }

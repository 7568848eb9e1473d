"""Anthropic's Messages API: https://docs.anthropic.com/en/api/messages and .../messages-streaming."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.models.events import Event, named, pieces
from tests.models.script import Asked, Json, Tool, Turn
from tests.models.tools import Answer


def tools(body: Json) -> Iterator[Tool]:
    """The tools that a request offers; those that Anthropic's own servers run are none of them."""
    for tool in body.get("tools") or ():
        if "input_schema" in tool:
            fields = tool["input_schema"].get("properties") or {}
            yield Tool(tool["name"], "function", {k: _type(v) for k, v in fields.items()})


def _type(schema: object) -> str:
    return str(schema.get("type", "")) if isinstance(schema, dict) else ""


def whole(turn: Turn, answer: Answer, asked: Asked, number: int) -> Json:
    """The answer as one object."""
    return {
        **_head(asked.model, number),
        "content": list(_blocks(answer, number)),
        "stop_reason": "tool_use" if answer.tool else "end_turn",
        "usage": {**_input(turn), "output_tokens": turn.output_tokens},
    }


def stream(turn: Turn, answer: Answer, asked: Asked, number: int) -> Iterator[Event]:
    """The answer as events. The number of output tokens comes with the last but one."""
    head = {
        **_head(asked.model, number),
        "content": [],
        "usage": {**_input(turn), "output_tokens": 1},
    }
    yield named({"type": "message_start", "message": head})
    yield named({"type": "ping"})
    for index, block in enumerate(_blocks(answer, number)):
        yield from _block(index, block)
    reason = "tool_use" if answer.tool else "end_turn"
    yield named(
        {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": turn.output_tokens},
        }
    )
    yield named({"type": "message_stop"})


def _block(index: int, block: dict[str, Any]) -> Iterator[Event]:
    if block["type"] == "text":
        start: Json = {"type": "text", "text": ""}
        deltas: list[Json] = [{"type": "text_delta", "text": p} for p in pieces(block["text"])]
    else:
        start = {**block, "input": {}}
        written = json.dumps(block["input"])
        deltas = [{"type": "input_json_delta", "partial_json": p} for p in ("", *pieces(written))]
    yield named({"type": "content_block_start", "index": index, "content_block": start})
    for delta in deltas:
        yield named({"type": "content_block_delta", "index": index, "delta": delta})
    yield named({"type": "content_block_stop", "index": index})


def _blocks(answer: Answer, number: int) -> Iterator[dict[str, Any]]:
    if answer.text:
        yield {"type": "text", "text": answer.text}
    if answer.tool:
        name = {"id": f"toolu_{number:024d}", "name": answer.tool}
        yield {"type": "tool_use", **name, "input": answer.arguments}


def _head(model: str, number: int) -> dict[str, Any]:
    head = {"id": f"msg_{number:024d}", "type": "message", "role": "assistant", "model": model}
    return {**head, "stop_reason": None, "stop_sequence": None}


def _input(turn: Turn) -> dict[str, int]:
    """Anthropic counts what came from its cache apart."""
    return {
        "input_tokens": turn.input_tokens - turn.cached_tokens,
        "cache_read_input_tokens": turn.cached_tokens,
        "cache_creation_input_tokens": 0,
    }


def error(status: int) -> Json:
    """https://docs.anthropic.com/en/api/errors"""
    kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "overloaded_error" if status == 529 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": f"the script says {status}"}}

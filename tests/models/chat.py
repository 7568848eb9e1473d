"""OpenAI's Chat Completions: https://platform.openai.com/docs/api-reference/chat"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.models.events import Event, pieces, unnamed
from tests.models.script import Asked, Json, Tool, Turn
from tests.models.tools import Answer


def tools(body: Json) -> Iterator[Tool]:
    """The tools that a request offers."""
    for tool in body.get("tools") or ():
        function = tool.get("function") or {}
        fields = (function.get("parameters") or {}).get("properties") or {}
        yield Tool(function["name"], "function", {k: str(v.get("type")) for k, v in fields.items()})


def whole(turn: Turn, answer: Answer, asked: Asked, number: int) -> Json:
    """The answer as one object."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.tool:
        message["tool_calls"] = [_call(answer, number, _written(answer))]
    choice = {"index": 0, "message": message, "finish_reason": _reason(answer), "logprobs": None}
    return {
        **_head("chat.completion", asked.model, number),
        "choices": [choice],
        "usage": _usage(turn),
    }


def stream(turn: Turn, answer: Answer, asked: Asked, number: int) -> Iterator[Event]:
    """The answer as chunks; the last one has no choice but the ``usage``, if that was asked for."""

    def chunk(delta: Json, reason: str | None = None) -> Event:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return unnamed({**_head("chat.completion.chunk", asked.model, number), "choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(answer.text):
        yield chunk({"content": piece})
    if answer.tool:
        yield chunk({"tool_calls": [{"index": 0, **_call(answer, number, "")}]})
        for piece in pieces(_written(answer)):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    yield chunk({}, _reason(answer))
    if (asked.body.get("stream_options") or {}).get("include_usage"):
        head = _head("chat.completion.chunk", asked.model, number)
        yield unnamed({**head, "choices": [], "usage": _usage(turn)})
    yield b"data: [DONE]\n\n"


def _call(answer: Answer, number: int, arguments: str) -> dict[str, Any]:
    function = {"name": answer.tool, "arguments": arguments}
    return {"id": f"call_{number:024d}", "type": "function", "function": function}


def _written(answer: Answer) -> str:
    return answer.arguments if isinstance(answer.arguments, str) else json.dumps(answer.arguments)


def _reason(answer: Answer) -> str:
    return "tool_calls" if answer.tool else "stop"


def _head(kind: str, model: str, number: int) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": 1_700_000_000, "model": model}


def _usage(turn: Turn) -> Json:
    return {
        "prompt_tokens": turn.input_tokens,
        "completion_tokens": turn.output_tokens,
        "total_tokens": turn.input_tokens + turn.output_tokens,
        "prompt_tokens_details": {"cached_tokens": turn.cached_tokens},
    }


def error(status: int) -> Json:
    """https://platform.openai.com/docs/guides/error-codes; also those of Responses."""
    kinds = {401: "invalid_request_error", 404: "invalid_request_error", 429: "rate_limit_exceeded"}
    kind = kinds.get(status, "server_error")
    message = f"the script says {status}"
    return {"error": {"message": message, "type": kind, "param": None, "code": kind}}

"""Counting what a response came to: by what it says of itself, or by what came, if it says nothing.

Where the figures stand: Anthropic, "Messages" and "Streaming messages" (``message_start`` has the
input, each ``message_delta`` the output so far); OpenAI, "Chat" (``usage``, in a stream in its last
chunk) and "Responses" (``usage`` of the response that its last event holds); Google,
"generateContent" (``usageMetadata``, in a stream cumulative). OpenAI's and Google's input includes
what was cached, Anthropic's doesn't.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runner.gateway.api import Api
from runner.gateway.bodies import Asked
from runner.gateway.usage import Usage, tokens_of

_TEXT_LIMIT_CHARS = 256 << 10
_ENDS_OF_RESPONSES = ("response.completed", "response.incomplete", "response.failed")
_MOST_TOKENS = 1 << 32


class Meter:
    """What came of one response so far. ``finished`` once it has said that it is whole."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._found: Usage | None = None
        self._chars = 0
        self._texts: list[str] = []
        self.finished = False
        self.began = False

    def event(self, said: dict[str, Any]) -> None:
        """Look at an event of a stream."""
        self.began = True
        match self._asked.route.api:
            case Api.MESSAGES | Api.COUNT_TOKENS:
                self._message_event(said)
            case Api.CHAT:
                for choice in _items(said.get("choices")):
                    self._hear(choice.get("delta"))
                    self.finished |= bool(choice.get("finish_reason"))
                self._take(_openai(said.get("usage"), "prompt", "completion"))
            case Api.RESPONSES:
                self._hear(said.get("delta"))
                if said.get("type") in _ENDS_OF_RESPONSES:
                    self.finished = True
                    self._take(
                        _openai(_object(said.get("response")).get("usage"), "input", "output")
                    )
            case Api.GENERATE:
                self._generated(said)

    def end_mark(self) -> None:
        """OpenAI's ``data: [DONE]``."""
        self.finished = True

    def whole(self, said: dict[str, Any]) -> None:
        """Look at a response that came in one piece."""
        self.began = self.finished = True
        match self._asked.route.api:
            case Api.MESSAGES:
                self._hear(said.get("content"))
                self._take(_anthropic(said.get("usage")))
            case Api.COUNT_TOKENS:
                self._take(Usage())
            case Api.CHAT:
                self._hear([choice.get("message") for choice in _items(said.get("choices"))])
                self._take(_openai(said.get("usage"), "prompt", "completion"))
            case Api.RESPONSES:
                self._hear(said.get("output"))
                self._take(_openai(said.get("usage"), "input", "output"))
            case Api.GENERATE:
                self._generated(said)

    @property
    def usage(self) -> Usage:
        """The tokens. What wasn't said, or not to its end, is guessed from what came."""
        found, guess = self._found, tokens_of(self._chars)
        if found and self.finished and (found.output or not guess) and found.input:
            return found
        if self._asked.route.api is Api.COUNT_TOKENS or not self.began:
            return Usage()
        found = found or Usage()
        fresh = found.fresh if found.input else tokens_of(len(self._asked.body))
        return replace(found, fresh=fresh, output=max(found.output, guess), estimated=True)

    @property
    def text(self) -> str:
        """What was answered, bounded."""
        return "".join(self._texts)

    def _message_event(self, said: dict[str, Any]) -> None:
        match said.get("type"):
            case "message_start":
                self._take(_anthropic(_object(said.get("message")).get("usage")))
            case "content_block_start":
                self._hear(said.get("content_block"))
            case "content_block_delta":
                self._hear(said.get("delta"))
            case "message_delta":
                self._take(_anthropic(said.get("usage")))
            case "message_stop":
                self.finished = True

    def _generated(self, said: dict[str, Any]) -> None:
        for candidate in _items(said.get("candidates")):
            self._hear(_object(candidate.get("content")).get("parts"))
            self.finished |= bool(candidate.get("finishReason"))
        self.finished |= bool(_object(said.get("promptFeedback")).get("blockReason"))
        self._take(_google(said.get("usageMetadata")))

    def _take(self, usage: Usage | None) -> None:
        """Figures that come later hold for all that came so far, where they say something."""
        if usage is None:
            return
        before = self._found or Usage()
        self._found = Usage(
            *(
                getattr(usage, name) or getattr(before, name)
                for name in ("fresh", "cached", "written", "written_1h", "output")
            )
        )

    def _hear(self, value: Any) -> None:
        for text in _texts(value):
            self._chars += len(text)
            if self._chars <= _TEXT_LIMIT_CHARS:
                self._texts.append(text)


def _anthropic(value: Any) -> Usage | None:
    said = _object(value)
    if not said:
        return None
    written = _count(said, "cache_creation_input_tokens")
    hour = min(written, _count(_object(said.get("cache_creation")), "ephemeral_1h_input_tokens"))
    return Usage(
        fresh=_count(said, "input_tokens"),
        cached=_count(said, "cache_read_input_tokens"),
        written=written - hour,
        written_1h=hour,
        output=_count(said, "output_tokens"),
    )


def _openai(value: Any, reading: str, writing: str) -> Usage | None:
    said = _object(value)
    if not said:
        return None
    total = _count(said, f"{reading}_tokens")
    details = _object(said.get(f"{reading}_tokens_details"))
    cached = min(total, _count(details, "cached_tokens"))
    written = min(total - cached, _count(details, "cache_write_tokens"))
    return Usage(total - cached - written, cached, written, 0, _count(said, f"{writing}_tokens"))


def _google(value: Any) -> Usage | None:
    said = _object(value)
    if not said:
        return None
    total = _count(said, "promptTokenCount") + _count(said, "toolUsePromptTokenCount")
    cached = min(total, _count(said, "cachedContentTokenCount"))
    output = _count(said, "candidatesTokenCount") + _count(said, "thoughtsTokenCount")
    return Usage(fresh=total - cached, cached=cached, output=output)


def _count(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else 0


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


_SILENT = frozenset(("type", "role", "id", "signature", "encrypted_content", "call_id", "status"))


def _texts(value: Any) -> list[str]:
    """Each string in what a model wrote, but for those that aren't its words."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            found.append(each)
        elif isinstance(each, list):
            waiting += reversed(each)
        elif isinstance(each, dict):
            waiting += [inner for name, inner in reversed(each.items()) if name not in _SILENT]
    return found

"""What a request may ask of a model, and what it may cost at most.

The body comes from a hostile container. It is read, looked at and written anew, so that the upstream
can't read it in another way than it was read here. A model answers from what it was given: whatever
has an upstream fetch, run or look up something on its own is kept out, since it would lead out of
the sandbox, and is billed apart from tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runner.gateway.api import Api, Route
from runner.gateway.refusal import Refused
from runner.gateway.tools import without_hosted

# Bounds of what a request is charged with before anybody has counted. No token is less than a byte;
# the rest are the most that a provider documents for one: prompts of its own, pictures, documents.
_OWN_PROMPT_TOKENS = 4_000
_PICTURE_TOKENS = 16_000
_DOCUMENT_TOKENS = 1_000_000
_OUTPUT_TOKENS = 128_000  # where the request sets no limit: the most of today's models
_MOST_TOKENS = 2_000_000

_KEPT_1H = b'"ttl":"1h"'  # Anthropic's cache_control, as it is written here
_MODEL_CHARS = 128
# Each value of a body takes many times its own length while it is looked at.
_MOST_BRACKETS, _MOST_COMMAS = 1_000_000, 4_000_000
_OPENAI_ONLY = ("models", "plugins", "web_search_options", "fallbacks", "api_base", "base_url")
# Fields by which a request would reach beyond itself.
_REACHING: dict[Api, tuple[str, ...]] = {
    Api.MESSAGES: ("mcp_servers", "container", "fallbacks", "models"),
    Api.COUNT_TOKENS: ("mcp_servers", "container", "cachedContent", "cached_content"),
    Api.CHAT: _OPENAI_ONLY,
    Api.RESPONSES: (*_OPENAI_ONLY, "previous_response_id", "conversation", "prompt", "background"),
    Api.GENERATE: ("cachedContent", "cached_content"),
}
# Fields that change the price, and the values that don't.
_PRICED = {
    "service_tier": ("auto", "default", "standard", "standard_only", "flex"),
    "serviceTier": ("standard", "flex", "unspecified"),
    "speed": ("standard",),
    "inference_geo": ("global", "not_available"),
    "ttl": ("30m",),  # of OpenAI's prompt_cache_options
}
_CONTENTS = ("messages", "system", "input", "contents", "systemInstruction", "system_instruction")
_FREE_FORM = frozenset(("arguments", "args", "response", "parameters", "input_schema"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it goes on. ``input_tokens`` and ``output_tokens`` are bounds; ``kept_1h`` if
    some of the input is to be cached for an hour. ``silent`` if the client didn't ask a stream for
    its usage, and is not to be sent it. ``withheld`` names tools that were taken out."""

    route: Route
    model: str
    streams: bool
    body: bytes
    input_tokens: int
    output_tokens: int
    kept_1h: bool = False
    silent: bool = False
    withheld: tuple[str, ...] = ()


def ask(route: Route, body: bytes) -> Asked:
    """Look at a body. Raises ``Refused``."""
    try:
        return ask_for(route, _read(body))
    except RecursionError as error:
        raise _no("the body is no JSON that a conversation would be: it is too deep") from error


def ask_for(route: Route, said: dict[str, Any]) -> Asked:
    """The same for a body that was read; it is changed. Raises ``Refused``."""
    api = route.api
    model = _model(route, said)
    for name in _REACHING[api]:
        if said.get(name):
            raise _no(f"{name}: what an upstream does or holds on its own is not let through")
    caching = said.get("prompt_cache_options")
    priced = {**said, "ttl": caching.get("ttl")} if isinstance(caching, dict) else said
    for name, values in _PRICED.items():
        if priced.get(name) is not None and priced[name] not in values:
            raise _no(f"{name}: must be one of {', '.join(values)}, or not be said")
    withheld = without_hosted(route.upstream.dialect, said)
    media_tokens = sum(_media_tokens(part) for part in _parts(said))
    streams = route.streams or (api is not Api.GENERATE and said.get("stream") is True)
    silent = streams and api is Api.CHAT and _ask_for_usage(said)
    written = json.dumps(said, separators=(",", ":")).encode("ascii")
    tokens = len(written) + _OWN_PROMPT_TOKENS + media_tokens
    return Asked(
        route,
        model,
        streams,
        written,
        tokens,
        _most_output(api, said),
        kept_1h=_KEPT_1H in written,
        silent=silent,
        withheld=withheld,
    )


def _read(body: bytes) -> dict[str, Any]:
    if body.count(b"{") + body.count(b"[") > _MOST_BRACKETS or body.count(b",") > _MOST_COMMAS:
        raise Refused(413, "a body of more values than a conversation has", final=True)
    try:
        said = json.loads(body, parse_constant=_no_constant)
    except ValueError as error:
        raise _no(f"the body is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise _no("the body is no JSON object")
    return said


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _model(route: Route, said: dict[str, Any]) -> str:
    model = route.model or said.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= _MODEL_CHARS:
        raise _no("model: must be the name of a model")
    upstream = route.upstream
    if not upstream.serves(model):
        raise Refused(
            403,
            f"model {model!r} is not let through: {upstream.name} may be asked for "
            f"{', '.join(upstream.models)}",
            final=True,
        )
    return model


def _ask_for_usage(said: dict[str, Any]) -> bool:
    """Have a stream tell its usage; whether the client hadn't asked for it."""
    options = said.get("stream_options")
    options = options if isinstance(options, dict) else {}
    said["stream_options"] = options | {"include_usage": True}
    return options.get("include_usage") is not True


def _most_output(api: Api, said: dict[str, Any]) -> int:
    match api:
        case Api.MESSAGES:
            return _limit(said.get("max_tokens"))
        case Api.CHAT:
            asked = said.get("max_completion_tokens") or said.get("max_tokens")
            return _limit(asked) * _copies(said.get("n"))
        case Api.RESPONSES:
            return _limit(said.get("max_output_tokens"))
        case Api.GENERATE:
            config = said.get("generationConfig") or said.get("generation_config")
            config = config if isinstance(config, dict) else {}
            asked = config.get("maxOutputTokens") or config.get("max_output_tokens")
            copies = config.get("candidateCount") or config.get("candidate_count")
            return _limit(asked) * _copies(copies)
        case Api.COUNT_TOKENS:
            return 0


def _limit(asked: object) -> int:
    if isinstance(asked, bool) or not isinstance(asked, int) or asked <= 0:
        return _OUTPUT_TOKENS
    return min(asked, _MOST_TOKENS)


def _copies(asked: object) -> int:
    return min(asked, 1024) if isinstance(asked, int) and asked > 1 else 1


def _parts(said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each object of what a model is given to read, but for what a program once answered to it."""
    waiting = [said[name] for name in _CONTENTS if name in said]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            yield value
            free = _FREE_FORM | ({"input"} if value.get("type") == "tool_use" else frozenset())
            waiting += [inner for name, inner in value.items() if name not in free]


def _media_tokens(part: dict[str, Any]) -> int:
    """What a part that isn't text counts for. Raises ``Refused`` for one that lies elsewhere."""
    kind = part.get("type")
    for name, value in part.items():
        if name.endswith("_url"):
            url = value.get("url") if isinstance(value, dict) else value
            if url and not (isinstance(url, str) and url.startswith("data:")):
                raise _no(f"{name}: must hold the data itself (data:...), not say where it is")
        elif name in ("file_id", "fileData", "file_data") and value and not _is_data(value):
            raise _no(f"{name}: must hold the data itself, not say where it is")
    if kind in ("url", "file", "container_upload", "item_reference") and part.keys() & _PLACES:
        raise _no(f"{kind}: what is not in the request itself is not let through")
    if kind in ("image", "image_url", "input_image"):
        return _PICTURE_TOKENS
    if kind in ("document", "file", "input_file", "input_audio", "video_url", "audio_url"):
        return _DOCUMENT_TOKENS
    inline = part.get("inlineData") or part.get("inline_data")
    if isinstance(inline, dict):
        mime = inline.get("mimeType") or inline.get("mime_type")
        return _PICTURE_TOKENS if str(mime).startswith("image/") else _DOCUMENT_TOKENS
    return 0


_PLACES = frozenset(("url", "file_id", "id"))


def _is_data(value: object) -> bool:
    """OpenAI's ``file_data`` holds the data, Google's says where it is."""
    return isinstance(value, str) and value.startswith("data:")


def _no(why: str) -> Refused:
    return Refused(400, why, final=True)

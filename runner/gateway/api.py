"""Which paths are answered, and what each of them is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never
from urllib.parse import parse_qsl, unquote

from runner.gateway.refusal import Refused
from runner.gateway.upstream import Dialect, Upstream

PORT = 3129


class Api(StrEnum):
    """The calls that are passed on, each with a way of its own to ask and to count."""

    MESSAGES = "messages"
    COUNT_TOKENS = "count_tokens"  # Anthropic's and Google's: free of charge
    CHAT = "chat"
    RESPONSES = "responses"
    GENERATE = "generate"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes: ``path`` is the one at the upstream, with its query. ``model`` and
    ``streams`` are what the path says of them, which only Gemini's does."""

    upstream: Upstream
    api: Api
    path: str
    model: str = ""
    streams: bool = False


_GEMINI_PATH = re.compile(
    r"/(v1|v1beta)/models/([A-Za-z0-9._-]{1,128}):(generateContent|streamGenerateContent|countTokens)"
)
_POSTS = {
    Dialect.ANTHROPIC: {
        "/v1/messages": Api.MESSAGES,
        "/v1/messages/count_tokens": Api.COUNT_TOKENS,
    },
    Dialect.OPENAI: {"/v1/chat/completions": Api.CHAT, "/v1/responses": Api.RESPONSES},
}
_QUERY: dict[Dialect, dict[str, tuple[str, ...]]] = {
    Dialect.ANTHROPIC: {"beta": ("true",)},
    Dialect.OPENAI: {},
    Dialect.GEMINI: {"alt": ("sse", "json")},
}


def base_url(upstream: Upstream) -> str:
    """What a program in a container is told, after ``http://127.0.0.1:<port>``, as the place of its
    models: its own client adds the rest. ``ANTHROPIC_BASE_URL`` and ``GOOGLE_GEMINI_BASE_URL`` go
    without the version, ``OPENAI_BASE_URL`` with it."""
    return f"/{upstream.name}/v1" if upstream.dialect is Dialect.OPENAI else f"/{upstream.name}"


def split(target: str, upstreams: Mapping[str, Upstream]) -> tuple[Upstream, str, str]:
    """The upstream that a request's target names, the dialect's own path, and the query.

    Raises ``Refused``.
    """
    path, _, query = target.partition("?")
    name, slash, rest = path.removeprefix("/").partition("/")
    if not path.startswith("/") or name not in upstreams:
        raise Refused(404, f"there is no upstream here but {_listed(tuple(upstreams))}", final=True)
    return upstreams[name], slash + rest, query


def route(upstream: Upstream, path: str, query: str) -> Route:
    """What a ``POST`` to one of the dialect's own paths is. Raises ``Refused``."""
    dialect = upstream.dialect
    asked = _query(dialect, query)
    if dialect is Dialect.GEMINI:
        return _gemini(upstream, path, asked)
    api = _POSTS[dialect].get(path)
    if api is None:
        allowed = _listed(tuple(_POSTS[dialect]))
        raise Refused(404, f"POST {path[:100]}: only {allowed} are let through", final=True)
    own = path.removeprefix("/v1") if dialect is Dialect.OPENAI else path
    return Route(upstream, api, f"{upstream.prefix}{own}{_told(asked)}")


def _gemini(upstream: Upstream, path: str, asked: dict[str, str]) -> Route:
    found = _GEMINI_PATH.fullmatch(unquote(path))
    if found is None:
        allowed = "/v1beta/models/<model>:generateContent, :streamGenerateContent and :countTokens"
        raise Refused(404, f"POST {path[:100]}: only {allowed} are let through", final=True)
    version, model, call = found.groups()
    streams = call == "streamGenerateContent"
    if streams and asked.get("alt") != "sse":
        raise Refused(400, "a stream is to be asked for with ?alt=sse", final=True)
    api = Api.COUNT_TOKENS if call == "countTokens" else Api.GENERATE
    place = f"{upstream.prefix}/{version}/models/{model}:{call}{_told(asked)}"
    return Route(upstream, api, place, model, streams)


def _query(dialect: Dialect, query: str) -> dict[str, str]:
    """What a query asks, without the key. Raises ``Refused``."""
    allowed = _QUERY[dialect]
    asked = {}
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=8):
        if name == "key":
            continue
        if value not in allowed.get(name, ()):
            raise Refused(400, f"?{name[:40]}={value[:40]} is not let through", final=True)
        asked[name] = value
    return asked


def _told(asked: dict[str, str]) -> str:
    return f"?{'&'.join(f'{name}={value}' for name, value in asked.items())}" if asked else ""


def models_of(upstream: Upstream) -> dict[str, object]:
    """What is answered to who asks for the models: the configured ones that are no globs."""
    names = [each for each in upstream.models if not set(each) & set("*?[")]
    match upstream.dialect:
        case Dialect.ANTHROPIC:
            data = [{"type": "model", "id": each, "display_name": each} for each in names]
            return {"data": data, "has_more": False, "first_id": None, "last_id": None}
        case Dialect.OPENAI:
            listed = [
                {"id": each, "object": "model", "created": 0, "owned_by": ""} for each in names
            ]
            return {"object": "list", "data": listed}
        case Dialect.GEMINI:
            return {"models": [{"name": f"models/{each}"} for each in names]}
        case _:
            assert_never(upstream.dialect)


def is_list_of_models(upstream: Upstream, path: str) -> bool:
    """Whether a ``GET`` of the path asks for the models."""
    return path == "/v1/models" or (upstream.dialect is Dialect.GEMINI and path == "/v1beta/models")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"

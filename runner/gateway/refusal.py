"""Saying no, in the words that each dialect's programs understand."""

from __future__ import annotations

import json
from typing import Any, assert_never

from runner.gateway.upstream import Dialect


class Refused(Exception):
    """A request that isn't answered by a model; the text says why.

    ``status`` is HTTP's. ``final`` if asking again is of no use, ``retry_after_s`` if it is after a
    while.
    """

    def __init__(
        self, status: int, why: str, *, final: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(why)
        self.status = status
        self.final = final
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What tells a program whether to ask again: the clients of Anthropic and of OpenAI look at
        ``x-should-retry`` before they look at the status."""
        found = []
        if self.final:
            found.append(("x-should-retry", "false"))
        if self.retry_after_s is not None:
            found.append(("retry-after", f"{self.retry_after_s:.0f}"))
        return tuple(found)


class OutOfMoney(Refused):
    """Refused since a cap is reached: it is of no use to ask again."""

    def __init__(self, why: str) -> None:
        super().__init__(429, why, final=True)


def body_of(dialect: Dialect, refused: Refused) -> dict[str, Any]:
    """The JSON of a refusal, as the dialect's own services word theirs."""
    said = f"oppie: {refused}"
    match dialect:
        case Dialect.ANTHROPIC:
            kind = _ANTHROPIC.get(refused.status, "api_error")
            return {"type": "error", "error": {"type": kind, "message": said}}
        case Dialect.OPENAI:
            spent = isinstance(refused, OutOfMoney)
            kind = "insufficient_quota" if spent else _OPENAI.get(refused.status, "server_error")
            return {"error": {"message": said, "type": kind, "param": None, "code": kind}}
        case Dialect.GEMINI:
            status = _GEMINI.get(refused.status, "INTERNAL")
            error: dict[str, Any] = {"code": refused.status, "message": said, "status": status}
            if isinstance(refused, OutOfMoney):
                error["details"] = [_QUOTA_OF_THE_DAY]
            return {"error": error}
        case _:
            assert_never(dialect)


def event_of(dialect: Dialect, refused: Refused) -> bytes:
    """The same as an event in a stream that has begun."""
    body = body_of(dialect, refused)
    if dialect is Dialect.OPENAI:  # Chat's clients look for "error", those of Responses for a type
        body |= {
            "type": "error",
            "code": body["error"]["code"],
            "message": str(refused),
            "param": None,
        }
    name = b"" if dialect is Dialect.GEMINI else b"event: error\n"
    return name + b"data: " + json.dumps(body).encode("ascii") + b"\n\n"


_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_OPENAI = {
    400: "invalid_request_error",
    401: "invalid_api_key",
    403: "permission_denied",
    404: "not_found",
    413: "request_too_large",
    429: "rate_limit_exceeded",
}
_GEMINI = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
# Gemini CLI asks again after every 429, but for one that speaks of a day's quota.
_QUOTA_OF_THE_DAY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"subject": "oppie", "quotaId": "OppieBudgetPerDay"}],
}

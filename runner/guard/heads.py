"""The heads of requests and replies, on top of ``runner.wire``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from runner.wire import EMPTY, Framing, Headers, Malformed, framing_of, lines_of

_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.1")
_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([1-9][0-9]{2})(?: ([\t -~]*))?")


@dataclass(frozen=True, slots=True)
class Request:
    """A request's head. Header names are in lower case, and each is there once."""

    method: str
    target: str
    headers: Mapping[str, str]
    framing: Framing

    @property
    def upgrade(self) -> str:
        """The protocol that the connection is to be changed to, in lower case; "" if to none."""
        asked = self.headers.get("connection", "").lower() == "upgrade"
        return self.headers.get("upgrade", "").lower() if asked else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply's head, of an engine that is trusted; header names are in lower case."""

    status: int
    reason: str
    headers: Headers
    framing: Framing


def parse_request(head: bytes) -> Request:
    """Read a request's head. Raises ``Malformed``."""
    first, pairs = lines_of(head)
    found = _REQUEST_LINE.fullmatch(first)
    if not found:
        raise Malformed("the request line is not METHOD /path HTTP/1.1")
    framing = framing_of(pairs) or EMPTY
    headers = dict(pairs)
    if len(headers) != len(pairs):
        raise Malformed("a header is repeated")
    if "host" not in headers:
        raise Malformed("the Host header is missing")
    return Request(found[1], found[2], headers, framing)


def parse_reply(head: bytes, method: str) -> Reply:
    """Read the head of the reply to a request of ``method``. Raises ``Malformed`` (502)."""
    try:
        first, pairs = lines_of(head)
        found = _STATUS_LINE.fullmatch(first)
        if not found:
            raise Malformed("the engine's status line is none")
        framing = framing_of(pairs) or Framing()
    except Malformed as error:
        raise Malformed(f"the engine's reply: {error}", 502) from error
    status = int(found[1])
    if method == "HEAD" or status in (204, 304):
        framing = EMPTY
    return Reply(status, found[2] or "", pairs, framing)

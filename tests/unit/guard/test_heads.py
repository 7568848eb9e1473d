"""Heads of requests: one grammar, and nothing that a second reader could take otherwise."""

from __future__ import annotations

import pytest

from runner.guard.heads import parse_reply, parse_request
from runner.wire import EMPTY, Framing, Malformed

HOST = b"Host: e"


def head(*lines: bytes) -> bytes:
    return b"\r\n".join(lines)


def test_a_request_is_read() -> None:
    request = parse_request(
        head(b"POST /v1.41/containers/a/attach?stdin=1 HTTP/1.1", HOST, b"Upgrade:tcp", b"Connection: Upgrade")
    )  # fmt: skip
    assert (request.method, request.target) == ("POST", "/v1.41/containers/a/attach?stdin=1")
    assert (request.upgrade, request.framing) == ("tcp", EMPTY)
    assert parse_request(head(b"GET / HTTP/1.1", HOST, b"Content-Length: 12")).framing == Framing(12)
    chunked = parse_request(head(b"GET / HTTP/1.1", HOST, b"Transfer-Encoding: Chunked"))
    assert chunked.framing == Framing(chunked=True)


@pytest.mark.parametrize(
    "lines",
    [
        (b"GET http://other/ HTTP/1.1", HOST),
        (b"CONNECT other:80 HTTP/1.1", HOST),
        (b"GET  / HTTP/1.1", HOST),
        (b"GET / HTTP/1.0", HOST),
        (b"GET / HTTP/1.1 ", HOST),
        (b"get / HTTP/1.1", HOST),
        (b"GET /\xc3\xa4 HTTP/1.1", HOST),
        (b"GET / HTTP/1.1",),
        (b"GET / HTTP/1.1", HOST, HOST),
        (b"GET / HTTP/1.1", HOST, b"Content-Length: 1", b"Content-Length: 1"),
        (b"GET / HTTP/1.1", HOST, b"Content-Length: 1", b"content-length: 2"),
        (b"GET / HTTP/1.1", HOST, b"Content-Length: 1", b"Transfer-Encoding: chunked"),
        (b"GET / HTTP/1.1", HOST, b"Transfer-Encoding: gzip, chunked"),
        (b"GET / HTTP/1.1", HOST, b"Transfer-Encoding: identity"),
        (b"GET / HTTP/1.1", HOST, b"Content-Length: +1"),
        (b"GET / HTTP/1.1", HOST, b"Content-Length: 1, 1"),
        (b"GET / HTTP/1.1", HOST, b"Content-Length: 0x1"),
        (b"GET / HTTP/1.1", HOST, b"Content-Length:"),
        (b"GET / HTTP/1.1", HOST, b"Content-Length : 1"),
        (b"GET / HTTP/1.1", HOST, b"X: 1", b" folded"),
        (b"GET / HTTP/1.1", HOST, b"X: 1\nContent-Length: 3"),
        (b"GET / HTTP/1.1", HOST, b"X: 1\rContent-Length: 3"),
        (b"GET / HTTP/1.1", HOST, b"X: \x00"),
        (b"GET / HTTP/1.1", HOST, b": 1"),
        (b"GET / HTTP/1.1", HOST, *(b"X%d: 1" % n for n in range(80))),
    ],
)
def test_a_head_that_could_be_read_in_two_ways_is_refused(lines: tuple[bytes, ...]) -> None:
    with pytest.raises(Malformed):
        parse_request(head(*lines))


def test_replies_tell_how_long_they_are() -> None:
    assert parse_reply(b"HTTP/1.1 204 No Content", "DELETE").framing == EMPTY
    assert parse_reply(b"HTTP/1.1 200 OK\r\nContent-Length: 3", "HEAD").framing == EMPTY
    assert parse_reply(b"HTTP/1.1 200 OK", "GET").framing == Framing()
    with pytest.raises(Malformed) as told:
        parse_reply(b"SSH-2.0-OpenSSH", "GET")
    assert told.value.status == 502

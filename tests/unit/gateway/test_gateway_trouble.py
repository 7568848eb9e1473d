"""Upstreams that stall, refuse, hang up, and answer what nobody expects."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gateway_stage import (
    ASK,
    KEY,
    PATIENCE,
    PRICE,
    RUN,
    Said,
    Script,
    Server,
    Stage,
    event,
    message,
    message_events,
    read_request,
    reply,
    stream,
)

from runner.gateway import Caps, Dialect, Gateway, Ledger, Prices, Refused, Upstream, Ways
from runner.gateway.events import EVENT_LIMIT_BYTES
from runner.gateway.relaying import ANSWER_LIMIT_BYTES

BUSY = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
STREAM = ASK | {"stream": True}
HASTY = replace(PATIENCE, first_s=0.3, stall_s=0.3)


def hang_up(sock: socket.socket, said: Said) -> None:
    del sock, said


def silent(told: threading.Event) -> Script:
    """Says nothing until the other side leaves, which it tells of."""

    def play(sock: socket.socket, said: Said) -> None:
        del said
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""
        told.set()

    return play


def raw(data: bytes) -> Script:
    def play(sock: socket.socket, said: Said) -> None:
        del said
        sock.sendall(data)

    return play


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_asked_again(tmp_path: Path, status: int) -> None:
    scripts = [reply(status, BUSY, "Retry-After: 0"), reply(200, message())]
    with Stage(tmp_path, scripts) as stage:
        assert stage.post().json == message()
        stage.close()
        assert len(stage.server.heard) == 2
        assert stage.account.spending.requests == 1
    assert stage.lines()[0]["tries"] == 2


def test_a_connection_that_ends_before_an_answer_is_asked_again(tmp_path: Path) -> None:
    with Stage(tmp_path, [hang_up, reply(200, message())]) as stage:
        assert stage.post().status == 200


def test_an_upstream_says_how_long_to_wait(tmp_path: Path) -> None:
    scripts = [reply(429, BUSY, "Retry-After: 1"), reply(200, message())]
    with Stage(tmp_path, scripts) as stage:
        began = time.monotonic()
        assert stage.post().status == 200
        assert time.monotonic() - began > 0.9


def test_a_wait_that_is_too_long_is_left_to_who_asked(tmp_path: Path) -> None:
    with Stage(tmp_path, [reply(429, BUSY, "Retry-After: 900")]) as stage:
        heard = stage.post()
        assert heard.status == 429
        assert heard.json == BUSY
        assert heard.headers["retry-after"] == "900"
        stage.close()
        assert len(stage.server.heard) == 1
        assert stage.account.spent == ""


@pytest.mark.parametrize(
    ("status", "headers"),
    [(400, ()), (403, ()), (404, ()), (413, ()), (500, ("x-should-retry: false",))],
)
def test_what_will_not_pass_is_asked_once(
    tmp_path: Path, status: int, headers: tuple[str, ...]
) -> None:
    with Stage(tmp_path, [reply(status, BUSY, *headers)]) as stage:
        heard = stage.post()
        assert (heard.status, heard.json) == (status, BUSY)
        assert len(stage.server.heard) == 1
        stage.close()
        assert stage.account.spending.requests == 0


def test_asking_again_has_an_end(tmp_path: Path) -> None:
    with Stage(tmp_path, [reply(500, b"<html>", "Retry-After: 0")]) as stage:
        heard = stage.post()
        assert heard.status == 500
        assert heard.json["error"]["message"] == "oppie: anthropic answered with status 500: <html>"
        assert len(stage.server.heard) == 8


def test_nobody_there(tmp_path: Path) -> None:
    with Stage(tmp_path, patience=replace(PATIENCE, retry_s=0.5)) as stage:
        stage.server.close()
        heard = stage.post()
        assert heard.status == 502
        assert "anthropic can't be reached at 127.0.0.1:" in heard.json["error"]["message"]
        stage.close()
        assert stage.account.spending.cost_usd == 0


def test_a_server_that_never_answers(tmp_path: Path) -> None:
    """Somebody may have worked on it: what it was given to read is counted."""
    left = threading.Event()
    with Stage(tmp_path, [silent(left)], patience=HASTY) as stage:
        heard = stage.post()
        assert heard.status == 504
        assert heard.json["error"]["type"] == "timeout_error"
        assert left.wait(20)
        stage.close()
        assert stage.account.spending.estimated
        assert stage.account.spending.input_tokens == -(-len(stage.server.heard[0].body) // 4)


@pytest.mark.parametrize("stalls", [False, True])
def test_half_a_stream_ends_in_an_error_and_is_paid(tmp_path: Path, stalls: bool) -> None:
    left = threading.Event()

    def play(sock: socket.socket, said: Said) -> None:
        half = [
            *message_events("x" * 4000)[:3],
            b'event: content_block_delta\ndata: {"type": "cont',
        ]
        stream(half, end=False)(sock, said)
        if stalls:
            silent(left)(sock, said)

    with Stage(tmp_path, [play], patience=HASTY) as stage:
        heard = stage.post("/anthropic/v1/messages", STREAM)
        *whole, last = heard.body.decode().removesuffix("\n\n").split("\n\n")
        assert len(whole) == 3
        name, data = last.split("\n")
        assert name == "event: error"
        assert json.loads(data.removeprefix("data: "))["error"]["type"] == "api_error"
        stage.close()
        found = stage.account.spending
        assert (found.input_tokens, found.output_tokens, found.estimated) == (140, 1000, True)
    assert "anthropic: the answer" in stage.lines()[0]["why"]


@pytest.mark.parametrize(
    ("path", "begin"),
    [
        ("/openai/v1/chat/completions", {"choices": [{"delta": {"content": "yes"}}]}),
        ("/openai/v1/responses", {"type": "response.output_text.delta", "delta": "yes"}),
        (
            "/gemini/v1beta/models/gemini-x:streamGenerateContent?alt=sse",
            {"candidates": [{"content": {"parts": [{"text": "yes"}]}}]},
        ),
    ],
)
def test_each_dialect_has_its_error_in_a_stream(
    tmp_path: Path, path: str, begin: dict[str, Any]
) -> None:
    body = {"model": "gpt-x", "stream": True, "messages": [], "input": "hi", "contents": []}
    with Stage(tmp_path, [stream([event(begin)])]) as stage:
        last = stage.post(path, body).body.decode().split("\n\n")[-2]
        assert "breaks off" in json.loads(last.partition("data: ")[2])["error"]["message"]
        stage.close()
        assert stage.account.spending.estimated
        assert stage.account.spending.output_tokens == 1


def test_half_an_answer_in_one_piece(tmp_path: Path) -> None:
    half = (
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"type"'
    )
    with Stage(tmp_path, [raw(half)]) as stage:
        heard = stage.post()
        assert heard.status == 502
        assert "breaks off" in heard.json["error"]["message"]
        stage.close()
        assert stage.account.spending.estimated


@pytest.mark.parametrize(
    "odd",
    [
        b"data: {not json}\n\n",
        b"data: [1, 2]\n\n",
        b"data: null\n\n",
        b": a comment\n\n",
        b"event: nothing\n\n",
        b"\n\n",
        b"data: \xff\xfe\n\n",
        b"data: {\ndata: }\n\n",
        event({"type": "message_delta", "usage": {"output_tokens": -5, "input_tokens": "many"}}),
        event({"type": "message_delta", "usage": [1]}),
        event({"type": "content_block_delta", "delta": 17}),
        event({"type": "message_start", "message": None}),
        event({"type": ["a"]}),
        b"data: " + b"[" * 100_000 + b"\n\n",
        b'data: {"a": ' + b'{"b": ' * 50_000 + b"\n\n",
        b'data: {"type": "message_delta", "usage": {"output_tokens": 1e999}}\n\n',
    ],
)
def test_odd_events_are_passed_on_and_do_no_harm(tmp_path: Path, odd: bytes) -> None:
    first, *rest = message_events()
    with Stage(tmp_path, [stream([first, odd, *rest])]) as stage:
        heard = stage.post("/anthropic/v1/messages", STREAM)
        assert heard.body == first + odd + b"".join(rest)
        stage.close()
        assert stage.account.spending.output_tokens == 5
        assert not stage.account.spending.estimated


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_events_are_cut_where_they_end_however_they_come(tmp_path: Path, end: bytes) -> None:
    whole = b"".join(message_events()).replace(b"\n", end)
    with Stage(tmp_path, [stream([whole[at : at + 1] for at in range(len(whole))])]) as stage:
        assert stage.post("/anthropic/v1/messages", STREAM).body == whole
        stage.close()
        assert stage.account.spending.output_tokens == 5


def test_a_last_event_without_its_empty_line_counts(tmp_path: Path) -> None:
    *events, last = message_events()
    with Stage(tmp_path, [stream([*events, last.rstrip(b"\n")])]) as stage:
        assert stage.post("/anthropic/v1/messages", STREAM).body == b"".join((*events, last))
        stage.close()
        assert not stage.account.spending.estimated


@pytest.mark.parametrize("whole", [False, True])
def test_an_endless_answer_has_an_end(tmp_path: Path, whole: bool) -> None:
    def play(sock: socket.socket, said: Said) -> None:
        del said
        kind = b"application/json" if whole else b"text/event-stream"
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n\r\n")
        for _ in range((ANSWER_LIMIT_BYTES >> 20) + 8):
            sock.sendall(b"data: x" * (1 << 17))

    with Stage(tmp_path, [play]) as stage:
        heard = stage.post("/anthropic/v1/messages", STREAM)
        assert len(heard.body) < 1000
        assert str(ANSWER_LIMIT_BYTES if whole else EVENT_LIMIT_BYTES).encode() in heard.body


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"HTTP/1.1 200 OK", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 2x OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 307 X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ],
)  # fmt: skip
def test_an_answer_that_is_none(tmp_path: Path, answer: bytes) -> None:
    with Stage(tmp_path, [raw(answer)], patience=replace(PATIENCE, retry_s=0.2)) as stage:
        heard = stage.post()
        assert heard.status == 502
        assert heard.json["type"] == "error"


def test_what_an_upstream_says_of_the_key_stays_here(tmp_path: Path) -> None:
    with Stage(tmp_path, [reply(401, {"error": f"Incorrect API key: {KEY[:8]}***"})]) as stage:
        heard = stage.post()
        assert heard.status == 401
        assert KEY[:8].encode() not in heard.body
        assert "doesn't take the key" in heard.json["error"]["message"]


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_key_that_is_said_back_is_hidden(tmp_path: Path, status: int) -> None:
    scripts = [reply(status, message(f"your key is {KEY}"), "Retry-After: 900")]
    with Stage(tmp_path, scripts) as stage:
        assert b"your key is [hidden]" in stage.post().body
    with Stage(tmp_path, [stream(message_events(f"it is {KEY}"))]) as stage:
        assert b"it is [hidden]" in stage.post("/anthropic/v1/messages", STREAM).body
    assert KEY not in stage.transcript.read_text()


def test_headers_of_an_upstream_are_picked(tmp_path: Path) -> None:
    headers = ("request-id: req_1", "set-cookie: a=b", "anthropic-organization-id: o", "x-key: k")
    with Stage(tmp_path, [reply(200, message(), *headers)]) as stage:
        heard = stage.post()
        assert set(heard.headers) == {"content-type", "content-length", "request-id"}


def test_the_end_of_a_node_cuts_what_is_under_way(tmp_path: Path) -> None:
    left, asked = threading.Event(), threading.Event()

    def play(sock: socket.socket, said: Said) -> None:
        stream(message_events("x" * 400)[:3], end=False)(sock, said)
        asked.set()
        silent(left)(sock, said)

    with Stage(tmp_path, [play]) as stage, stage.client() as sock:
        sock.sendall(stage.request("/anthropic/v1/messages", STREAM))
        assert asked.wait(20)
        while b"xxx" not in sock.recv(1 << 16):
            pass
        stage.close()
        assert left.wait(20)
        assert stage.account.spending.estimated
        assert stage.account.spending.output_tokens == 100


def test_the_end_of_a_node_cuts_a_wait_for_the_first_byte(tmp_path: Path) -> None:
    left = threading.Event()
    patience = replace(PATIENCE, first_s=60.0)
    with Stage(tmp_path, [silent(left)], patience=patience) as stage, stage.client() as sock:
        sock.sendall(stage.request("/anthropic/v1/messages", ASK))
        deadline = time.monotonic() + 20
        while not stage.server.heard:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        stage.close()
        assert left.wait(20)


def test_a_client_that_leaves_is_not_streamed_to(tmp_path: Path) -> None:
    left, gone = threading.Event(), threading.Event()

    def play(sock: socket.socket, said: Said) -> None:
        first, *_ = message_events()
        stream([first], end=False)(sock, said)
        assert gone.wait(20)
        sock.sendall(b"100\r\n" + b"x" * 254 + b"\n\n\r\n")
        silent(left)(sock, said)

    with Stage(tmp_path, [play]) as stage:
        with stage.client() as sock:
            sock.sendall(stage.request("/anthropic/v1/messages", STREAM))
            assert sock.recv(1)
        gone.set()
        assert left.wait(20)
        stage.close()
        assert stage.account.spending.requests == 1


def test_a_client_that_does_not_read_is_hung_up_on(tmp_path: Path) -> None:
    events = message_events("x" * (4 << 20))
    patience = replace(PATIENCE, client_s=0.3)
    with Stage(tmp_path, [stream(events)], patience=patience) as stage, stage.client() as sock:
        sock.sendall(stage.request("/anthropic/v1/messages", STREAM))
        deadline = time.monotonic() + 20
        while not stage.account.spending.requests:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def gateway_of(folder: Path, url: str, ways: Ways) -> tuple[Gateway, Ledger]:
    ledger = Ledger(folder / "spending", RUN)
    upstream = Upstream("anthropic", Dialect.ANTHROPIC, url, ("*",), KEY, PRICE)
    patience = replace(PATIENCE, retry_s=0.1)
    return Gateway([upstream], Caps(), Prices.load(), ledger, ways, patience), ledger


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:models.example",
         "-keyout", path, "-out", path.with_suffix(".crt")],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


def over_tls(certificate: Path, script: Script) -> Script:
    """The server's side of TLS, after whatever was said in the clear."""

    def play(sock: socket.socket, said: Said) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if said.line.startswith("CONNECT "):
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(sock, server_side=True) as secure:
            script(secure, read_request(secure))

    return play


@pytest.mark.parametrize(
    ("host", "trusted", "why"),
    [
        ("models.example", True, ""),
        ("models.example", False, "certificate verify failed"),
        ("other.example", True, "certificate is not valid for"),
    ],
)
def test_tls_is_verified_through_a_proxy(
    tmp_path: Path, certificate: Path, host: str, trusted: bool, why: str
) -> None:
    server = Server(over_tls(certificate, reply(200, message())))
    proxies = {"https_proxy": f"http://127.0.0.1:{server.port}"}
    ways = Ways(proxies, certificate.with_suffix(".crt") if trusted else None)
    gateway, ledger = gateway_of(tmp_path, f"https://{host}", ways)
    with ledger, gateway.open("A", tmp_path / "t.jsonl") as account:
        if why:
            with pytest.raises(Refused, match=why):
                account.ask("anthropic", "/v1/messages", ASK)
        else:
            assert account.ask("anthropic", "/v1/messages", ASK) == message()
    server.close()


def test_the_machines_proxies_are_used(tmp_path: Path) -> None:
    server = Server(reply(200, message()), reply(403, b"no"))
    proxies = dict.fromkeys(("http_proxy", "https_proxy"), f"http://me:pw@127.0.0.1:{server.port}")
    for url in ("http://models.example/base", "https://models.example"):
        gateway, ledger = gateway_of(tmp_path, url, Ways(proxies))
        with ledger, gateway.open("A", tmp_path / "t.jsonl") as account:
            if url.startswith("http:"):
                assert account.ask("anthropic", "/v1/messages", ASK) == message()
            else:
                with pytest.raises(Refused, match="can't be reached"):
                    account.ask("anthropic", "/v1/messages", ASK)
    server.close()
    plain, tunnel = server.heard[:2]
    assert plain.line == "POST http://models.example:80/base/v1/messages HTTP/1.1"
    assert plain.headers["proxy-authorization"] == "Basic bWU6cHc="
    assert tunnel.line.startswith("CONNECT models.example:443 HTTP/1.")
    assert "x-api-key" not in tunnel.headers

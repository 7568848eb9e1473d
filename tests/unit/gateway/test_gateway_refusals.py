"""What a hostile container says to the gateway, and that none of it goes any further."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from gateway_stage import ASK, KEY, Stage, read_answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.gateway.account import CONNECTIONS_AT_A_TIME
from runner.gateway.refusal import Refused
from runner.gateway.serving import BODY_LIMIT_BYTES, Room

BODY = json.dumps(ASK).encode()


def length(body: bytes = BODY) -> bytes:
    return b"content-length: %d\r\n" % len(body)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One for all: nothing that is refused here may ever reach the server."""
    with Stage(tmp_path_factory.mktemp("gateway"), models=("claude-test-*", "gpt-4*")) as found:
        yield found
        assert found.server.heard == []


@pytest.mark.parametrize(
    "path",
    [
        "/", "/v1/messages", "/other/v1/messages", "//anthropic/v1/messages",
        "/anthropic", "/anthropic/", "/anthropic/v1", "/anthropic/v1/messages/", "/anthropic//v1/messages",
        "/anthropic/v1/messages/../files", "/anthropic/../openai/v1/files", "/anthropic/v1/messages%2f..",
        "/anthropic/v1/messages/batches", "/anthropic/v1/files", "/anthropic/v1/complete",
        "/anthropic/v1/chat/completions", "/anthropic/V1/MESSAGES", "/anthropic/v1/messages;x",
        "/openai/v1/files", "/openai/v1/embeddings", "/openai/v1/responses/resp_1", "/openai/v1/messages",
        "/openai/v1/images/generations", "/openai/chat/completions",
        "/gemini/v1beta/models/gpt-4:predict", "/gemini/v1beta/cachedContents",
        "/gemini/v1beta/models/gpt-4/../../files:generateContent", "/gemini/v1beta/files",
        "/gemini/v1beta/models/..%2f..%2fx:generateContent", "/gemini/v1alpha/models/gpt-4:generateContent",
    ],
)  # fmt: skip
def test_no_other_path(stage: Stage, path: str) -> None:
    assert stage.post(path).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/anthropic/v1/messages?beta=false", "/anthropic/v1/messages?to=elsewhere",
        "/openai/v1/responses?x=y", "/gemini/v1beta/models/gpt-4:generateContent?alt=media",
        "/gemini/v1beta/models/gpt-4:streamGenerateContent",
    ],
)  # fmt: skip
def test_no_other_query(stage: Stage, path: str) -> None:
    assert stage.post(path).status == 400


@pytest.mark.parametrize(
    "request_line",
    [
        b"POST http://169.254.169.254/anthropic/v1/messages HTTP/1.1",
        b"POST https://api.anthropic.com/v1/messages HTTP/1.1",
        b"CONNECT api.anthropic.com:443 HTTP/1.1",
        b"POST anthropic/v1/messages HTTP/1.1",
        b"POST * HTTP/1.1",
        b"POST /anthropic/v1/messages HTTP/1.0",
        b"POST /anthropic/v1/messages HTTP/2.0",
        b"POST /anthropic/v1/messages",
        b"POST  /anthropic/v1/messages HTTP/1.1",
        b"post /anthropic/v1/messages HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_no_other_host_and_no_other_protocol(stage: Stage, request_line: bytes) -> None:
    token = f"x-api-key: {stage.account.token}\r\n".encode()
    heard = stage.raw(
        request_line + b"\r\nhost: api.openai.com\r\n" + token + length() + b"\r\n" + BODY
    )
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert heard.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "GET"])
def test_no_other_method(stage: Stage, method: str) -> None:
    token = stage.account.token
    heard = stage.raw(f"{method} /openai/v1/files HTTP/1.1\r\nx-api-key: {token}\r\n\r\n".encode())
    assert heard.split()[1] in (b"404", b"405")


@pytest.mark.parametrize(
    "framing",
    [
        length() + b"transfer-encoding: chunked\r\n",
        length() + length(),
        b"content-length: %d, %d\r\n" % (len(BODY), len(BODY)),
        b"content-length: +%d\r\n" % len(BODY),
        b"content-length:\x0b%d\r\n" % len(BODY),
        b"transfer-encoding: chunked, identity\r\n",
        b"transfer-encoding: xchunked\r\n",
        b"transfer-encoding : chunked\r\n",
        b"content-length: %d\n" % len(BODY),
        b"x: 1\r\n y: 2\r\n" + length(),
        b"x: \x00\r\n" + length(),
        b"x: a\rb: c\r\n" + length(),
    ],
)
def test_no_request_in_a_request(stage: Stage, framing: bytes) -> None:
    token = f"x-api-key: {stage.account.token}\r\n".encode()
    head = b"POST /anthropic/v1/messages HTTP/1.1\r\nhost: x\r\n" + token
    heard = stage.raw(
        head + framing + b"\r\n" + BODY + stage.request("/anthropic/v1/messages", ASK)
    )
    assert heard.split()[1] in (b"400", b"501")
    assert heard.count(b"HTTP/1.1 ") == 1


def test_a_body_that_is_refused_unread_is_no_request(stage: Stage) -> None:
    inner = stage.request("/anthropic/v1/messages", ASK)
    heard = stage.raw(stage.request("/anthropic/v1/files", inner))
    assert heard.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "headers",
    [
        (), ("x-api-key: ",), (f"x-api-key: {KEY}",), ("authorization: Bearer oppie-x",),
        ("authorization: Basic x",),
    ],
)  # fmt: skip
def test_no_token_no_answer(stage: Stage, headers: tuple[str, ...]) -> None:
    heard = stage.post("/anthropic/v1/messages", ASK, *(headers or ("a: b",)))
    assert heard.status == 401
    assert heard.json["error"]["type"] == "authentication_error"


def test_a_token_is_of_one_node_and_dies_with_it(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage, stage.gateway.open("A.2", tmp_path / "2.jsonl") as other:
        assert other.token != stage.account.token
        assert stage.post("/anthropic/v1/messages", ASK, f"x-api-key: {other.token}").status == 401
        with stage.client() as sock, stage.client() as idle:
            sock.sendall(stage.request("/anthropic/v1/messages", ASK))
            assert read_answer(sock).status == 200
            stage.close()
            assert sock.recv(1) == b""
            assert idle.recv(1) == b""
        assert stage.raw(stage.request("/anthropic/v1/messages", ASK)) == b""
        dead = f"x-api-key: {stage.account.token}"
        assert (
            stage.raw(stage.request("/anthropic/v1/messages", ASK, dead), other).split()[1]
            == b"401"
        )
        assert len(stage.server.heard) == 1


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/anthropic/v1/messages", ASK | {"model": "claude-other"}, "permission_error"),
        ("/openai/v1/responses", {"model": "GPT-4", "input": "x"}, "permission_denied"),
        ("/gemini/v1beta/models/gemini-x:generateContent", {}, "PERMISSION_DENIED"),
    ],
)
def test_no_other_model(stage: Stage, path: str, body: dict[str, Any], kind: str) -> None:
    heard = stage.post(path, body)
    assert heard.status == 403
    assert "claude-test-*, gpt-4*" in heard.json["error"]["message"]
    assert kind in heard.json["error"].values()
    assert heard.headers["x-should-retry"] == "false"


def test_a_model_that_is_said_twice_is_read_once(tmp_path: Path) -> None:
    """One reader takes the first, another the last: what goes on is what was looked at."""
    twice = b'{"model": "claude-dear", "max_tokens": 1, "messages": [], "model": "claude-test-1"}'
    with Stage(tmp_path, models=("claude-test-1",)) as stage:
        assert stage.post("/anthropic/v1/messages", twice).status == 200
        assert stage.server.heard[0].body.count(b"model") == 1
        assert stage.server.heard[0].json["model"] == "claude-test-1"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"x"', b"null", b'{"model": 1}', b'{"model": ""}', b'{"model": NaN}',
        b'{"model": "claude-test-1", "x": Infinity}', b"\xff\xfe", b"[" * 100_000,
        b'{"model": "claude-test-1", "x": ' + b"[" * 100_000,
        b'{"model": "claude-test-1", "n": ' + b"9" * 10_000 + b"}",
        b'{"model": "' + b"claude-test-1" * 20 + b'"}',
    ],
)  # fmt: skip
def test_a_body_that_is_none(stage: Stage, body: bytes) -> None:
    heard = stage.post("/anthropic/v1/messages", body)
    assert heard.status in (400, 403)
    assert heard.json["type"] == "error"


def test_bodies_are_bounded(stage: Stage) -> None:
    token = f"x-api-key: {stage.account.token}\r\n".encode()
    head = b"POST /anthropic/v1/messages HTTP/1.1\r\nhost: x\r\n" + token
    size = b"content-length: %d\r\n\r\n" % (BODY_LIMIT_BYTES + 1)
    assert stage.raw(head + size).split()[1] == b"413"
    with stage.client() as sock:
        sock.sendall(head + b"transfer-encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        with contextlib.suppress(OSError):
            for _ in range(34):
                sock.sendall(chunk)
        assert sock.recv(12) == b"HTTP/1.1 413"
    assert stage.post("/anthropic/v1/messages", b"[" + b"[]," * 1_000_001 + b"]").status == 413
    packed = stage.post(
        "/anthropic/v1/messages", ASK, token.decode()[:-2], "content-encoding: gzip"
    )
    assert packed.status == 415


def test_what_all_bodies_take_up_is_bounded() -> None:
    room = Room(10)
    with room.lend() as one:
        one(6)
        with pytest.raises(Refused) as caught, room.lend() as other:
            other(5)
        assert caught.value.status == 503
        assert not caught.value.final
    with room.lend() as again:
        again(10)


def test_connections_are_bounded(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage, contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS_AT_A_TIME):
            stack.enter_context(stage.client())
        with stage.client() as one_too_many:
            assert one_too_many.recv(1) == b""


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_nonsense_is_answered_or_hung_up_on(stage: Stage, data: bytes) -> None:
    heard = stage.raw(data)
    assert heard == b"" or heard.startswith(b"HTTP/1.1 ")

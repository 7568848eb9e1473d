"""Requests that are let through: what the upstream is told, what the container, what is counted."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_stage import (
    ASK,
    KEY,
    Stage,
    event,
    message,
    message_events,
    read_answer,
    reply,
    stream,
)

from runner.gateway import Dialect, Refused, Upstream, base_url
from runner.model import NOTHING_SPENT, Spending

CHAT = {"model": "gpt-test", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 50}
RESPONSES = {"model": "gpt-test", "input": "hi", "max_output_tokens": 50}
GENERATE = {"contents": [{"parts": [{"text": "hi"}]}]}
CHAT_USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20},
}
RESPONSES_USAGE = {
    "input_tokens": 100,
    "output_tokens": 7,
    "input_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20},
}
GOOGLE_USAGE = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 30,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 2,
}
OPENAI_COST = (50 + 20 * 1.25 + 30 * 0.1 + 7 * 10) / 1e6
GOOGLE_COST = (70 + 30 * 0.1 + 7 * 10) / 1e6


def test_a_whole_answer(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        heard = stage.post(
            "/anthropic/v1/messages?beta=true", None, f"x-api-key: {stage.account.token}",
            "anthropic-beta: some-2026", "x-secret: 1", "cookie: a=b",
        )  # fmt: skip
        stage.close()
        assert heard.status == 200
        assert heard.json == message()
        [said] = stage.server.heard
        assert said.line == "POST /v1/messages?beta=true HTTP/1.1"
        assert said.json == ASK
        assert said.headers["x-api-key"] == KEY
        assert said.headers["anthropic-beta"] == "some-2026"
        assert said.headers["anthropic-version"] == "2023-06-01"
        assert said.headers["accept-encoding"] == "identity"
        assert not {"x-secret", "cookie", "authorization"} & set(said.headers)
        cost = (100 * 1.0 + 5 * 10.0) / 1e6
        assert stage.account.spending == Spending(1, 100, 0, 5, pytest.approx(cost), False)
        assert stage.gateway.spent_run_usd == pytest.approx(cost)
    [line] = stage.lines()
    assert line["status"] == 200
    assert line["response"] == "hello"
    assert json.loads(line["request"]) == ASK
    assert line["cost_usd"] == pytest.approx(cost)


@pytest.mark.parametrize(
    ("path", "body", "answer", "told", "spent"),
    [
        (
            "/anthropic/v1/messages", ASK,
            message(cache_creation_input_tokens=20, cache_read_input_tokens=30)
            | {"usage": {
                "input_tokens": 100, "output_tokens": 5, "cache_read_input_tokens": 30,
                "cache_creation_input_tokens": 20, "cache_creation": {"ephemeral_1h_input_tokens": 8},
            }},
            "/v1/messages",
            Spending(1, 150, 30, 5, (100 + 3 + 12 * 1.25 + 8 * 2 + 50) / 1e6),
        ),
        (
            "/openai/v1/chat/completions", CHAT,
            {"choices": [{"message": {"content": "yes"}}], "usage": CHAT_USAGE},
            "/v1/chat/completions",
            Spending(1, 100, 30, 7, OPENAI_COST),
        ),
        (
            "/openai/v1/responses", RESPONSES,
            {"output": [{"content": [{"text": "yes"}]}], "usage": RESPONSES_USAGE},
            "/v1/responses",
            Spending(1, 100, 30, 7, OPENAI_COST),
        ),
        (
            "/gemini/v1/models/gemini-x:countTokens", GENERATE, {"totalTokens": 4},
            "/v1/models/gemini-x:countTokens", NOTHING_SPENT,
        ),
        (
            "/gemini/v1beta/models/gemini-x:generateContent?key=ignored", GENERATE,
            {"candidates": [{"content": {"parts": [{"text": "yes"}]}, "finishReason": "STOP"}],
             "usageMetadata": GOOGLE_USAGE},
            "/v1beta/models/gemini-x:generateContent",
            Spending(1, 100, 30, 7, GOOGLE_COST),
        ),
    ],
)  # fmt: skip
def test_what_each_dialect_reports_is_counted(
    tmp_path: Path,
    path: str,
    body: dict[str, Any],
    answer: dict[str, Any],
    told: str,
    spent: Spending,
) -> None:
    with Stage(tmp_path, [reply(200, answer)]) as stage:
        assert stage.post(path, body).json == answer
        stage.close()
        [said] = stage.server.heard
        assert said.line == f"POST {told} HTTP/1.1"
        found = stage.account.spending
        assert found.cost_usd == pytest.approx(spent.cost_usd)
        assert (found.input_tokens, found.cached_tokens, found.output_tokens) == (
            spent.input_tokens,
            spent.cached_tokens,
            spent.output_tokens,
        )
        assert not found.estimated


def test_a_stream_is_passed_on_as_it_comes(tmp_path: Path) -> None:
    """The server goes on only when the client has had the event before."""
    had = threading.Semaphore(0)

    def waited() -> Iterator[bytes]:
        for each in message_events("streamed", output=9):
            yield each
            assert had.acquire(timeout=20)

    with Stage(tmp_path, [stream(waited())]) as stage, stage.client() as sock:
        sock.sendall(stage.request("/anthropic/v1/messages", ASK | {"stream": True}))
        heard = b""
        for each in message_events("streamed", output=9):
            while not heard.endswith(each + b"\r\n"):
                heard += sock.recv(1 << 16)
            had.release()
        assert sock.recv(100) == b"0\r\n\r\n"
        stage.close()
        cost = (100 + 40 * 0.1 + 9 * 10) / 1e6
        assert stage.account.spending == Spending(1, 140, 40, 9, pytest.approx(cost))
    assert stage.lines()[0]["response"] == "streamed"


@pytest.mark.parametrize("asked", [False, True])
def test_a_chat_stream_is_made_to_tell_its_usage(tmp_path: Path, asked: bool) -> None:
    """Who didn't ask for it isn't sent the chunk without choices, which it may not expect."""
    chunk = event({"choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}]})
    last = event({"choices": [], "usage": CHAT_USAGE})
    body = CHAT | {"stream": True} | ({"stream_options": {"include_usage": True}} if asked else {})
    with Stage(tmp_path, [stream([chunk, last, b"data: [DONE]\n\n"])]) as stage:
        heard = stage.post("/openai/v1/chat/completions", body)
        assert heard.body == chunk + (last if asked else b"") + b"data: [DONE]\n\n"
        assert stage.server.heard[0].json["stream_options"] == {"include_usage": True}
        stage.close()
        assert stage.account.spending.cost_usd == pytest.approx(OPENAI_COST)


def test_streams_of_responses_and_of_gemini_are_counted(tmp_path: Path) -> None:
    ends = event({"type": "response.completed", "response": {"usage": RESPONSES_USAGE}})
    parts = {"candidates": [{"content": {"parts": [{"text": "yes"}]}, "finishReason": "STOP"}]}
    scripts = [
        stream([event({"type": "response.output_text.delta", "delta": "yes"}), ends]),
        stream([event(parts | {"usageMetadata": GOOGLE_USAGE})]),
    ]
    with Stage(tmp_path, scripts) as stage:
        heard = stage.post("/openai/v1/responses", RESPONSES | {"stream": True})
        assert heard.body.endswith(ends)
        stage.post("/gemini/v1beta/models/gemini-x:streamGenerateContent?alt=sse", GENERATE)
        stage.close()
        assert stage.account.spending.cost_usd == pytest.approx(OPENAI_COST + GOOGLE_COST)
        assert stage.server.heard[1].line.split()[1].endswith(":streamGenerateContent?alt=sse")
    assert [each["response"] for each in stage.lines()] == ["yes", "yes"]


def test_counting_tokens_is_free(tmp_path: Path) -> None:
    with Stage(tmp_path, [reply(200, {"input_tokens": 12})]) as stage:
        assert stage.post("/anthropic/v1/messages/count_tokens").json == {"input_tokens": 12}
        stage.close()
        assert stage.account.spending == NOTHING_SPENT


def test_one_connection_carries_many_requests(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage, stage.client() as sock:
        for _ in range(3):
            sock.sendall(stage.request("/anthropic/v1/messages", ASK))
            assert read_answer(sock).status == 200
        sock.sendall(stage.request("/anthropic/v1/elsewhere", ASK))
        assert read_answer(sock).status == 404
        stage.close()
        assert stage.account.spending.requests == 3


def test_a_client_may_ask_whether_its_body_is_wanted(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage, stage.client() as sock:
        request = stage.request(
            "/anthropic/v1/messages",
            ASK,
            f"x-api-key: {stage.account.token}",
            "expect: 100-continue",
        )
        head, _, body = request.partition(b"\r\n\r\n")
        sock.sendall(head + b"\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert read_answer(sock).status == 200


@pytest.mark.parametrize(
    "header", ["x-api-key: {}", "authorization: Bearer {}", "x-goog-api-key: {}"]
)
def test_the_token_is_taken_where_programs_put_keys(tmp_path: Path, header: str) -> None:
    with Stage(tmp_path) as stage:
        assert (
            stage.post("/anthropic/v1/messages", None, header.format(stage.account.token)).status
            == 200
        )
        path = f"/gemini/v1beta/models/gemini-x:generateContent?key={stage.account.token}"
        assert stage.post(path, GENERATE, "x-other: 1").status == 200


def test_who_looks_whether_anybody_is_there_is_told(tmp_path: Path) -> None:
    with Stage(tmp_path, models=("claude-test-1", "gpt-*")) as stage:
        assert stage.raw(b"HEAD /anthropic HTTP/1.1\r\nhost: x\r\n\r\n").startswith(
            b"HTTP/1.1 200 "
        )
        assert stage.raw(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        get = "GET /{} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n"
        for path in ("openai/v1/models", "anthropic/v1/models?limit=1", "gemini/v1beta/models"):
            heard = stage.raw(get.format(path, stage.account.token).encode())
            assert heard.count(b"claude-test-1") >= 1
            assert b"gpt-" not in heard
            assert stage.raw(get.format(path, "x").encode()).startswith(b"HTTP/1.1 401 ")
        assert stage.server.heard == []


def test_an_answer_that_was_packed_unasked_is_unpacked(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps(message()).encode())
    with Stage(tmp_path, [reply(200, packed, "Content-Encoding: gzip")]) as stage:
        assert stage.post().json == message()
    bomb = gzip.compress(b"[" + b" " * (64 << 20) + b"]")
    with Stage(tmp_path, [reply(200, bomb, "Content-Encoding: gzip")]) as stage:
        assert stage.post().status == 502
    with Stage(tmp_path, [reply(200, packed, "Content-Encoding: br")]) as stage:
        assert stage.post().status == 502


def test_an_unknown_price_is_guessed_and_never_nothing(tmp_path: Path) -> None:
    with Stage(tmp_path, price=None) as stage:
        stage.post()
        stage.close()
        dearest = (100 * 15.0 + 5 * 75.0) / 1e6
        assert stage.account.spending == Spending(1, 100, 0, 5, pytest.approx(dearest), True)


@pytest.mark.parametrize(
    ("url", "dialect", "told"),
    [
        ("", Dialect.ANTHROPIC, "/v1/messages"),
        ("/v1", Dialect.ANTHROPIC, "/v1/messages"),
        ("/anthropic/", Dialect.ANTHROPIC, "/anthropic/v1/messages"),
        ("", Dialect.OPENAI, "/v1/chat/completions"),
        ("/v1/", Dialect.OPENAI, "/v1/chat/completions"),
        ("/api/v1", Dialect.OPENAI, "/api/v1/chat/completions"),
        ("/v1beta/openai", Dialect.OPENAI, "/v1beta/openai/chat/completions"),
    ],
)
def test_where_an_upstream_has_its_paths(
    tmp_path: Path, url: str, dialect: Dialect, told: str
) -> None:
    with Stage(tmp_path) as stage:
        place = f"http://localhost:{stage.server.port}{url}"
        upstream = Upstream("here", dialect, place, ("*",), "")
        gateway = type(stage.gateway)(
            [upstream],
            stage.caps,
            stage.gateway._means.prices,
            stage.ledger,  # no key is sent
        )
        own = told.rpartition("/v1")[2] if dialect is Dialect.ANTHROPIC else "/chat/completions"
        version = "/v1" if dialect is Dialect.ANTHROPIC else ""
        with gateway.open("A", tmp_path / "t.jsonl") as account, stage.client(account) as sock:
            path = f"{base_url(upstream)}{version}{own}"
            sock.sendall(stage.request(path, ASK, f"x-api-key: {account.token}"))
            assert read_answer(sock).status == 200
        assert stage.server.heard[0].line == f"POST {told} HTTP/1.1"
        assert not {"x-api-key", "authorization"} & set(stage.server.heard[0].headers)


def test_the_runner_asks_without_a_socket(tmp_path: Path) -> None:
    no = {"type": "error", "error": {"type": "invalid_request_error", "message": "too short"}}
    scripts = [reply(200, message("patch")), reply(400, no), stream(message_events())]
    with Stage(tmp_path, scripts) as stage:
        said = stage.account.ask("anthropic", "/v1/messages", ASK)
        assert said["content"][0]["text"] == "patch"
        assert stage.server.heard[0].json == ASK
        assert stage.account.spending.requests == 1
        with pytest.raises(Refused, match="too short") as caught:
            stage.account.ask("anthropic", "/v1/messages", ASK)
        assert caught.value.status == 400
        with pytest.raises(Refused, match="answered with status 200: event: message_start"):
            stage.account.ask("anthropic", "/v1/messages", ASK | {"stream": True})
        for upstream, path in (("other", "/v1/messages"), ("anthropic", "/v1/files")):
            with pytest.raises(Refused):
                stage.account.ask(upstream, path, ASK)
        stage.close()
        with pytest.raises(Refused, match="at its end"):
            stage.account.ask("anthropic", "/v1/messages", ASK)
    assert [each["status"] for each in stage.lines()] == [200, 400, 200]

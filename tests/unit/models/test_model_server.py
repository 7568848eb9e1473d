"""The scripted model server, asked as the real programs ask."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.models.script import Call, Run, Trouble, Turn, Write, in_order, with_asides
from tests.models.server import ModelServer

WRITE = Turn("I write.", Write("new.txt", "one\ntwo\n"), input_tokens=70, cached_tokens=20)
WRITER = {"name": "Write", "input_schema": {"properties": {"file_path": {}, "content": {}}}}
SHELL = {"type": "object", "properties": {"command": {"type": "string"}}}
AS_CHAT = {"type": "function", "function": {"name": "bash", "parameters": SHELL}}
AS_RESPONSES = {"type": "function", "name": "shell", "parameters": SHELL}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(in_order(WRITE)) as server:
        yield server


def ask(
    server: ModelServer, path: str, body: dict[str, Any], key: str = ""
) -> tuple[http.client.HTTPResponse, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request("POST", path, json.dumps(body), {"x-api-key": key})
        response = connection.getresponse()
        return response, response.read().decode()


def events(text: str) -> list[dict[str, Any]]:
    lines = (line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: "))
    return [json.loads(line) for line in lines if line != "[DONE]"]


def test_messages_in_one_piece(server: ModelServer) -> None:
    _, text = ask(server, "/v1/messages", {"model": "m", "tools": [WRITER]})
    said = json.loads(text)
    assert said["content"][0] == {"type": "text", "text": "I write."}
    assert said["content"][1]["input"] == {"file_path": "new.txt", "content": "one\ntwo\n"}
    assert said["stop_reason"] == "tool_use"
    assert said["usage"]["input_tokens"] == 50
    assert said["usage"]["cache_read_input_tokens"] == 20
    assert [asked.model for asked in server.asked] == ["m"]
    assert [told.input_tokens for told in server.told] == [70]


def test_messages_in_a_stream(server: ModelServer) -> None:
    body = {"model": "m", "tools": [WRITER], "stream": True}
    got = events(ask(server, "/v1/messages", body)[1])
    parts = [e["delta"]["partial_json"] for e in got if "partial_json" in e.get("delta", {})]
    assert json.loads("".join(parts)) == {"file_path": "new.txt", "content": "one\ntwo\n"}
    assert got[0]["type"] == "message_start"
    assert [e["type"] for e in got[-2:]] == ["message_delta", "message_stop"]


def test_chat_in_a_stream_with_a_shell(server: ModelServer) -> None:
    body = {"tools": [AS_CHAT], "stream": True, "stream_options": {"include_usage": True}}
    got = events(ask(server, "/v1/chat/completions", body)[1])
    calls = [e["choices"][0]["delta"].get("tool_calls") for e in got if e["choices"]]
    written = "".join(call[0]["function"]["arguments"] for call in calls if call)
    assert json.loads(written) == {"command": "printf %s 'one\ntwo\n' >new.txt"}
    assert got[-1]["usage"]["prompt_tokens_details"] == {"cached_tokens": 20}


def test_chat_tells_usage_in_a_stream_only_if_it_is_asked_for(server: ModelServer) -> None:
    got = events(ask(server, "/v1/chat/completions", {"stream": True})[1])
    assert all("usage" not in event for event in got)


def test_chat_without_tools_is_answered_in_the_format_that_was_asked_for(
    server: ModelServer,
) -> None:
    server.script = in_order(WRITE, WRITE)
    said = json.loads(ask(server, "/v1/chat/completions", {})[1])["choices"][0]["message"]
    assert said["content"] == "I write.\n\nnew.txt\n```\none\ntwo\n```\n"
    asked = {"messages": [{"role": "system", "content": "use SEARCH/REPLACE blocks"}]}
    said = json.loads(ask(server, "/v1/chat/completions", asked)[1])["choices"][0]["message"]
    assert "<<<<<<< SEARCH\n=======\none\ntwo\n>>>>>>> REPLACE" in said["content"]


@pytest.mark.parametrize(
    ("tool", "kind", "field", "value"),
    [
        (AS_RESPONSES, "function_call", "arguments", '{"command": "make"}'),
        ({"type": "local_shell"}, "local_shell_call", "action", ["sh", "-c", "make"]),
        (
            {"type": "function", "name": "shell", "parameters": {"properties": {"command": {"type": "array"}}}},
            "function_call", "arguments", '{"command": ["sh", "-c", "make"]}',
        ),
    ],
)  # fmt: skip
def test_responses_run_a_command_with_what_there_is(
    server: ModelServer, tool: dict[str, Any], kind: str, field: str, value: object
) -> None:
    server.script = in_order(Turn(wish=Run("make")))
    got = events(ask(server, "/v1/responses", {"tools": [tool], "stream": True})[1])
    item = got[-1]["response"]["output"][0]
    assert item["type"] == kind
    found = item[field]["command"] if kind == "local_shell_call" else item[field]
    assert found == value
    assert [event["sequence_number"] for event in got] == list(range(len(got)))


def test_responses_write_with_a_tool_that_takes_free_text(server: ModelServer) -> None:
    tools = [AS_RESPONSES, {"type": "custom", "name": "apply_patch"}]
    got = json.loads(ask(server, "/v1/responses", {"tools": tools})[1])["output"]
    assert got[1]["type"] == "custom_tool_call"
    assert got[1]["input"].splitlines()[1:4] == ["*** Add File: new.txt", "+one", "+two"]


def test_gemini_in_a_stream(server: ModelServer) -> None:
    fields = {"properties": {"file_path": {"type": "string"}, "content": {"type": "string"}}}
    declared = {"name": "write_file", "parametersJsonSchema": fields}
    body = {"tools": [{"functionDeclarations": [declared]}]}
    _, text = ask(server, "/v1beta/models/gemini-test:streamGenerateContent?alt=sse", body)
    parts = [part for e in events(text) for part in e["candidates"][0]["content"]["parts"]]
    assert "".join(part.get("text", "") for part in parts) == "I write."
    assert parts[-1]["functionCall"]["args"]["content"] == "one\ntwo\n"
    assert events(text)[-1]["usageMetadata"]["promptTokenCount"] == 70
    assert server.asked[0].model == "gemini-test"


def test_a_tool_can_be_called_that_nobody_offered(server: ModelServer) -> None:
    server.script = in_order(Turn(wish=Call("mcp__oppie__node", {"a": 1})))
    said = json.loads(ask(server, "/v1/messages", {})[1])
    assert said["content"][0]["name"] == "mcp__oppie__node"


def test_when_the_turns_are_over_the_work_is_done(server: ModelServer) -> None:
    ask(server, "/v1/messages", {"tools": [WRITER]})
    said = json.loads(ask(server, "/v1/messages", {"tools": [WRITER]})[1])
    assert said["content"] == [{"type": "text", "text": "Done."}]


def test_asides_are_no_turns(server: ModelServer) -> None:
    server.script = with_asides(in_order(WRITE))
    assert json.loads(ask(server, "/v1/messages", {})[1])["content"][0]["text"] == "fine"
    said = json.loads(ask(server, "/v1/messages", {"tools": [WRITER]})[1])
    assert said["stop_reason"] == "tool_use"


def test_counts_lists_and_what_is_not_there(server: ModelServer) -> None:
    counted = json.loads(ask(server, "/v1/messages/count_tokens", {"model": "x" * 400})[1])
    assert counted["input_tokens"] > 100
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request("GET", "/v1/models")
        assert json.loads(connection.getresponse().read())["data"][0]["id"] == "claude-test"
    assert ask(server, "/v1/embeddings", {})[0].status == 404


def test_who_has_no_key_gets_nothing(server: ModelServer) -> None:
    server.key = "right"
    assert ask(server, "/v1/messages", {}, "wrong")[0].status == 401
    assert ask(server, "/v1/messages", {}, "right")[0].status == 200


def test_errors_have_a_status_and_a_time_to_come_again(server: ModelServer) -> None:
    server.script = in_order(Turn(status=429, retry_after_s=0.5), Turn(status=500))
    response, text = ask(server, "/v1/messages", {})
    assert (response.status, response.headers["Retry-After"]) == (429, "0.5")
    assert json.loads(text)["error"]["type"] == "rate_limit_error"
    assert ask(server, "/v1/chat/completions", {})[0].status == 500


def test_half_a_stream(server: ModelServer) -> None:
    server.script = in_order(Turn("many words " * 50, trouble=Trouble.CUT))
    with pytest.raises(http.client.IncompleteRead) as raised:
        ask(server, "/v1/messages", {"stream": True})
    assert b"message_start" in raised.value.partial
    assert b"message_stop" not in raised.value.partial
    assert server.told == []


def test_malformed_events_are_among_the_good_ones(server: ModelServer) -> None:
    server.script = in_order(Turn("words", trouble=Trouble.MALFORMED))
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request("POST", "/v1/messages", '{"stream": true}')
        got = connection.getresponse().read()
    assert b"data: {\n\n" in got
    assert b"message_stop" in got


@pytest.mark.parametrize("trouble", [Trouble.STALL, Trouble.STALL_HALFWAY])
def test_a_stall_ends_with_the_server(trouble: Trouble) -> None:
    server = ModelServer(in_order(Turn("words " * 50, trouble=trouble)))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=0.2)
    with closing(server), closing(connection):
        connection.request("POST", "/v1/messages", '{"stream": true}')
        with pytest.raises(TimeoutError):
            connection.getresponse().read()

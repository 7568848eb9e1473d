"""What a request may ask: no way around the model, the sandbox or the price."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gateway_stage import ASK, KEY
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.gateway import Dialect, Refused, Upstream
from runner.gateway.api import route
from runner.gateway.bodies import Asked, ask

PATHS = {
    "messages": (Dialect.ANTHROPIC, "/v1/messages"),
    "chat": (Dialect.OPENAI, "/v1/chat/completions"),
    "responses": (Dialect.OPENAI, "/v1/responses"),
    "generate": (Dialect.GEMINI, "/v1beta/models/m:generateContent"),
}


def asked(call: str, **body: Any) -> Asked:
    dialect, path = PATHS[call]
    upstream = Upstream("here", dialect, "http://localhost:1", ("*",), KEY)
    return ask(route(upstream, path, ""), json.dumps({"model": "m"} | body).encode())


def told(found: Asked) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(found.body)
    return said


@pytest.mark.parametrize(
    ("call", "tools", "kept", "withheld"),
    [
        (
            "messages",
            [{"name": "a", "input_schema": {}}, {"type": "custom", "name": "b"},
             {"type": "bash_20250124", "name": "bash"}, {"type": "text_editor_20250728", "name": "e"},
             {"type": "web_search_20250305", "name": "web_search"}, {"type": "web_fetch_20250910"},
             {"type": "code_execution_20250825"}, {"type": "mcp_toolset"}, {"type": "bash_1"}, "x", None],
            4,
            ("web_search_20250305", "web_fetch_20250910", "code_execution_20250825", "mcp_toolset",
             "bash_1", "?", "?"),
        ),
        (
            "chat",
            [{"type": "function", "function": {}}, {"type": "custom"}, {"type": "web_search"}, {}],
            2,
            ("web_search",),
        ),
        (
            "responses",
            [{"type": "function"}, {"type": "local_shell"}, {"type": "apply_patch"},
             {"type": "shell", "environment": {"type": "local"}},
             {"type": "namespace", "tools": [{"type": "function"}, {"type": "mcp"}]},
             {"type": "tool_search", "execution": "client"},
             {"type": "shell"}, {"type": "shell", "environment": {"type": "container_auto"}},
             {"type": "web_search"}, {"type": "mcp", "server_url": "https://x"}, {"type": "file_search"},
             {"type": "code_interpreter"}, {"type": "image_generation"}, {"type": "tool_search"}],
            6,
            ("mcp", "shell", "shell", "web_search", "mcp", "file_search", "code_interpreter",
             "image_generation", "tool_search"),
        ),
        (
            "generate",
            [{"functionDeclarations": [], "googleSearch": {}}, {"urlContext": {}}, {"codeExecution": {}},
             {"functionDeclarations": [{}]}],
            2,
            ("googleSearch", "urlContext", "codeExecution"),
        ),
    ],
)  # fmt: skip
def test_tools_that_an_upstream_runs_are_taken_out(
    call: str, tools: list[Any], kept: int, withheld: tuple[str, ...]
) -> None:
    found = asked(call, tools=tools)
    assert len(told(found)["tools"]) == kept
    assert found.withheld == withheld
    assert not any(
        f'"{each}"' in found.body.decode() for each in set(withheld) - {"shell", "tool_search"}
    )


def test_without_any_tool_left_none_is_chosen() -> None:
    found = asked("messages", tools=[{"type": "web_search_20250305"}], tool_choice={"type": "any"})
    assert told(found).keys() == {"model"}
    same = asked("messages", tools=[{"name": "a"}], tool_choice={"type": "any"})
    assert told(same)["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("messages", {"mcp_servers": [{"url": "https://x"}]}),
        ("messages", {"container": "c"}),
        ("messages", {"service_tier": "priority"}),
        ("messages", {"speed": "fast"}),
        ("messages", {"inference_geo": "us"}),
        ("messages", {"models": ["other"]}),
        ("chat", {"web_search_options": {"x": 1}}),
        ("chat", {"service_tier": "priority"}),
        ("chat", {"models": ["other"]}),
        ("chat", {"plugins": [{"id": "web"}]}),
        ("chat", {"base_url": "http://x"}),
        ("chat", {"service_tier": ["auto"]}),
        ("responses", {"previous_response_id": "r"}),
        ("responses", {"conversation": "c"}),
        ("responses", {"prompt": {"id": "p"}}),
        ("responses", {"background": True}),
        ("generate", {"cachedContent": "c"}),
    ],
)
def test_what_reaches_further_or_costs_more_is_refused(call: str, body: dict[str, Any]) -> None:
    name = next(iter(body))
    with pytest.raises(Refused, match=f"^{name}: ") as caught:
        asked(call, **body)
    assert caught.value.status == 400
    assert caught.value.final


def test_a_cache_that_lasts_longer_is_dearer_and_refused() -> None:
    assert asked("responses", prompt_cache_options={"ttl": "30m"}).withheld == ()
    with pytest.raises(Refused, match=r"^ttl: must be one of 30m"):
        asked("responses", prompt_cache_options={"ttl": "12h"})


URL = "https://elsewhere.example/x.png"


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("messages", {"messages": [{"content": [{"type": "image", "source": {"type": "url", "url": URL}}]}]}),
        ("messages", {"messages": [{"content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}]}),
        ("messages", {"messages": [{"content": [
            {"type": "tool_result", "content": [{"type": "document", "source": {"type": "url", "url": URL}}]}
        ]}]}),
        ("messages", {"messages": [{"content": [{"type": "container_upload", "file_id": "f"}]}]}),
        ("messages", {"system": [{"type": "document", "source": {"type": "url", "url": URL}}]}),
        ("chat", {"messages": [{"content": [{"type": "image_url", "image_url": {"url": URL}}]}]}),
        ("chat", {"messages": [{"content": [{"type": "image_url", "image_url": URL}]}]}),
        ("chat", {"messages": [{"content": [{"type": "image_url", "image_url": {"url": ["x"]}}]}]}),
        ("chat", {"messages": [{"content": [{"type": "video_url", "video_url": {"url": "file:///etc"}}]}]}),
        ("chat", {"messages": [{"content": [{"type": "file", "file": {"file_id": "f"}}]}]}),
        ("responses", {"input": [{"content": [{"type": "input_image", "image_url": URL}]}]}),
        ("responses", {"input": [{"content": [{"type": "input_file", "file_url": URL}]}]}),
        ("responses", {"input": [{"type": "input_file", "file_id": "f"}]}),
        ("responses", {"input": [{"type": "item_reference", "id": "i"}]}),
        ("responses", {"input": [{"type": "function_call_output", "output": [{"type": "input_image", "image_url": URL}]}]}),
        ("generate", {"contents": [{"parts": [{"fileData": {"fileUri": URL}}]}]}),
        ("generate", {"contents": [{"parts": [{"file_data": {"file_uri": URL}}]}]}),
        ("generate", {"contents": [{"parts": [{"functionResponse": {"parts": [{"fileData": {"fileUri": URL}}]}}]}]}),
        ("generate", {"systemInstruction": {"parts": [{"fileData": {"fileUri": URL}}]}}),
    ],
)  # fmt: skip
def test_an_upstream_fetches_nothing(call: str, body: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        asked(call, **body)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("messages", {"messages": [{"content": [
            {"type": "tool_use", "id": "t", "name": "fetch", "input": {"type": "url", "url": URL, "file_id": 1}},
            {"type": "tool_result", "tool_use_id": "t", "content": f"see {URL}"},
        ]}], "tools": [{"name": "fetch", "input_schema": {"properties": {"image_url": {"type": "file"}}}}]}),
        ("messages", {"messages": [{"content": [
            {"type": "document", "source": {"type": "text", "data": "x", "media_type": "text/plain"}}
        ]}]}),
        ("chat", {"messages": [
            {"role": "assistant", "tool_calls": [{"type": "function", "function": {"arguments": "{}"}}]},
            {"content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]},
        ]}),
        ("responses", {"input": [{"type": "function_call", "arguments": f'{{"file_url": "{URL}"}}'},
                                 {"type": "reasoning", "encrypted_content": "x", "id": "rs_1"}]}),
        ("generate", {"contents": [{"parts": [
            {"functionCall": {"name": "f", "args": {"file_url": URL}}},
            {"functionResponse": {"name": "f", "response": {"image_url": URL}}},
        ]}]}),
        ("responses", {"prompt": None, "background": False, "service_tier": "auto", "store": True}),
    ],
)  # fmt: skip
def test_what_a_program_works_with_is_its_own(call: str, body: dict[str, Any]) -> None:
    found = asked(call, **body)
    assert told(found).items() >= body.items()
    assert found.withheld == ()


@pytest.mark.parametrize(
    ("call", "body", "output"),
    [
        ("messages", {"max_tokens": 300}, 300),
        ("messages", {}, 128_000),
        ("messages", {"max_tokens": -1}, 128_000),
        ("messages", {"max_tokens": True}, 128_000),
        ("messages", {"max_tokens": "9"}, 128_000),
        ("messages", {"max_tokens": 10**30}, 2_000_000),
        ("chat", {"max_tokens": 10, "n": 3}, 30),
        ("chat", {"max_completion_tokens": 20, "max_tokens": 10}, 20),
        ("chat", {"max_completion_tokens": 20, "n": 10**9}, 20 * 1024),
        ("responses", {"max_output_tokens": 40}, 40),
        ("generate", {"generationConfig": {"maxOutputTokens": 50, "candidateCount": 2}}, 100),
        ("generate", {"generationConfig": []}, 128_000),
    ],
)
def test_how_much_may_be_answered_at_most(call: str, body: dict[str, Any], output: int) -> None:
    assert asked(call, **body).output_tokens == output


def test_how_much_may_be_read_at_most() -> None:
    """No token is less than a byte; pictures and documents are as dear as they can be."""
    plain = asked("messages", **ASK)
    assert plain.input_tokens == len(plain.body) + 4_000
    for kind, more in (("image", 16_000), ("document", 1_000_000)):
        source = {"type": "base64", "media_type": "x/y", "data": "AA"}
        found = asked("messages", messages=[{"content": [{"type": kind, "source": source}]}])
        assert found.input_tokens == len(found.body) + 4_000 + more
    parts = [
        {"inlineData": {"mimeType": "image/png", "data": "AA"}},
        {"inlineData": {"mimeType": "a/b"}},
    ]
    found = asked("generate", contents=[{"parts": parts}])
    assert found.input_tokens == len(found.body) + 4_000 + 1_016_000


def test_whether_input_is_kept_for_an_hour() -> None:
    control = {"type": "ephemeral", "ttl": "1h"}
    assert asked(
        "messages", system=[{"type": "text", "text": "x", "cache_control": control}]
    ).kept_1h
    assert not asked("messages", system='a text with "ttl":"1h" in it').kept_1h


@pytest.mark.parametrize("part", ["[", '{"content":', '{"type":"namespace","tools":['])
def test_a_body_of_any_depth_is_refused_or_goes_on(part: str) -> None:
    close = "".join({"{": "}", "[": "]"}.get(each, "") for each in reversed(part))
    upstream = Upstream("here", Dialect.OPENAI, "http://localhost:1", ("*",), KEY)
    found = route(upstream, "/v1/responses", "")
    deepest = 0
    for depth in range(10, 1200, 10):
        deep = f"{part * depth}null{close * depth}"
        body = f'{{"model": "m", "input": {deep}, "tools": [{deep}]}}'
        try:
            ask(found, body.encode())
            deepest = depth
        except Refused as refused:
            assert refused.status == 400
    assert deepest >= 50


def test_letters_beyond_ascii_arrive() -> None:
    text = "na\u00efve \U0001f600 \ud800"
    assert told(asked("messages", system=text))["system"] == text


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                (
                    "type",
                    "content",
                    "input",
                    "tools",
                    "source",
                    "url",
                    "file_id",
                    "image_url",
                    "n",
                    "args",
                )
            ),
            inner | st.sampled_from(("image", "url", "file", "tool_use", "namespace", "shell")),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=100)
@given(st.sampled_from(sorted(PATHS)), values)
def test_any_body_is_refused_or_goes_on(call: str, value: Any) -> None:
    names = ("messages", "input", "contents", "system", "tools", "stream_options", "stream", "n",
             "max_tokens", "generationConfig")  # fmt: skip
    try:
        found = asked(call, **dict.fromkeys(names, value))
    except Refused as refused:
        assert refused.status in (400, 403)
    else:
        assert told(found)["model"] == "m"
        assert found.input_tokens >= len(found.body)

"""The tools, called by the SDK's own client, in both eras of the protocol."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import jsonschema
import pytest
from desks import OFF, ScriptedTests, desk_of, until_over
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent
from pydantic import TypeAdapter

from runner.errors import EngineUnavailable, TaskError
from runner.mcp import server
from runner.mcp.bounded import MOST_BYTES
from runner.mcp.desk import Desk, Group, Over, groups_named, restricted
from runner.mcp.results import CheckResult, ChecksResult, FailedTest
from runner.mcp.tools import BY_NAME, TOOLS
from runner.mcp.turns import Bounds, Turns

MODES = ("auto", "legacy")
pytestmark = pytest.mark.parametrize("mode", MODES)


@contextmanager
def turns_of(desk: Desk, bounds: Bounds = Bounds()) -> Iterator[Turns]:  # noqa: B008
    turns = Turns(desk, bounds)
    try:
        yield turns
    finally:
        turns.close()


def talk(
    desk: Desk,
    mode: str,
    said: Callable[[Client], Awaitable[CallToolResult]],
    bounds: Bounds = Bounds(),  # noqa: B008
) -> CallToolResult:
    async def conversation(turns: Turns) -> CallToolResult:
        async with Client(server.make_server(turns), mode=mode) as client:
            return await said(client)

    with turns_of(desk, bounds) as turns:
        return asyncio.run(conversation(turns))


def words(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def test_only_what_the_desk_has_is_listed_with_schemas(mode: str) -> None:
    async def listed(turns: Turns) -> list[server.Listed]:
        async with Client(server.make_server(turns), mode=mode) as client:
            return (await client.list_tools()).tools

    with turns_of(desk_of(ScriptedTests())) as turns:
        tools = asyncio.run(listed(turns))
    assert {tool.name for tool in tools} == {
        *("tests_detect", "tests_skeleton", "tests_run"),
        *("benchmark_run", "benchmark_compare"),
    }
    for tool in tools:
        assert tool.description
        assert tool.input_schema["additionalProperties"] is False
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        assert tool.output_schema is not None
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)


def test_an_answer_is_structured_and_in_its_schema(mode: str) -> None:
    tests = ScriptedTests()
    result = talk(
        desk_of(tests),
        mode,
        lambda client: client.call_tool("tests_run", {"checks": ["tests"], "time_s": 5}),
    )
    assert not result.is_error
    assert tests.ran == [(("tests",), 5.0)]
    found = TypeAdapter(ChecksResult).validate_python(result.structured_content)
    assert found.checks[0].failed == (FailedTest("test_a", "assert 1 == 2"),)
    assert TypeAdapter(ChecksResult).validate_json(words(result)) == found


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("tests_run", {"time": 5}, "there is no argument 'time'; there are: checks, time_s"),
        ("tests_run", {"time_s": 1e9}, "time_s: Input should be less than or equal to 1800"),
        ("tests_run", {"time_s": float("nan")}, "time_s: Input should be"),
        ("tests_run", {"checks": ["x"] * 17}, "checks: Tuple should have at most 16 items"),
        ("tests_run", {"checks": ["a\nb"]}, "checks.0: String should match pattern"),
        ("tests_detect", {"path": "/etc"}, "there is no argument 'path'; there are: none"),
        ("tests_skeleton", {}, "subject: Field required"),
        ("tests_skeleton", {"subject": "s" * 81}, "String should have at most 80 characters"),
        ("tests_skeleton", {"subject": "s", "framework": "x"}, "'x' has no skeleton"),
        ("tree_node", {}, "tree_node is off here: the task doesn't offer it"),
    ],
)
def test_what_is_wrong_is_said_in_words(
    mode: str, tool: str, given: dict[str, object], said: str
) -> None:
    result = talk(desk_of(ScriptedTests()), mode, lambda client: client.call_tool(tool, given))
    assert result.is_error
    assert said in words(result)
    assert len(words(result)) < 2200


def test_an_unknown_tool_is_answered_with_the_known_ones(mode: str) -> None:
    async def call(client: Client) -> CallToolResult:
        with pytest.raises(
            MCPError, match=r"there is no tool 'rm'; there are: tests_detect, .*re$"
        ):
            await client.call_tool("rm")
        return await client.call_tool("tests_detect")

    assert not talk(desk_of(ScriptedTests()), mode, call).is_error


def test_trouble_behind_the_desk_is_told_without_its_details(mode: str) -> None:
    def act(_: Over) -> None:
        raise EngineUnavailable("no engine at /run/user/1000/docker.sock")

    result = talk(desk_of(ScriptedTests(act)), mode, lambda client: client.call_tool("tests_run"))
    assert result.is_error
    assert words(result) == (
        "tests_run failed for a reason that has nothing to do with your work. Go on without it"
    )


def test_an_answer_is_cut_to_what_can_be_read_and_still_fits_its_schema(mode: str) -> None:
    class Loud(ScriptedTests):
        def run(self, _checks: tuple[str, ...], _time_s: float, _over: Over) -> ChecksResult:
            failed = tuple(FailedTest(f"test_{n}", "\ud800 no " * 1000) for n in range(200))
            return ChecksResult(False, (CheckResult("tests", False, failed=failed),) * 8)

    result = talk(desk_of(Loud()), mode, lambda client: client.call_tool("tests_run"))
    assert not result.is_error
    assert len(words(result).encode()) <= MOST_BYTES
    assert "characters left out" in words(result)


def test_a_call_that_hangs_is_given_up(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.mcp.tools.GRACE_S", 0.0)
    tests = ScriptedTests(until_over)
    result = talk(desk_of(tests), mode, lambda client: client.call_tool("tests_run", {"time_s": 1}))
    assert result.is_error
    assert words(result).startswith("tests_run was given up after 1 s")
    assert tests.at_work == 0


def test_a_desk_that_doesnt_listen_is_not_waited_for(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.mcp.tools.GRACE_S", 0.0)
    monkeypatch.setattr("runner.mcp.turns._LATE_S", 0.0)
    monkeypatch.setattr("runner.mcp.server._BEAT_S", 0.05)
    let_go = threading.Event()

    async def call(client: Client) -> CallToolResult:
        try:
            return await client.call_tool("tests_run", {"time_s": 1})
        finally:
            let_go.set()

    result = talk(desk_of(ScriptedTests(lambda _: let_go.wait(60) and None)), mode, call)
    assert result.is_error
    assert "has not ended 1 s after it began, and was given up" in words(result)


def test_who_waits_is_told_that_it_goes_on(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.mcp.server._BEAT_S", 0.02)
    told = threading.Event()

    async def progress(_progress: float, _total: float | None, _message: str | None) -> None:
        told.set()

    tests = ScriptedTests(lambda _: told.wait(60) and None)
    result = talk(
        desk_of(tests),
        mode,
        lambda client: client.call_tool("tests_run", progress_callback=progress),
    )
    assert not result.is_error


def test_one_call_at_a_time_in_one_thread_and_no_more_than_may_wait(mode: str) -> None:
    gate = threading.Event()
    tests = ScriptedTests(lambda _: gate.wait(60) and None)

    async def crowd(client: Client) -> CallToolResult:
        calls = [asyncio.ensure_future(client.call_tool("tests_run")) for _ in range(12)]
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        refused = done.pop().result()
        while sum(call.done() for call in calls) < 12 - 4:
            await asyncio.sleep(0.01)
        gate.set()
        answers = await asyncio.gather(*calls)
        assert sum(not answer.is_error for answer in answers) == 4
        return refused

    refused = talk(desk_of(tests), mode, crowd, Bounds(waiting=4))
    assert words(refused).startswith("4 calls are under way or waiting")
    assert tests.most_at_work == 1
    assert len(tests.threads) == 1


def test_calls_are_counted(mode: str) -> None:
    async def many(client: Client) -> CallToolResult:
        for _ in range(3):
            assert not (await client.call_tool("tests_detect")).is_error
        return await client.call_tool("tests_detect")

    refused = talk(desk_of(ScriptedTests()), mode, many, Bounds(calls=3))
    assert words(refused).startswith("no more calls: the 3 of this session are used up")


def test_every_tool_is_of_a_part_of_the_desk(mode: str) -> None:
    assert {tool.group for tool in TOOLS} == set(Group)
    assert len(BY_NAME) == len(TOOLS)
    everything = desk_of(ScriptedTests())
    only = restricted(everything, {Group.BENCHMARK})
    assert only == replace(everything, tests=OFF)
    assert groups_named(("tests", "tree"), "mcp.tools") == {Group.TESTS, Group.TREE}
    with pytest.raises(TaskError, match=r"mcp.tools = 'shell': allowed: tests, benchmark"):
        groups_named(("shell",), "mcp.tools")
    assert mode

"""The tools as the official SDK serves them: listed with their schemas, called, answered in words."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp.types import Tool as Listed
from pydantic import BaseModel, TypeAdapter, ValidationError

from runner import __version__
from runner.errors import Cancelled
from runner.mcp.bounded import bounded, shortened
from runner.mcp.desk import Desk, DeskError, Off
from runner.mcp.tools import BY_NAME, TOOLS, Tool
from runner.mcp.turns import Turn, Turns

_NAME = "oppie"
_BEAT_S = 10.0
_ERROR_CHARS = 2000
_SHOWN_ERRORS = 5
_LOG = logging.getLogger(__name__)
_INSTRUCTIONS = (
    "You work in one node of a search for a better version of a program. These tools say what judges "
    "your work and how it stands. Run tests_run before you finish; benchmark_compare tells a gain from "
    "noise. Calls are answered one at a time, and some take minutes."
)


def make_server(turns: Turns) -> Server[Any]:
    """A server of the SDK for one connection; several may share the ``turns`` of a desk."""

    async def list_tools(_: object, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=offered(turns.desk))

    async def call_tool(
        context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult:
        tool = BY_NAME.get(params.name)
        if tool is None:
            names = ", ".join(each.name for each in offered(turns.desk))
            asked = shortened(params.name, 80)
            raise MCPError(INVALID_PARAMS, f"there is no tool {asked!r}; there are: {names}")
        try:
            return await _answer(
                turns, tool, params.arguments or {}, context.session.report_progress
            )
        except DeskError as error:
            return _failed(str(error))

    return Server(
        _NAME,
        version=__version__,
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def offered(desk: Desk) -> list[Listed]:
    """The tools of the groups that are on, with their schemas."""
    return [_listed(tool) for tool in TOOLS if not isinstance(desk.part(tool.group), Off)]


def _listed(tool: Tool) -> Listed:
    return Listed(
        name=tool.name,
        description=tool.says,
        input_schema=tool.takes.model_json_schema(),
        output_schema=TypeAdapter(tool.gives).json_schema(mode="serialization"),
        annotations=ToolAnnotations(
            read_only_hint=not tool.changes, destructive_hint=False, open_world_hint=False
        ),
    )


async def _answer(
    turns: Turns, tool: Tool, given: dict[str, Any], tell: Callable[[float], Awaitable[None]]
) -> CallToolResult:
    """Call a tool and wait for its answer. Raises ``DeskError``, whose words are the answer."""
    turn = turns.begin(tool, _taken(tool, given))
    try:
        result = await _waited(turn, tell)
    except TimeoutError as error:
        raise DeskError(
            f"{tool.name} {error}, and was given up. Ask for less, or go on without it"
        ) from None
    except Cancelled:
        raise DeskError(
            f"{tool.name} was given up after {turn.limit_s:g} s, or because the session ends. Ask for "
            "less at a time, or allow it more with time_s"
        ) from None
    except DeskError:
        raise
    except Exception:  # the world behind the desk: never a reason to end the session
        _LOG.exception("the tool %s failed", tool.name)
        raise DeskError(
            f"{tool.name} failed for a reason that has nothing to do with your work. Go on without it"
        ) from None
    finally:
        turn.abandon()
    value, text = bounded(result)
    return CallToolResult(content=[TextContent(text=text)], structured_content=value)


async def _waited(turn: Turn, tell: Callable[[float], Awaitable[None]]) -> object:
    """The answer. Says every now and then that it is waited for, or clients would give up first.

    Raises ``TimeoutError``, and whatever the call raised.
    """
    answer, began = asyncio.wrap_future(turn.answer), time.monotonic()
    try:
        while True:
            await asyncio.wait({answer}, timeout=_BEAT_S)
            if answer.done():
                return answer.result()
            if why := turn.overdue:
                raise TimeoutError(why)
            await tell(round(time.monotonic() - began, 1))
    finally:
        answer.cancel()


def _taken(tool: Tool, given: dict[str, Any]) -> BaseModel:
    try:
        return tool.takes.model_validate(given)
    except ValidationError as error:
        raise DeskError(f"{tool.name}: {_words(error, tool)}") from None


def _words(error: ValidationError, tool: Tool) -> str:
    """Each thing that is wrong with the arguments, and what is allowed."""
    told = []
    for each in error.errors(include_url=False, include_context=False)[:_SHOWN_ERRORS]:
        where = ".".join(map(str, each["loc"]))
        if each["type"] == "extra_forbidden":
            names = ", ".join(tool.takes.model_fields) or "none"
            told.append(f"there is no argument {shortened(where, 80)!r}; there are: {names}")
        else:
            told.append(f"{where}: {each['msg']} (was {shortened(repr(each['input']), 100)})")
    return "; ".join(told)


def _failed(words: str) -> CallToolResult:
    text = shortened(words, _ERROR_CHARS)
    return CallToolResult(content=[TextContent(text=text)], is_error=True)

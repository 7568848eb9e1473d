"""Tools that a model may be offered: those that whoever asks runs in the sandbox.

Upstreams have others that they run themselves (searches, browsers, code, other models, MCP servers).
They are taken out of the request: programs offer them by default, and do without.
"""

from __future__ import annotations

import re
from typing import Any, assert_never

from runner.gateway.upstream import Dialect

# Anthropic's own tools that the client runs, and the search among the tools that were sent along.
_ANTHROPIC = re.compile(
    r"custom|(?:bash|text_editor|computer|memory|tool_search_tool_(?:bm25|regex))_[0-9]{8}"
)
_OPENAI = frozenset(
    (
        "function", "custom", "local_shell", "apply_patch", "computer", "computer_use_preview",
        "namespace",
    )
)  # fmt: skip
_GEMINI = frozenset(("functionDeclarations", "function_declarations"))


def without_hosted(dialect: Dialect, said: dict[str, Any]) -> tuple[str, ...]:
    """Take out of a request's body the tools that aren't run in the sandbox; what they were."""
    offered = said.get("tools")
    if not isinstance(offered, list):
        return ()
    said["tools"], withheld = _sorted(dialect, offered)
    if not said["tools"]:
        for name in ("tools", "tool_choice", "toolConfig", "tool_config"):
            said.pop(name, None)
    return tuple(each[:80] for each in withheld)


def _sorted(dialect: Dialect, offered: list[Any]) -> tuple[list[Any], list[str]]:
    """What may be offered, and the names of what may not."""
    kept, withheld = [], []
    for tool in offered:
        left, taken = _looked_at(dialect, tool if isinstance(tool, dict) else {"type": "?"})
        withheld += taken
        if left:
            kept.append(left)
    return kept, withheld


def _looked_at(dialect: Dialect, tool: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What is left of a tool, and what was taken."""
    kind = str(tool.get("type", "custom"))
    match dialect:
        case Dialect.ANTHROPIC:
            local = _ANTHROPIC.fullmatch(kind) is not None
        case Dialect.OPENAI:
            local = _is_local(kind, tool)
            if local and isinstance(tool.get("tools"), list):
                kept, withheld = _sorted(dialect, tool["tools"])
                return (tool | {"tools": kept} if kept else {}), withheld
        case Dialect.GEMINI:  # one object holds tools of several kinds
            taken = [name for name in tool if name not in _GEMINI]
            return {name: tool[name] for name in tool if name in _GEMINI}, taken
        case _:
            assert_never(dialect)
    return (tool, []) if local else ({}, [kind])


def _is_local(kind: str, tool: dict[str, Any]) -> bool:
    match kind:
        case "shell":
            where = tool.get("environment")
            return isinstance(where, dict) and where.get("type") == "local"
        case "tool_search":
            return tool.get("execution") == "client"
        case _:
            return kind in _OPENAI

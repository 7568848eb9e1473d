"""How a wish is put to the program that asks: a call of one of its tools, or words it can act upon.

Tools are told apart by their fields, not their names, so that a new version of a program which
calls its tool otherwise is still understood.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from tests.models.script import Asked, Call, Json, Run, Tool, Turn, Wish, Write

# Pairs of fields of tools that write a whole file: Claude Code and Gemini CLI, OpenCode, others.
_WRITERS = (("file_path", "content"), ("filePath", "content"), ("path", "content"))
_SHELLS = ("command", "cmd")
# mini-swe-agent takes no word for the end, but a command that prints this.
_SUBMIT = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said and, if ``tool`` isn't "", called. ``arguments`` is text for a tool of the kind
    "custom", which takes free text, and otherwise JSON."""

    text: str
    tool: str = ""
    kind: str = "function"
    arguments: Json | str = ""


def answer(turn: Turn, asked: Asked) -> Answer:
    """The turn in the words of whoever asked. Raises ``LookupError`` if it can't be put so."""
    match turn.wish:
        case None if asked.tools and _SUBMIT in asked.text:
            return _in_shell(turn.say, f"echo {_SUBMIT}", asked)
        case None:
            return Answer(turn.say)
        case Call(tool, arguments):
            return Answer(turn.say, tool, "function", arguments)
        case _ if not asked.tools:
            return Answer(f"{turn.say}\n\n{_in_words(turn.wish, asked)}\n".lstrip())
        case Write() as wish:
            return _written(turn.say, wish, asked)
        case Run(command):
            return _in_shell(turn.say, command, asked)
        case never:
            assert_never(never)


def _written(say: str, wish: Write, asked: Asked) -> Answer:
    for tool in asked.tools:
        for path, content in _WRITERS:
            if {path, content} <= set(tool.fields) and "old_string" not in tool.fields:
                there = _required(tool, {path: wish.path, content: wish.text})
                return Answer(say, tool.name, tool.kind, there)
    patcher = next((tool for tool in asked.tools if tool.name == "apply_patch"), None)
    if patcher and patcher.kind == "custom":
        added = "".join(f"+{line}\n" for line in wish.text.splitlines())
        patch = f"*** Begin Patch\n*** Add File: {wish.path}\n{added}*** End Patch\n"
        return Answer(say, patcher.name, patcher.kind, patch)
    return _in_shell(say, f"printf %s {shlex.quote(wish.text)} >{shlex.quote(wish.path)}", asked)


def _in_shell(say: str, command: str, asked: Asked) -> Answer:
    for tool in asked.tools:
        if tool.kind == "local_shell":
            return Answer(say, "local_shell", tool.kind, {"command": ["sh", "-c", command]})
        for field in _SHELLS:
            kind = tool.fields.get(field)
            if kind is not None:
                value = ["sh", "-c", command] if kind == "array" else command
                return Answer(say, tool.name, tool.kind, _required(tool, {field: value}))
    offered = ", ".join(tool.name for tool in asked.tools)
    raise LookupError(f"none of the tools offered runs a command: {offered}")


def _required(tool: Tool, arguments: dict[str, Any]) -> Mapping[str, Any]:
    """Fields that some programs want besides: what a call is for, in words."""
    if "description" in tool.fields:
        arguments["description"] = "as the script says"
    return arguments


def _in_words(wish: Wish, asked: Asked) -> str:
    """In the format that the request's own instructions teach: Aider's, or mini-swe-agent's."""
    if isinstance(wish, Run):
        return f"```bash\n{wish.command}\n```"
    assert isinstance(wish, Write)
    if "SEARCH/REPLACE" in asked.text:
        return f"{wish.path}\n```\n<<<<<<< SEARCH\n=======\n{wish.text}>>>>>>> REPLACE\n```"
    return f"{wish.path}\n```\n{wish.text}```"

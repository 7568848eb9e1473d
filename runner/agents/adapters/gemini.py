"""Gemini CLI, as ``gemini --output-format stream-json``.

It has a home of its own, ``~/.oppie/gemini``, with our settings and its sessions: the file of
settings that can be named in the environment is only read if root owns it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from runner.agents.access import needed_access
from runner.agents.probing import Program
from runner.agents.protocol import TOOL_TIME_S, AgentEvent, Assignment, Flags
from runner.agents.reading import LineReader, Notes, heard
from runner.agents.shapes import Json, at, parsed, short, whole, words
from runner.agents.shell import Script, address, options, quoted
from runner.gateway import Dialect
from runner.model import AgentStatus, Spending

_PROGRAM = Program(
    agent="gemini",
    name="gemini",
    version="gemini --version",
    help="gemini --help",
    needed=("--output-format", "stream-json", "--model", "--yolo"),
    wanted=("--resume", "--skip-trust"),
    package="npm's @google/gemini-cli",
)
_HOME = '"$HOME/.oppie/gemini"'
_TURN_LIMIT = "FatalTurnLimitedError"


class Gemini:
    """Google's Gemini CLI."""

    name = "gemini"
    dialects = (Dialect.GEMINI,)
    resumes = True
    tools = True
    has_own_model = True
    probe = _PROGRAM.probe

    def read_probe(self, text: str) -> Flags:
        """What the probe says."""
        return _PROGRAM.read(text)

    def script(self, assignment: Assignment) -> bytes:
        """The script of one round."""
        access, found = needed_access(self, assignment), assignment.found
        script = Script(self.name)
        prompt = script.file("prompt", assignment.prompt)
        servers: Json = {}
        if assignment.bridge:
            tools = script.tools(assignment.bridge)
            wait_ms = TOOL_TIME_S * 1000
            server = {"command": "sh", "args": [tools], "trust": True, "timeout": wait_ms}
            servers["oppie"] = server
        settings = script.file("settings.json", json.dumps(_settings(assignment.turns, servers)))
        command = f"gemini --output-format stream-json --yolo{options(model=assignment.model)}"
        if assignment.session and "--resume" in found:
            command += options(resume=assignment.session)
        if "--skip-trust" in found:
            command += " --skip-trust"
        script.export(
            GOOGLE_GEMINI_BASE_URL=address(access),
            GEMINI_API_KEY=quoted(access.token),
            GEMINI_CLI_HOME=_HOME,
            GEMINI_CLI_NO_RELAUNCH="true",
            GEMINI_SANDBOX="false",
        )
        before = (
            f"mkdir -p {_HOME}/.gemini && cp {settings} {_HOME}/.gemini/settings.json || exit 1\n"
        )
        return script.ending_with(f"{before}{command} <{prompt}")

    def reader(self) -> LineReader:
        """A reader of its events."""
        return LineReader(_understand, result=True, finish=_finish)


def _settings(turns: int, servers: Json) -> Json:
    return {
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "model": {"maxSessionTurns": turns},
        "mcpServers": servers,
    }


# What is kept of one message: it is copied for each piece that comes.
_MOST = 1 << 16


def _understand(line: bytes, notes: Notes) -> Iterator[AgentEvent]:
    event = parsed(line)
    if event is None:
        yield from heard(line, notes)
        return
    kind = words(event, "type")
    whole_message = at(event, "delta") is not True
    if kind != "message" or whole_message:
        yield from notes.says(notes.open)
    match kind:
        case "init":
            notes.model = words(event, "model")
            yield from notes.begins(words(event, "session_id"))
        case "message" if words(event, "role") == "assistant":
            notes.open = (notes.open + words(event, "content"))[-_MOST:]
        case "tool_use":
            yield from notes.uses(words(event, "tool_name"), short(at(event, "parameters")))
        case "error":
            yield from heard(words(event, "message").encode("utf-8", "replace"), notes)
        case "result":
            yield from _result(event, notes)


def _finish(_: bytes, notes: Notes) -> Iterator[AgentEvent]:
    yield from notes.says(notes.open)


def _result(event: Json, notes: Notes) -> Iterator[AgentEvent]:
    read, cached, written = (
        whole(event, "stats", key) or 0 for key in ("input_tokens", "cached", "output_tokens")
    )
    yield from notes.counts(Spending(0, read, cached, written, None))
    kind, told = words(event, "error", "type"), words(event, "error", "message")
    if words(event, "status") == "success":
        yield from notes.ends(AgentStatus.DONE)
    elif kind == _TURN_LIMIT:
        yield from notes.ends(AgentStatus.TURNS, told)
    else:
        yield from notes.ends(AgentStatus.FAILED, f"{kind} {told}".strip() or notes.last_words)

"""OpenCode, as ``opencode run --format json``.

Its provider is configured in a file of ours, named in the environment. It has no limit of turns. Its
sessions are below ``~/.local/share/opencode``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from runner.agents.access import needed_access, needed_model
from runner.agents.probing import Program
from runner.agents.protocol import TOOL_TIME_S, AgentEvent, Assignment, Flags
from runner.agents.reading import LineReader, Notes, heard
from runner.agents.shapes import Json, at, dollars, parsed, short, whole, words
from runner.agents.shell import Script, address, options, quoted
from runner.gateway import Dialect
from runner.model import AgentStatus, Spending

_PROGRAM = Program(
    agent="opencode",
    name="opencode",
    version="opencode --version",
    help="opencode run --help",
    needed=("--format", "--model"),
    wanted=("--session",),
    package="npm's opencode-ai",
)
_PACKAGES = {Dialect.ANTHROPIC: "@ai-sdk/anthropic", Dialect.OPENAI: "@ai-sdk/openai-compatible"}
_OFF = (
    "OPENCODE_DISABLE_AUTOUPDATE",
    "OPENCODE_DISABLE_MODELS_FETCH",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS",
    "OPENCODE_DISABLE_LSP_DOWNLOAD",
)


class OpenCode:
    """OpenCode."""

    name = "opencode"
    dialects = (Dialect.OPENAI, Dialect.ANTHROPIC)
    resumes = True
    tools = True
    has_own_model = False
    probe = _PROGRAM.probe

    def read_probe(self, text: str) -> Flags:
        """What the probe says."""
        return _PROGRAM.read(text)

    def script(self, assignment: Assignment) -> bytes:
        """The script of one round."""
        access, model = needed_access(self, assignment), needed_model(self, assignment)
        script = Script(self.name)
        prompt = script.file("prompt", assignment.prompt)
        config = _config(access.dialect, model)
        if assignment.bridge:
            tools = script.tools(assignment.bridge)
            server = {"type": "local", "command": ["sh", tools], "timeout": TOOL_TIME_S * 1000}
            config["mcp"] = {"oppie": server}
        # The SDK's base URL for Anthropic ends with the version, other than everybody else's.
        version = quoted("/v1") if access.dialect is Dialect.ANTHROPIC else ""
        script.export(
            OPPIE_BASE_URL=address(access) + version,
            OPPIE_TOKEN=quoted(access.token),
            OPENCODE_CONFIG=script.file("opencode.json", json.dumps(config)),
            **dict.fromkeys(_OFF, "1"),
        )
        command = f"opencode run --format json{options(model=f'oppie/{model}')}"
        if "--session" in assignment.found:
            command += options(session=assignment.session)
        return script.ending_with(f"{command} <{prompt}")

    def reader(self) -> LineReader:
        """A reader of its events."""
        return LineReader(_Understanding(), result=True)


def _config(dialect: Dialect, model: str) -> Json:
    provider: Json = {
        "npm": _PACKAGES[dialect],
        "name": "oppie",
        "options": {"baseURL": "{env:OPPIE_BASE_URL}", "apiKey": "{env:OPPIE_TOKEN}"},
        "models": {model: {}},
    }
    return {
        "provider": {"oppie": provider},
        "enabled_providers": ["oppie"],
        "small_model": f"oppie/{model}",
        "permission": "allow",
        "autoupdate": False,
        "share": "disabled",
    }


class _Understanding:
    """Tokens and money are told step by step, and summed."""

    def __init__(self) -> None:
        self._sum = Spending()
        self._steps = 0

    def __call__(self, line: bytes, notes: Notes) -> Iterator[AgentEvent]:
        event = parsed(line)
        if event is None:
            yield from heard(line, notes)
            return
        yield from notes.begins(words(event, "sessionID"))
        match words(event, "type"):
            case "text":
                yield from notes.says(words(event, "part", "text"))
            case "tool_use":
                given = short(at(event, "part", "state", "input"))
                yield from notes.uses(words(event, "part", "tool"), given)
            case "step_finish":
                yield from self._step(event, notes)
            case "error":
                told = words(event, "error", "data", "message")
                yield from notes.ends(
                    AgentStatus.FAILED, f"{words(event, 'error', 'name')} {told}".strip()
                )

    def _step(self, event: Json, notes: Notes) -> Iterator[AgentEvent]:
        self._steps += 1
        notes.turns = self._steps
        tokens = at(event, "part", "tokens")
        read, written, thought = (
            whole(tokens, key) or 0 for key in ("input", "output", "reasoning")
        )
        cached, made = (whole(tokens, "cache", key) or 0 for key in ("read", "write"))
        # A model without a known price costs 0 there; that is no price.
        cost = dollars(event, "part", "cost") or None
        self._sum += Spending(0, read + cached + made, cached, written + thought, cost)
        notes.cost_usd = self._sum.cost_usd
        yield from notes.counts(self._sum)
        if words(event, "part", "reason") == "stop":
            yield from notes.ends(AgentStatus.DONE)

"""Claude Code, as ``claude -p --output-format stream-json --verbose``.

Its session's files are in ``~/.claude/projects``, and so in the node's snapshot. ``--max-turns`` is
in no help since 2.1, but is still known: the probe calls it together with a flag that nobody knows,
and looks which of the two is complained of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from runner.agents.access import needed_access
from runner.agents.probing import Program
from runner.agents.protocol import AgentEvent, Assignment, Flags
from runner.agents.reading import LineReader, Notes, heard
from runner.agents.shapes import Json, at, dollars, objects, parsed, short, whole, words
from runner.agents.shell import Script, address, options, quoted
from runner.gateway import Dialect
from runner.model import AgentStatus, Spending

_UNKNOWN = "--oppie-probe"
_TURNS = "--max-turns"
_PROGRAM = Program(
    agent="claude",
    name="claude",
    version="claude --version",
    help=f"claude --help; claude -p {_TURNS} 1 {_UNKNOWN}",
    needed=(
        "--print",
        "--output-format",
        "--verbose",
        "--model",
        "--resume",
        "--dangerously-skip-permissions",
    ),
    wanted=("--max-budget-usd", "--mcp-config", "--strict-mcp-config", "--settings"),
    package="npm's @anthropic-ai/claude-code",
)
_SETTINGS = {"includeCoAuthoredBy": False, "disableAllHooks": True}
_OFF = (
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "DISABLE_TELEMETRY",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_AUTOUPDATER",
)
# The gateway has tried again already; what it refuses, it refuses for good.
_RETRIES = "2"
_ENDS = {"error_max_turns": AgentStatus.TURNS, "error_max_budget_usd": AgentStatus.BUDGET}


class Claude:
    """Claude Code."""

    name = "claude"
    dialects = (Dialect.ANTHROPIC,)
    resumes = True
    tools = True
    has_own_model = True
    probe = _PROGRAM.probe

    def read_probe(self, text: str) -> Flags:
        """What the probe says."""
        found = _PROGRAM.read(text)
        known = f"unknown option '{_UNKNOWN}'" in text
        return Flags(found.version, found.present | ({_TURNS} if known else set()))

    def script(self, assignment: Assignment) -> bytes:
        """The script of one round."""
        access, found = needed_access(self, assignment), assignment.found
        script = Script(self.name)
        prompt = script.file("prompt", assignment.prompt)
        command = "claude -p --output-format stream-json --verbose --dangerously-skip-permissions"
        command += options(model=assignment.model, resume=assignment.session)
        if _TURNS in found:
            command += options(max_turns=assignment.turns)
        if "--max-budget-usd" in found:
            command += options(max_budget_usd=assignment.cost_usd)
        if "--settings" in found:
            command += options(settings=script.file("settings.json", json.dumps(_SETTINGS)))
        if assignment.bridge and "--mcp-config" in found:
            server = {"type": "stdio", "command": "sh", "args": [script.tools(assignment.bridge)]}
            config = json.dumps({"mcpServers": {"oppie": server}})
            command += options(mcp_config=script.file("mcp.json", config))
        if "--strict-mcp-config" in found:
            command += " --strict-mcp-config"
        script.export(ANTHROPIC_BASE_URL=address(access), ANTHROPIC_API_KEY=quoted(access.token))
        script.export(**dict.fromkeys(_OFF, "1"), CLAUDE_CODE_MAX_RETRIES=_RETRIES)
        return script.ending_with(f"{command} <{prompt}")

    def reader(self) -> LineReader:
        """A reader of its events."""
        return LineReader(_understand, result=True)


def _understand(line: bytes, notes: Notes) -> Iterator[AgentEvent]:
    event = parsed(line)
    if event is None:
        yield from heard(line, notes)
        return
    match words(event, "type"):
        case "system" if words(event, "subtype") == "init":
            notes.version = words(event, "claude_code_version")
            notes.model = words(event, "model")
            yield from notes.begins(words(event, "session_id"))
        case "assistant":
            for part in objects(event, "message", "content"):
                yield from _part(part, notes)
        case "result":
            yield from _result(event, notes)


def _part(part: Json, notes: Notes) -> Iterator[AgentEvent]:
    match words(part, "type"):
        case "text":
            yield from notes.says(words(part, "text"))
        case "tool_use":
            yield from notes.uses(words(part, "name"), short(at(part, "input")))


def _result(event: Json, notes: Notes) -> Iterator[AgentEvent]:
    subtype, said = words(event, "subtype"), words(event, "result")
    notes.turns = whole(event, "num_turns")
    notes.cost_usd = dollars(event, "total_cost_usd")
    read, cached, made, written = (
        whole(event, "usage", key) or 0
        for key in (
            "input_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "output_tokens",
        )
    )
    yield from notes.counts(Spending(0, read + cached + made, cached, written, notes.cost_usd))
    # A session that died of an error of the API is a "success" that is_error takes back.
    if subtype == "success" and at(event, "is_error") is False:
        if said.strip() != notes.said:
            yield from notes.says(said)
        yield from notes.ends(AgentStatus.DONE)
    else:
        errors = at(event, "errors")
        first = errors[0] if isinstance(errors, list) and errors else ""
        told = said or (first if isinstance(first, str) else "")
        kind = "" if subtype == "success" else f"{subtype} "
        yield from notes.ends(_ENDS.get(subtype, AgentStatus.FAILED), kind + told)

"""Codex, as ``codex exec --json``.

Everything is said in ``-c`` overrides, so that the user's own configuration in the image stays as
it is. It has no limit of turns, and doesn't know what it costs. Its sessions are in
``~/.codex/sessions``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from runner.agents.access import needed_access
from runner.agents.probing import Program
from runner.agents.protocol import TOOL_TIME_S, AgentEvent, Assignment, Flags
from runner.agents.reading import LineReader, Notes, heard
from runner.agents.shapes import Json, at, objects, parsed, short, whole, words
from runner.agents.shell import Script, address, options, quoted
from runner.gateway import Dialect
from runner.model import AgentStatus, Spending

# No namespaces of its own: those of the container are what shuts it in.
_OPEN = "--dangerously-bypass-approvals-and-sandbox"
_PROGRAM = Program(
    agent="codex",
    name="codex",
    version="codex --version",
    help="codex exec --help; codex exec resume --help",
    needed=("--json", "--config", "--model", "--skip-git-repo-check", _OPEN, "resume"),
    package="npm's @openai/codex",
)
_CONFIG = {
    "model_provider": "oppie",
    "model_providers.oppie.name": "oppie",
    "model_providers.oppie.env_key": "OPPIE_TOKEN",
    "model_providers.oppie.wire_api": "responses",
    # The gateway has tried again already; what it refuses, it refuses for good.
    "model_providers.oppie.request_max_retries": 2,
    "model_providers.oppie.stream_max_retries": 2,
    "check_for_update_on_startup": False,
    "analytics.enabled": False,
    "web_search": "disabled",
}


class Codex:
    """OpenAI's Codex."""

    name = "codex"
    dialects = (Dialect.OPENAI,)
    resumes = True
    tools = True
    has_own_model = True
    probe = _PROGRAM.probe

    def read_probe(self, text: str) -> Flags:
        """What the probe says."""
        return _PROGRAM.read(text)

    def script(self, assignment: Assignment) -> bytes:
        """The script of one round."""
        access = needed_access(self, assignment)
        script = Script(self.name)
        prompt = script.file("prompt", assignment.prompt)
        config = dict[str, object](_CONFIG)
        if assignment.bridge:
            config["mcp_servers.oppie.command"] = "sh"
            config["mcp_servers.oppie.args"] = [script.tools(assignment.bridge)]
            config["mcp_servers.oppie.tool_timeout_sec"] = TOOL_TIME_S
        script.export(OPPIE_TOKEN=quoted(access.token))
        command = f"codex exec{' resume' if assignment.session else ''} --json"
        command += f" --skip-git-repo-check {_OPEN}{options(model=assignment.model)}"
        # The values are TOML, which JSON's strings, truths and lists are as well.
        command += "".join(f" -c {quoted(f'{key}={json.dumps(config[key])}')}" for key in config)
        command += f" -c model_providers.oppie.base_url='\"'{address(access)}'\"'"
        session = f" {quoted(assignment.session)}" if assignment.session else ""
        return script.ending_with(f"{command}{session} - <{prompt}")

    def reader(self) -> LineReader:
        """A reader of its events."""
        return LineReader(_understand, result=True)


def _understand(line: bytes, notes: Notes) -> Iterator[AgentEvent]:
    event = parsed(line)
    if event is None:
        yield from heard(line, notes)
        return
    match words(event, "type"):
        case "thread.started":
            yield from notes.begins(words(event, "thread_id"))
        case "item.started" | "item.completed" as when:
            item = at(event, "item")
            if isinstance(item, dict):
                yield from _item(item, when == "item.completed", notes)
        case "turn.completed":
            yield from _usage(event, notes)
            yield from notes.ends(AgentStatus.DONE)
        case "turn.failed":
            yield from notes.ends(AgentStatus.FAILED, words(event, "error", "message"))
        case "error":  # it tries again after some of them
            yield from heard(words(event, "message").encode("utf-8", "replace"), notes)


def _item(item: Json, completed: bool, notes: Notes) -> Iterator[AgentEvent]:
    match words(item, "type"):
        case "agent_message" if completed:
            yield from notes.says(words(item, "text"))
        case "command_execution" if not completed:
            yield from notes.uses("shell", words(item, "command"))
        case "mcp_tool_call" if not completed:
            name = f"{words(item, 'server')}.{words(item, 'tool')}"
            yield from notes.uses(name, short(at(item, "arguments")))
        case "file_change" if completed:
            paths = " ".join(words(each, "path") for each in objects(item, "changes"))
            yield from notes.uses("edit", paths)


def _usage(event: Json, notes: Notes) -> Iterator[AgentEvent]:
    read, cached, written = (
        whole(event, "usage", key)
        for key in ("input_tokens", "cached_input_tokens", "output_tokens")
    )
    if read is not None or written is not None:
        yield from notes.counts(Spending(0, read or 0, cached or 0, written or 0, None))

"""Any command as an agent.

It is shell text, run in the workspace with an empty stdin. What it has in its environment:

``OPPIE_PROMPT_FILE``
    a file with the prompt
``OPPIE_ROUND``
    the round's number, from 1
``OPPIE_TURNS``, ``OPPIE_COST_USD``
    what it may take, if it counts such things; the cost is empty without a limit
``OPPIE_MODEL``
    the model's name as the task says it, or empty
``OPPIE_BASE_URL``, ``OPPIE_TOKEN``, ``OPPIE_DIALECT``
    how models are reached, where the task has upstreams: address, key, and ``anthropic``,
    ``openai`` or ``gemini``
``OPPIE_MCP``
    a program for ``sh`` that is an MCP server over stdio, where the task offers tools

Its exit code decides. Lines such as ``PHASE: red`` begin a phase.
"""

from __future__ import annotations

from collections.abc import Iterator

from runner.agents.protocol import AgentEvent, Assignment, Flags
from runner.agents.reading import LineReader, Notes, heard
from runner.agents.shell import Script, address, quoted
from runner.errors import TaskError
from runner.gateway import Dialect


class Command:
    """Any command."""

    name = "command"
    dialects: tuple[Dialect, ...] = ()
    resumes = False
    tools = True
    has_own_model = True
    probe = ""

    def read_probe(self, text: str) -> Flags:
        """Nothing: each command is another."""
        del text
        return Flags()

    def script(self, assignment: Assignment) -> bytes:
        """The script of one round."""
        if not assignment.command.strip():
            raise TaskError('agent command: needs a command: command = "…"')
        script = Script(self.name)
        cost = assignment.cost_usd
        script.export(
            OPPIE_PROMPT_FILE=script.file("prompt", assignment.prompt),
            OPPIE_ROUND=str(assignment.number),
            OPPIE_TURNS=str(assignment.turns),
            OPPIE_COST_USD="" if cost is None else str(cost),
            OPPIE_MODEL=quoted(assignment.model),
        )
        if access := assignment.access:
            script.export(
                OPPIE_BASE_URL=address(access),
                OPPIE_TOKEN=quoted(access.token),
                OPPIE_DIALECT=access.dialect,
            )
        if assignment.bridge:
            script.export(OPPIE_MCP=script.tools(assignment.bridge))
        # `eval` of one quoted word keeps a syntax error inside.
        return script.ending_with(f"( eval {quoted(assignment.command)} ) </dev/null")

    def reader(self) -> LineReader:
        """A reader that knows phases, and nothing else."""
        return LineReader(_understand, result=False, finish=_finish)


def _understand(line: bytes, notes: Notes) -> Iterator[AgentEvent]:
    yield from notes.adds(line[:2000].decode("utf-8", "replace").rstrip())
    yield from heard(line, notes)


def _finish(_: bytes, notes: Notes) -> Iterator[AgentEvent]:
    yield from notes.closes()

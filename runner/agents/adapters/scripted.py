"""A recorded session, played again: an agent for demonstrations and tests, without any key.

The image needs ``python3``. See ``runner.agents.player`` for what a recording is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.agents import player
from runner.agents.probing import Program
from runner.agents.protocol import AgentEvent, Assignment, Flags
from runner.agents.reading import LineReader, Notes, heard
from runner.agents.shapes import Json, dollars, parsed, whole, words
from runner.agents.shell import Script, address, quoted
from runner.errors import TaskError
from runner.gateway import Dialect
from runner.model import AgentStatus

_PROGRAM = Program(
    agent="scripted",
    name="python3",
    version="python3 --version",
    help="python3 --help",
    needed=(),
)
_SESSION = "recording"


class Scripted:
    """A recorded session."""

    name = "scripted"
    dialects: tuple[Dialect, ...] = ()
    resumes = True
    tools = True
    has_own_model = True
    probe = _PROGRAM.probe

    def read_probe(self, text: str) -> Flags:
        """What the probe says."""
        return _PROGRAM.read(text)

    def script(self, assignment: Assignment) -> bytes:
        """The script of one round."""
        if not assignment.recording.strip():
            raise TaskError('agent scripted: needs a recording: recording = "session.jsonl"')
        recording = assignment.recording.decode("utf-8", "surrogateescape")
        try:
            player.steps(recording, assignment.number)
        except player.Failed as error:
            raise TaskError(f"agent scripted: {error}") from error
        script = Script(self.name)
        program = script.file("player.py", Path(player.__file__).read_text(encoding="utf-8"))
        played = script.file("recording.jsonl", recording)
        access, tools = assignment.access, ""
        if assignment.bridge:
            tools = script.tools(assignment.bridge)
        ways = f"{address(access)} {quoted(access.token)}" if access else "'' ''"
        player_ = f"python3 {program} {played} {int(assignment.number)}"
        return script.ending_with(f"printf '%s\\n' {ways} {quoted(tools)} | {player_}")

    def reader(self) -> LineReader:
        """A reader of the player's events."""
        return LineReader(_understand, result=True)


def _understand(line: bytes, notes: Notes) -> Iterator[AgentEvent]:
    event = parsed(line)
    if event is None:
        yield from heard(line, notes)
        return
    match words(event, "type"):
        case "session":
            yield from notes.begins(_SESSION)
        case "say":
            yield from notes.says(words(event, "text"))
        case "phase":
            yield from notes.enters(f"PHASE: {words(event, 'name')}")
        case "tool":
            yield from notes.uses(words(event, "name"), words(event, "given"))
        case "result":
            yield from _result(event, notes)


def _result(event: Json, notes: Notes) -> Iterator[AgentEvent]:
    yield from notes.says(words(event, "said"))
    notes.turns = whole(event, "turns")
    notes.cost_usd = dollars(event, "cost_usd")
    told = words(event, "status")
    status = AgentStatus(told) if told in set(AgentStatus) else AgentStatus.FAILED
    yield from notes.ends(status, words(event, "reason") or told)

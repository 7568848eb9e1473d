"""Reading what an agent's program prints, line by line, whatever it prints.

Both outputs of the program come as one stream. What an adapter knows of its program is one
function, which is given each line and notes what that says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from runner.agents.phases import phases
from runner.agents.protocol import AgentEvent, EventKind, Report
from runner.agents.script import FIRST_WORDS
from runner.model import AgentStatus, Spending
from runner.report.text import clean, clean_block
from runner.sandbox.protocol import Exit

# Agents print the files that they read as one line of JSON. Longer lines are passed over.
MAX_LINE_BYTES = 4 << 20
MAX_TEXT = 400
MAX_SAID = 8000
_MAX_NAME = 200


@dataclass(slots=True)
class Notes:
    """What is known of a session so far. ``status`` is there once the result is in.

    ``last_words`` is the last line that was no event: mostly what a program says before it dies.
    ``open`` is a message that has begun.
    """

    session: str = ""
    version: str = ""
    model: str = ""
    said: str = ""
    phase: str = ""
    turns: int | None = None
    cost_usd: float | None = None
    tokens: Spending | None = None
    status: AgentStatus | None = None
    reason: str = ""
    last_words: str = ""
    open: str = ""

    def begins(self, session: str) -> Iterator[AgentEvent]:
        """The session has this name. One that couldn't be handed back as it is has none."""
        if session and session != self.session and _is_name(session):
            self.session = session
            yield AgentEvent(EventKind.SESSION, session)

    def says(self, text: str) -> Iterator[AgentEvent]:
        """A message of the agent's, and the phases that it begins."""
        self.open = text
        yield from self.closes()
        yield from self.enters(text)

    def adds(self, line: str) -> Iterator[AgentEvent]:
        """One more line of a message, from a program that prints for people."""
        self.open = f"{self.open}\n{line}"[-MAX_SAID:]
        yield from self.enters(line)

    def closes(self) -> Iterator[AgentEvent]:
        """The message is complete."""
        said, self.open = self.open.strip(), ""
        if said:
            self.said = clean_block(said, MAX_SAID)
            yield AgentEvent(EventKind.SAID, self.said)

    def enters(self, text: str) -> Iterator[AgentEvent]:
        """The phases that a text begins, if they are others than the last."""
        for phase in phases(text):
            if phase != self.phase:
                self.phase = phase
                yield AgentEvent(EventKind.PHASE, phase)

    def uses(self, tool: str, given: str) -> Iterator[AgentEvent]:
        """A tool is used."""
        if tool:
            yield AgentEvent(EventKind.TOOL, clean(f"{tool} {given}".strip(), MAX_TEXT))

    def counts(self, spending: Spending) -> Iterator[AgentEvent]:
        """Tokens so far, as the agent counts them."""
        self.tokens = spending
        counted = f"{spending.input_tokens} in, {spending.output_tokens} out"
        yield AgentEvent(EventKind.USAGE, f"tokens: {counted}")

    def ends(self, status: AgentStatus, reason: str = "") -> Iterator[AgentEvent]:
        """The result is in. The first one counts."""
        if self.status is None:
            self.status = status
            self.reason = "" if status is AgentStatus.DONE else clean(reason, MAX_TEXT)
            yield AgentEvent(EventKind.RESULT, self.reason or str(status))


def _is_name(session: str) -> bool:
    """Whether it can be handed back as an argument, and shown."""
    return (
        len(session) <= _MAX_NAME
        and all("!" <= char <= "~" for char in session)
        and not session.startswith("-")
    )


Understand: TypeAlias = Callable[[bytes, Notes], Iterator[AgentEvent]]


class LineReader:
    """A reader that gives each line to a function.

    ``result`` says whether the program always tells its result: one that ends without has failed
    then, whatever its exit code. ``finish`` is asked once after the last line.
    """

    def __init__(
        self, understand: Understand, *, result: bool, finish: Understand | None = None
    ) -> None:
        self._understand = understand
        self._result = result
        self._finish = finish
        self._notes = Notes()
        self._open = bytearray()
        self._overlong = False

    @property
    def done(self) -> bool:
        """Whether the result is in."""
        return self._notes.status is not None

    def feed(self, data: bytes) -> list[AgentEvent]:
        """The events of the lines that ``data`` completes."""
        events: list[AgentEvent] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._add(data[start:end])
            events += self._line()
            start = end + 1
        self._add(data[start:])
        return events

    def report(self, ending: Exit, code: int) -> Report:
        """What came of the round."""
        self._line()
        if self._finish is not None:
            list(self._finish(b"", self._notes))
        notes = self._notes
        status, reason = self._judged(ending, code)
        return Report(
            status,
            reason,
            notes.said,
            notes.session,
            clean(notes.version, _MAX_NAME),
            clean(notes.model, _MAX_NAME),
            notes.turns,
            notes.cost_usd,
            notes.tokens,
        )

    def _add(self, data: bytes) -> None:
        if self._overlong or len(self._open) + len(data) > MAX_LINE_BYTES:
            self._overlong = True
            self._open.clear()
        else:
            self._open += data

    def _line(self) -> list[AgentEvent]:
        line = bytes(self._open).rstrip(b"\r")
        self._open.clear()
        if self._overlong:
            self._overlong = False
            return []
        if not line.strip() or line.startswith(FIRST_WORDS):
            return []
        return list(self._understand(line, self._notes))

    def _judged(self, ending: Exit, code: int) -> tuple[AgentStatus, str]:
        notes = self._notes
        told = notes.reason or notes.last_words
        match ending:
            case Exit.OOM:
                return AgentStatus.FAILED, "was killed: out of memory"
            case Exit.DISK:
                return AgentStatus.FAILED, "was killed: it wrote more than it may"
            case Exit.OK | Exit.NONZERO | Exit.TIMEOUT | Exit.SILENT if notes.status is not None:
                return notes.status, notes.reason
            case Exit.TIMEOUT:
                return AgentStatus.TIMEOUT, "took longer than it may"
            case Exit.SILENT:
                return AgentStatus.TIMEOUT, "printed nothing for longer than it may"
            case Exit.NONZERO:
                return AgentStatus.FAILED, _joined(f"ended with the code {code}", told)
            case Exit.OK if self._result:
                return AgentStatus.FAILED, _joined("ended without a result", told)
            case Exit.OK:
                return AgentStatus.DONE, ""
            case _:
                assert_never(ending)


def _joined(what: str, told: str) -> str:
    return f"{what}: {told}" if told else what


def heard(line: bytes, notes: Notes) -> Iterator[AgentEvent]:
    """A line that is no event: it is remembered, as the last words so far."""
    text = line[: 16 * MAX_TEXT].decode("utf-8", "replace")
    notes.last_words = clean(text, MAX_TEXT) or notes.last_words
    yield from ()

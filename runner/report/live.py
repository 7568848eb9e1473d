"""Displays of a running search: a live picture, plain lines, JSON lines, or nothing.

All of them consume the search's events one at a time, in the planner's thread.
"""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Protocol, assert_never

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from runner.model import Event, Phase, RunView, Verified
from runner.report.budget import limits_of
from runner.report.eventlog import Clock, EventLog
from runner.report.lines import event_line, opening_line
from runner.report.phases import REMARK, remark_of
from runner.report.progress import advance, begin
from runner.report.screen import screen
from runner.report.text import clean
from runner.report.verification import remarks_of

_REFRESH_PER_S = 4
_LINE_LIMIT = 1000


class Mode(StrEnum):
    """How a search is shown. ``AUTO`` is ``LIVE`` on a terminal and ``PLAIN`` elsewhere."""

    AUTO = "auto"
    LIVE = "live"
    PLAIN = "plain"
    QUIET = "quiet"
    JSON = "json"


class Display(Protocol):
    """Shows events as they come. ``close`` gives the terminal back; it may be called twice."""

    def event(self, event: Event) -> None: ...

    def close(self) -> None: ...


def make_display(
    mode: Mode, console: Console, context: RunView, clock: Clock = time.time
) -> Display:
    """The display for ``mode`` on ``console``; ``context`` is the run as it stands before."""
    match mode:
        case Mode.AUTO:
            live = console.is_terminal and not console.is_dumb_terminal
            return make_display(Mode.LIVE if live else Mode.PLAIN, console, context, clock)
        case Mode.LIVE:
            return LiveDisplay(console, context, clock)
        case Mode.PLAIN:
            return PlainDisplay(console, context, clock)
        case Mode.QUIET:
            return QuietDisplay()
        case Mode.JSON:
            return JsonDisplay(console, context, clock)
        case _:
            assert_never(mode)


class QuietDisplay:
    """Shows nothing: the result is told after the search."""

    def event(self, event: Event) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class JsonDisplay:
    """One JSON object per record, the same lines as the run's ``events.jsonl``."""

    def __init__(self, console: Console, context: RunView, clock: Clock) -> None:
        self._log = EventLog(console.file, context, clock=clock)

    def event(self, event: Event) -> None:
        self._log.event(event)

    def verified(self, found: Verified) -> None:
        """Write the record of the best candidate's last measurement."""
        self._log.verified(found)

    def close(self) -> None:
        """Every line was flushed as it was written."""


class PlainDisplay:
    """One line per event, never wrapped, without colours or cursor movements."""

    def __init__(self, console: Console, context: RunView, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._state = begin(context, clock())
        self._write(opening_line(context))
        for remark in remarks_of(context):
            self._write(f"note: {remark}")

    def event(self, event: Event) -> None:
        now = self._clock()
        self._state = advance(self._state, event, now)
        line = event_line(event, self._state, now)
        if line:
            self._write(line)

    def close(self) -> None:
        """Nothing is held back."""

    def _write(self, line: str) -> None:
        line = clean(line, _LINE_LIMIT, ascii_only=is_ascii_only(self._console))
        self._console.file.write(f"{line}\n")
        self._console.file.flush()


class LiveDisplay:
    """A picture that is redrawn in place, a few times a second, and wiped on ``close``.

    What the root can't be relied on for is written above it, and stays.

    The state is immutable and replaced as a whole, so the thread that redraws needs no lock.
    """

    def __init__(self, console: Console, context: RunView, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._limits = limits_of(context.budget)
        self._state = begin(context, clock())
        self._live = Live(
            self,
            console=console,
            refresh_per_second=_REFRESH_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()
        for remark in remarks_of(context):
            self._note(remark)

    def event(self, event: Event) -> None:
        self._state = advance(self._state, event, self._clock())
        if isinstance(event, Phase) and event.name == REMARK:
            self._note(remark_of(event.facts))

    def _note(self, remark: str) -> None:
        shown = clean(remark, _LINE_LIMIT, ascii_only=is_ascii_only(self._console))
        self._console.print(Text(f"note: {shown}", "yellow"))

    def close(self) -> None:
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = max(console.size.height - 1, 1)
        yield screen(
            self._state,
            self._limits,
            self._clock(),
            options.max_width,
            height,
            is_ascii_only(console),
        )


def is_ascii_only(console: Console) -> bool:
    """Whether the console can't take Unicode."""
    return not console.encoding.lower().startswith("utf")

"""The structured log of a run: one line per record, as JSON or for people."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, TextIO, cast

import structlog

from runner.keeping import keeping
from runner.model import Event, RunView, Verified
from runner.report.progress import advance, begin
from runner.report.records import Record, records, started, verified

Clock = Callable[[], float]
_LEAD = ("timestamp", "level", "event", "run")


class EventLog:
    """Writes what happens in one run to a text stream, a line at a time, flushed.

    It begins with ``mcts.run.started``, made from ``view``. ``human`` writes for people (with
    colours if ``colors``); otherwise each line is one JSON object without ``NaN`` or infinities.
    Every method raises ``StateError`` where the stream can't be written to.
    """

    def __init__(
        self,
        stream: IO[str],
        view: RunView,
        *,
        human: bool = False,
        colors: bool = False,
        clock: Clock = time.time,
    ) -> None:
        render: Any = (
            structlog.dev.ConsoleRenderer(colors=colors, sort_keys=False)
            if human
            else structlog.processors.JSONRenderer(partial(json.dumps, allow_nan=False))
        )
        self._logger = structlog.wrap_logger(
            structlog.WriteLogger(cast(TextIO, stream)),
            processors=[
                structlog.processors.add_log_level,
                partial(_stamp, clock=clock),
                _unfold,
                render,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(0),
        ).bind(run=view.run_id)
        self._stream = stream
        self._clock = clock
        self._state = begin(view, clock())
        self._write(started(view))

    def event(self, event: Event) -> None:
        """Write the records of ``event``."""
        self._state = advance(self._state, event, self._clock())
        for record in records(event, self._state):
            self._write(record)

    def verified(self, found: Verified) -> None:
        """Write what the clean room said."""
        self._write(verified(found))

    def _write(self, record: Record) -> None:
        log = self._logger.warning if record.warns else self._logger.info
        with keeping("write", getattr(self._stream, "name", "the event log")):
            log(record.name, fields=record.fields)


@contextmanager
def open_event_stream(path: Path) -> Iterator[TextIO]:
    """The event log of a run, for appending; a resumed run goes on in the same file.

    Raises ``StateError`` where it can't be made, or not be written to its end.
    """
    with keeping("open", path):
        stream = path.open("a", encoding="utf-8", newline="\n")
    try:
        yield stream
    finally:
        with keeping("write", path):
            stream.close()


def _stamp(
    _logger: object, _method: str, event: MutableMapping[str, Any], *, clock: Clock
) -> MutableMapping[str, Any]:
    moment = datetime.fromtimestamp(clock(), UTC)
    event["timestamp"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


def _unfold(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # The fields travel as one argument: their names come from outside and could be a parameter's.
    unfolded: dict[str, Any] = {key: event[key] for key in _LEAD}
    unfolded.update(event["fields"])
    return unfolded

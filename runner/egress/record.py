"""What an action reached for, and what came of it: evidence, one JSON object a line."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from runner.errors import StateError
from runner.keeping import keeping

SUFFIX = ".egress.jsonl"
_MASK = "[hidden]"


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection, or an attempt at one. ``target`` is ``host:port``, or "" where none could be
    read. ``why`` says why it was refused, or what else went wrong; "" if nothing did.

    ``at`` is when it ended, in seconds since the epoch, by the planner's clock.
    """

    method: str
    target: str
    allowed: bool
    why: str = ""
    sent_bytes: int = 0
    received_bytes: int = 0
    seconds: float = 0.0
    at: float = 0.0


class Record:
    """The file of one step, which lies beside its log. Threads may share one.

    ``hidden`` are secrets that the step was given, and that it may have asked for as a host. The
    folder has to be there. Raises ``StateError``.
    """

    def __init__(self, log: Path, hidden: Iterable[bytes] = ()) -> None:
        self.path = record_of(log)
        words = (each.decode("utf-8", "replace") for each in hidden if each)
        longest_first = sorted(map(re.escape, words), key=len, reverse=True)
        # Hosts are written in lower case, whatever was asked for.
        self._hidden = re.compile("|".join(longest_first) or r"(?!)", re.IGNORECASE)
        self._lock = threading.Lock()
        self._failure: StateError | None = None
        with keeping("write", self.path):
            self._file = self.path.open("w", encoding="ascii")

    def add(self, connection: Connection) -> None:
        """Write one connection down; what comes after ``close`` came too late. That it could not be
        written is raised by ``close``, in the thread of whoever answers for the step."""
        target, why = (self._hidden.sub(_MASK, each) for each in (connection.target, connection.why))
        shown = replace(connection, target=target, why=why, at=round(time.time(), 3))
        line = json.dumps(asdict(shown))
        with self._lock:
            if self._file.closed or self._failure:
                return
            try:
                with keeping("write", self.path):
                    self._file.write(line + "\n")
                    self._file.flush()
            except StateError as error:
                self._failure = error

    def close(self) -> None:
        """Leave it on disk, or nowhere if nothing was reached for. Raises ``StateError``."""
        with self._lock:
            if self._file.closed:
                return
            if self._failure:
                with contextlib.suppress(OSError):  # it holds what could not be written
                    self._file.close()
                raise self._failure
            with keeping("write", self.path):
                empty = self._file.tell() == 0
                os.fsync(self._file.fileno())
                self._file.close()
                if empty:
                    self.path.unlink()


def record_of(log: Path) -> Path:
    """Where the connections of the step with this log are written down."""
    return log.with_suffix(SUFFIX)


def connections(log: Path) -> Iterator[Connection]:
    """What the step with this log reached for, in the order in which it ended."""
    path = record_of(log)
    if path.exists():
        with path.open(encoding="ascii") as file:
            for line in file:
                yield Connection(**json.loads(line))


@dataclass(frozen=True, slots=True)
class Reached:
    """All connections of one step to a target that were allowed, or all that were refused. ``why``
    is of the first."""

    target: str
    allowed: bool
    connections: int
    sent_bytes: int
    received_bytes: int
    why: str = ""


def reached(log: Path) -> tuple[Reached, ...]:
    """What the step with this log reached for, those that were allowed first."""
    found: dict[tuple[bool, str], Reached] = {}
    for each in connections(log):
        key = (not each.allowed, each.target)
        before = found.get(key) or Reached(each.target, each.allowed, 0, 0, 0, each.why)
        found[key] = replace(
            before,
            connections=before.connections + 1,
            sent_bytes=before.sent_bytes + each.sent_bytes,
            received_bytes=before.received_bytes + each.received_bytes,
        )
    return tuple(found[key] for key in sorted(found))

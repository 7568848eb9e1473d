"""One call of a desk at a time, in a thread of its own, and a bound on all of them.

The desk's thread is the one in which its sandbox is opened and used: doors to an engine are not to
be shared between threads.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.mcp.desk import Desk, DeskError, Off

if TYPE_CHECKING:  # schemas take a while to be made, and only who serves needs them
    from pydantic import BaseModel

    from runner.mcp.tools import Tool


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the clients of one desk may use, all together, however often they connect."""

    calls: int = 500
    waiting: int = 8  # calls at a time, the one under way included
    messages: int = 20_000
    connections: int = 200
    at_once: int = 8  # connections at a time
    line_bytes: int = 1 << 20


_QUEUE_S = 1800.0  # behind earlier calls
_LATE_S = 30.0  # for what is told to end


class Turn:
    """A call that waits or is under way."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self.answer: Future[object]
        self._asked = time.monotonic()
        self._begun = 0.0
        self._abandoned = threading.Event()

    def begin(self) -> None:
        """It is its turn now."""
        self._begun = time.monotonic()

    def abandon(self) -> None:
        """Nobody waits for the answer any more."""
        self._abandoned.set()
        self.answer.cancel()

    @property
    def over(self) -> bool:
        """Whether the call is to end: its time is up, or nobody waits."""
        return self._abandoned.is_set() or (bool(self._begun) and self._ran_s > self.limit_s)

    @property
    def overdue(self) -> str:
        """Why there is no point in waiting any longer; "" while there is."""
        if self._begun:
            late = self._ran_s > self.limit_s + _LATE_S
            return f"has not ended {self._ran_s:.0f} s after it began" if late else ""
        waited_s = time.monotonic() - self._asked
        return f"waited {waited_s:.0f} s for earlier calls to end" if waited_s > _QUEUE_S else ""

    @property
    def _ran_s(self) -> float:
        return time.monotonic() - self._begun


class Turns:
    """A desk with its thread. Safe to be used from many."""

    def __init__(self, desk: Desk, bounds: Bounds) -> None:
        self.desk = desk
        self.bounds = bounds
        self._lock = threading.Lock()
        self._calls = 0
        self._waiting = 0
        self._closing = threading.Event()
        self._thread = ThreadPoolExecutor(1, "oppie-desk")

    def begin(self, tool: Tool, taken: BaseModel) -> Turn:
        """Let a call wait for its turn. Raises ``DeskError`` where there is none for it."""
        part = self.desk.part(tool.group)
        if isinstance(part, Off):
            raise DeskError(f"{tool.name} is off here: {part.why}")
        self._count()
        turn = Turn(tool.limit_s(taken))
        try:
            turn.answer = self._thread.submit(self._call, tool, part, taken, turn)
        except RuntimeError as error:
            self._release()
            raise DeskError("the session is over: finish with what you have") from error
        turn.answer.add_done_callback(lambda _: self._release())
        return turn

    def close(self) -> None:
        """Give up what is under way, and wait until it has ended."""
        self._closing.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _count(self) -> None:
        with self._lock:
            if self._calls >= self.bounds.calls:
                raise DeskError(
                    f"no more calls: the {self.bounds.calls} of this session are used up. Finish "
                    "with what you know"
                )
            if self._waiting >= self.bounds.waiting:
                raise DeskError(
                    f"{self._waiting} calls are under way or waiting: one runs at a time. Wait for "
                    "their answers before you ask again"
                )
            self._calls += 1
            self._waiting += 1

    def _release(self) -> None:
        with self._lock:
            self._waiting -= 1

    def _call(self, tool: Tool, part: Any, taken: BaseModel, turn: Turn) -> object:
        turn.begin()
        return tool.call(part, taken, lambda: turn.over or self._closing.is_set())

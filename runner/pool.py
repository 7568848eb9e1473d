"""Worker threads that make journeys; everything they say comes out of one queue."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from runner.errors import Cancelled, EngineError, StateError
from runner.model import Decision, Expand, Expansion, Job, Outcome, Phase, Stopped, StopReason

_JOIN_S = 30.0
_TICK_S = 0.2


class ThreadPool:
    """``search.Pool`` over threads, each with a world of its own.

    ``open_worker(slot)`` opens what one thread works with and closes it at the end. ``cancelled``
    is set to make the workers give up what they are doing; they remove their containers then.
    Leaving the ``with`` block waits for what they are doing, unless it is set.
    """

    def __init__(
        self,
        workers: int,
        open_worker: Callable[[int], AbstractContextManager[Expand]],
        cancelled: threading.Event,
    ) -> None:
        self._open_worker = open_worker
        self._cancelled = cancelled
        self._jobs: queue.SimpleQueue[tuple[Job, float] | None] = queue.SimpleQueue()
        self._said: queue.SimpleQueue[Phase | Expansion | Exception] = (
            queue.SimpleQueue()
        )
        self._threads = [
            threading.Thread(target=self._work, args=(slot,), name=f"worker-{slot}", daemon=True)
            for slot in range(workers)
        ]

    @property
    def workers(self) -> int:
        """How many journeys are made at a time."""
        return len(self._threads)

    def submit(self, job: Job, delay_s: float = 0.0) -> None:
        """See ``search.Pool``."""
        self._jobs.put((job, delay_s))

    def take(self) -> Phase | Expansion | Stopped:
        """See ``search.Pool``. Raises what a worker could not make sense of."""
        while not self._cancelled.is_set():
            try:
                said = self._said.get(timeout=_TICK_S)
            except queue.Empty:
                continue
            if isinstance(said, Exception):
                raise said
            return said
        return Stopped(StopReason.INTERRUPTED, "told to stop")

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._cancelled.set()
        for _ in self._threads:
            self._jobs.put(None)
        # Who is told to stop a second time waits for nobody.
        deadline = time.monotonic() + (0.0 if isinstance(error, KeyboardInterrupt) else _JOIN_S)
        for thread in self._threads:
            # Without a deadline where nothing has to be given up: they finish what they are doing.
            left_s = max(0.0, deadline - time.monotonic()) if self._cancelled.is_set() else None
            thread.join(left_s)

    def _work(self, slot: int) -> None:
        try:
            with self._open_worker(slot) as expand:
                while (task := self._jobs.get()) is not None:
                    job, delay_s = task
                    if self._cancelled.wait(delay_s) if delay_s else self._cancelled.is_set():
                        return
                    self._said.put(self._make(expand, job))
        except Cancelled:
            return
        except Exception as error:  # it must reach the planner's thread, whatever it is
            self._said.put(error)

    def _make(self, expand: Expand, job: Job) -> Expansion:
        journey = expand(job)
        try:
            while True:
                self._said.put(next(journey))
        except StopIteration as end:
            made: Expansion = end.value
            return made
        except (EngineError, StateError) as error:  # none of them is the action's doing
            return Expansion(job, Outcome.INFRA, Decision.ABANDON, None, reason=str(error))

"""An agent's step, heard while it runs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

from runner.agents.protocol import Adapter, AgentEvent, EventKind, Reader, Report
from runner.expand.judging import Trial
from runner.expand.room import run_step
from runner.model import Phase
from runner.sandbox.protocol import Step, StepResult

_MOST_TOLD = 2000  # events of one round; the log has all
_PIECE_BYTES = 1 << 16
_TOLD = frozenset({EventKind.SESSION, EventKind.SAID, EventKind.TOOL, EventKind.PHASE})


def listened(
    trial: Trial, step: Step, log: Path, reader: Reader, is_broke: Callable[[], bool]
) -> Generator[Phase, None, StepResult]:
    """Run the step of an agent, and tell what it says and does as phases of its node.

    It is over once its result is in, or once it can pay for nothing more. The step blocks, so that another thread has to listen. Raises what ``Sandbox.run`` raises.
    """
    heard: queue.SimpleQueue[AgentEvent | None] = queue.SimpleQueue()
    ended: list[StepResult | BaseException] = []

    def watch(data: bytes) -> bool:
        for event in reader.feed(data):
            heard.put(event)
        return reader.done or is_broke()

    def run() -> None:
        try:
            watched = replace(step, watch=watch)
            ended.append(run_step(trial.context, trial.sandbox, watched, log))
        except BaseException as error:  # it is raised where the step was asked for
            ended.append(error)
        finally:
            heard.put(None)

    thread = threading.Thread(target=run, name=f"listening to {step.name}", daemon=True)
    thread.start()
    try:
        yield from _told(trial.label, heard)
    finally:
        thread.join()
    (result,) = ended
    if isinstance(result, BaseException):
        raise result
    return result


def _told(label: str, heard: queue.SimpleQueue[AgentEvent | None]) -> Iterator[Phase]:
    told = 0
    while (event := heard.get()) is not None:
        if event.kind in _TOLD and told < _MOST_TOLD:
            told += 1
            facts: dict[str, object] = {"text": event.text}
            yield Phase(label, f"agent.{event.kind}", facts)


def report_of(adapter: Adapter, log: Path, result: StepResult) -> tuple[Report, bool]:
    """What the log says of a round that is over, the same after a crash as before; and whether the
    agent had come to a result by itself."""
    reader = adapter.reader()
    if log.exists():
        with log.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                for _ in reader.feed(piece):
                    pass
    return reader.report(result.exit, result.code), reader.done

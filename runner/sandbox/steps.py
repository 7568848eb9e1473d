"""One step's container from its start to its end, and what it printed, whole or said not to be."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker.errors

from runner.errors import EngineUnavailable
from runner.sandbox import spec
from runner.sandbox.containers import Containers, Ending
from runner.sandbox.logfile import LogFile, mark_sent, sent_for_s, sent_mark, unmark_sent
from runner.sandbox.patience import Patience
from runner.sandbox.protocol import Exit, Step, StepResult
from runner.sandbox.states import epoch_s, has_ended, ran_s, was_started
from runner.sandbox.stream import Stream
from runner.sandbox.vigil import Vigil

_DISK_CHECK_S = 0.5
_USABLE = ("running", "stopped", "exited")  # Podman has not tidied up after a stopped one
_SIGNALLED = 128  # exit codes from here on say which signal
_HEAD_BYTES = 1 << 16
_NOT_ASCII = bytes(range(128, 256))


class StepRun:
    """A step that is being run, or taken over. What the engine's client raises goes through."""

    def __init__(self, containers: Containers, patience: Patience, step: Step, log: Path) -> None:
        self._containers = containers
        self._patience = patience
        self._step = step
        self._log = log
        self._name = containers.name_of(step.name)
        self._ascii_bytes = 0  # that came out of the stream
        self._head = b""  # of it

    def run(self) -> StepResult:
        """See ``protocol.Sandbox.run``."""
        adopted = self._adopt()
        if adopted is not None:
            return adopted
        unmark_sent(self._log)
        with self._containers.doors(self._step, self._log) as network:
            self._containers.create(self._step, spec.KIND_STEP, network=network)
            return self._drive()

    def _drive(self) -> StepResult:
        """Start, pump, and wait for the end."""
        step, started = self._step, time.monotonic()
        with LogFile(self._log, step.limits.log_bytes, step.hidden, step.watch) as sink:
            with contextlib.closing(self._containers.start(self._name)) as stream:
                vigil = Vigil(started + step.limits.time_s, time.monotonic(), step.quiet_s)
                stream.send(step.stdin, close=True)
                disk_hit = self._pump(stream, sink, vigil)
            end = self._containers.ending(self._name, step.limits, vigil.due, disk_hit=disk_hit)
        seconds = time.monotonic() - started
        size_bytes, complete = sink.size_bytes, sink.complete
        if end.exit in (Exit.OK, Exit.NONZERO):
            cut = complete and self._misses_output()
            if cut:
                size_bytes, complete = self._patience.ask(self._take_log), False
            if not self._has_begun(cut=cut and not stream.delivered):
                raise EngineUnavailable(f"the engine cut off the input of {self._name}")
        exit_ = vigil.exit if end.exit is Exit.TIMEOUT else end.exit
        if exit_ is Exit.SILENT and self._misses_output():
            raise EngineUnavailable(f"the engine cut off the output of {self._name}")
        code = 0 if exit_ is Exit.OK else end.code
        return StepResult(exit_, code, seconds, self._name, size_bytes, complete, end.ran_s)

    def _pump(self, stream: Stream, sink: LogFile, vigil: Vigil) -> bool:
        """Copy output to ``sink`` until the end, or until it is due; true if the disk limit was hit.

        What comes after the log's cap is read, too: a container that nobody reads from stalls, and
        one whose stream is cut loses the rest of its input.
        """
        marked = False
        check_at = time.monotonic() + _DISK_CHECK_S
        for data in stream.read(vigil.until):
            sink.write(data)
            vigil.note(time.monotonic(), spoke=bool(data), result_is_in=sink.result_is_in)
            self._ascii_bytes += _ascii_bytes(data)
            self._head += data[: max(0, _HEAD_BYTES - len(self._head))]
            if not marked and stream.delivered and not stream.is_broken:
                mark_sent(self._log)
                marked = True
            if time.monotonic() >= vigil.due:
                return False
            if time.monotonic() >= check_at:
                if self._containers.is_overfull(self._name, self._step.limits):
                    return True
                check_at = time.monotonic() + _DISK_CHECK_S
        return False

    def _has_begun(self, *, cut: bool) -> bool:
        """Whether all of its input came to the command, as far as anybody can tell. ``cut`` is
        whether the stream was, before all had been handed to the engine."""
        words = self._step.first_words
        if not words:
            return not cut
        with self._log.open("rb") as log:
            return words in self._head or words in log.read(_HEAD_BYTES)

    def _misses_output(self) -> bool:
        """Whether the engine's copy of the output has more than came out of the stream.

        A stream that was cut looks like one that ended. Only ASCII is counted: engines keep logs as
        text, in which every byte that is none becomes three; and they may end the last line.
        """
        kept = self._patience.ask(
            lambda: sum(map(_ascii_bytes, self._containers.log(self._name)))
        )
        return kept > self._ascii_bytes + 1

    def _take_log(self) -> int:
        """Write the engine's copy of the output instead of what came; its size in bytes."""
        with LogFile(self._log, self._step.limits.log_bytes, self._step.hidden) as sink:
            for chunk in self._containers.log(self._name):
                sink.write(chunk)
        return sink.size_bytes

    def _adopt(self) -> StepResult | None:
        """Take over a container that a crashed planner started; ``None`` if there is none.

        Only if its input had been delivered whole (a script that was cut short is another script),
        and it has no doors: they went with that planner, perhaps in the middle of something.
        """
        limits = self._step.limits
        try:
            state = self._containers.inspect(self._name)["State"]
        except docker.errors.NotFound:
            return None
        ended = has_ended(state)
        # Ended by a signal: by its own doing, by the limit of memory, or because the machine went
        # down. Only the engine's word on memory tells these apart, so the others run again.
        killed = ended and state["ExitCode"] >= _SIGNALLED
        lost = killed and not state.get("OOMKilled") and ran_s(state) < limits.time_s
        lost = lost or (ended and self._containers.is_lost(self._name, state))
        usable = was_started(state) and state["Status"] in _USABLE
        if self._step.doors or not sent_mark(self._log).exists() or lost or not usable:
            self._containers.remove(self._name)
            return None
        self._containers.watch(self._name)
        left_s = max(0.0, limits.time_s - self._age_s(state))
        end = self._containers.ending(self._name, limits, time.monotonic() + left_s)
        size_bytes = self._patience.ask(self._take_log)
        exit_ = self._exit_of_adopted(end)
        return StepResult(exit_, end.code, end.ran_s, self._name, size_bytes, False, end.ran_s)

    def _age_s(self, state: Mapping[str, Any]) -> float:
        """How long ago a step was started. Clocks that are set tell it only where no other does, and
        a step of which they say that it is yet to start has its whole time."""
        told_s = sent_for_s(self._log)
        if told_s is None:
            told_s = max(0.0, time.time() - epoch_s(state["StartedAt"]))
        return told_s

    def _exit_of_adopted(self, end: Ending) -> Exit:
        """Perhaps it was killed by the planner that died."""
        late = end.exit is Exit.NONZERO and end.ran_s >= self._step.limits.time_s
        return Exit.TIMEOUT if late else end.exit


def _ascii_bytes(data: bytes) -> int:
    return len(data.translate(None, _NOT_ASCII))

"""One step that is a process on this host: from its start to its end, or taken over."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from runner.sandbox.classify import classify_exit
from runner.sandbox.listening import listening
from runner.sandbox.logfile import LogFile, mark_sent, sent_for_s, sent_mark, unmark_sent
from runner.sandbox.pipes import Pipes
from runner.sandbox.process import Container
from runner.sandbox.protocol import Exit, Step, StepResult
from runner.sandbox.vigil import Vigil

_DISK_CHECK_S = 0.5
_DRAIN_S = 5.0


class ProcessRun:
    """A step in ``container``, which whoever calls makes and removes (``protocol.Sandbox.run``)."""

    def __init__(
        self, container: Container, step: Step, log: Path, cancelled: Callable[[], bool]
    ) -> None:
        self._container = container
        self._step = step
        self._log = log
        self._cancelled = cancelled

    @property
    def can_be_adopted(self) -> bool:
        """Whether a planner that died has started it, with all of its input and without doors."""
        delivered = sent_mark(self._log).exists()
        return delivered and not self._step.doors and self._container.was_started

    def start(self) -> StepResult:
        """Run it in its container, which is new, to its end."""
        unmark_sent(self._log)
        step = self._step
        with listening(step.doors) as where:
            started = time.monotonic()
            wire = self._container.start(
                step.command, self._cancelled, (*step.env, *where), piped=False
            )
            wire.send(step.stdin, close=True)
            return self._follow(wire, step, started)

    def adopt(self) -> StepResult:
        """Take it over, and wait for its end."""
        age_s = self._container.ended_at - self._container.started_at
        if not self._container.has_ended:
            age_s = sent_for_s(self._log) or 0.0
        wire = self._container.rejoin(self._cancelled)
        unwatched = replace(self._step, watch=None, quiet_s=0.0)
        result = self._follow(wire, unwatched, time.monotonic() - age_s)
        return replace(result, log_complete=False)

    def _follow(self, wire: Pipes, step: Step, started: float) -> StepResult:
        """Copy what the command prints until it ends, or is ended."""
        container = self._container
        vigil = Vigil(started + step.limits.time_s, time.monotonic(), step.quiet_s)
        with (
            LogFile(self._log, step.limits.log_bytes, step.hidden, step.watch) as sink,
            contextlib.closing(wire),
        ):
            disk_hit = self._pump(wire, sink, vigil)
            killed = not container.has_ended and time.monotonic() >= vigil.due
            seconds = time.monotonic() - started
            container.kill()
            for data in wire.read(time.monotonic() + _DRAIN_S):
                sink.write(data)
        code = container.code()
        exit_ = classify_exit({"ExitCode": code}, deadline_hit=killed, disk_hit=disk_hit)
        if exit_ is Exit.TIMEOUT:
            exit_ = vigil.exit
        if exit_ in (Exit.OK, Exit.NONZERO) and container.is_overfull(step.limits):
            exit_ = Exit.DISK
        return StepResult(
            exit_,
            0 if exit_ is Exit.OK else code,
            seconds,
            container.home.name,
            sink.size_bytes,
            sink.complete,
            container.ended_at - container.started_at,
        )

    def _pump(self, wire: Pipes, sink: LogFile, vigil: Vigil) -> bool:
        """Copy output to ``sink`` until the end, or until it is due; true if the disk limit was hit."""
        check_at = time.monotonic() + _DISK_CHECK_S
        marked, limits = False, self._step.limits
        for data in wire.read(vigil.until):
            sink.write(data)
            vigil.note(time.monotonic(), spoke=bool(data), result_is_in=sink.result_is_in)
            if data and not sink.complete:
                os.truncate(self._container.home / "output", limits.log_bytes + 1)
                wire.read_on_at(limits.log_bytes + 1)
            if not marked and wire.delivered:
                mark_sent(self._log)
                marked = True
            if time.monotonic() >= vigil.due:
                return False
            if time.monotonic() >= check_at:
                if self._container.is_overfull(limits):
                    return True
                check_at = time.monotonic() + _DISK_CHECK_S
        return False

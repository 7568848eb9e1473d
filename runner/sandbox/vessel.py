"""A measuring container of the engine's, as its session sees it."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from runner.errors import EngineUnavailable
from runner.model import Limits
from runner.sandbox.classify import classify_exit, engine_errors
from runner.sandbox.containers import Containers
from runner.sandbox.patience import Patience
from runner.sandbox.protocol import Exit

_END_S = 10.0


@dataclass(frozen=True, slots=True)
class EngineVessel:
    """See ``session.Vessel``. ``name`` is the container's."""

    containers: Containers
    patience: Patience
    name: str
    limits: Limits

    def is_overfull(self) -> bool:
        """See ``session.Vessel``."""
        with engine_errors(f"ask after {self.name}"):
            return self.containers.is_overfull(self.name, self.limits)

    def exit_of(self, code: int) -> Exit:
        """See ``session.Vessel``."""
        with engine_errors(f"ask after {self.name}"):
            oom = code != 0 and self.containers.ran_out_of_memory(self.name)
        full = code != 0 and not oom and self.is_overfull()
        return classify_exit({"ExitCode": code, "OOMKilled": oom}, disk_hit=full)

    def end(self, *, deadline_hit: bool, disk_hit: bool) -> tuple[Exit, int]:
        """See ``session.Vessel``."""
        with engine_errors(f"end {self.name}"):
            deadline = time.monotonic() + (0.0 if deadline_hit else _END_S)
            end = self.containers.ending(self.name, self.limits, deadline, disk_hit=disk_hit)
        if end.exit is Exit.TIMEOUT and not deadline_hit:
            # The loop has its outputs open as long as it lives, so they did not end by themselves.
            raise EngineUnavailable(f"{self.name}: the engine cut off its output")
        return end.exit, end.code

    def has_said(self, words: bytes) -> bool:
        """See ``session.Vessel``. The engine's copy of the output is the other account."""
        with engine_errors(f"read the log of {self.name}"):
            return self.patience.ask(lambda: self._has_said(words))

    def _has_said(self, words: bytes) -> bool:
        last = deque[bytes](maxlen=2)
        for data in self.containers.log(self.name):
            last.append(data)
            if words in b"".join(last):
                return True
        return False

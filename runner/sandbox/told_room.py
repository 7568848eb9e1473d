"""The room on an engine's disk that can't be seen from here, as a container there tells it.

A container's root file system lies on the disk that the images are on, and has its figures.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from runner.model import Limits
from runner.sandbox.protocol import Exit, Step, StepResult
from runner.sandbox.room import Room

_ASK = "df -Pk / && df -Pi /"  # POSIX, but for the inodes, which GNU and busybox tell
_FRESH_S = 30.0
_LIMITS = Limits(time_s=30.0, memory_bytes=64 << 20, pids=16, cpus=0.5, log_bytes=1 << 16)


class ToldRoom:
    """``run`` and ``remove`` are a sandbox's; ``image`` is any that has ``df``.

    What was told is believed for half a minute: asking costs a container. An image that can't
    answer isn't asked again.
    """

    def __init__(
        self,
        run: Callable[[Step, Path], StepResult],
        remove: Callable[[str], None],
        image: str,
    ) -> None:
        self._run = run
        self._remove = remove
        self._image = image
        self._room: Room | None = None
        self._asked_at: float | None = None
        self._is_mute = False

    def room(self) -> Room | None:
        """The room, or ``None`` if it isn't told. Raises ``EngineError``."""
        old = self._asked_at is None or time.monotonic() - self._asked_at > _FRESH_S
        if old and not self._is_mute:
            self._room = self._ask()
            self._asked_at, self._is_mute = time.monotonic(), self._room is None
        return self._room

    def _ask(self) -> Room | None:
        name = f"room-{secrets.token_hex(4)}"
        step = Step(name, "room", self._image, ("sh", "-c", _ASK), _LIMITS)
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            result = self._run(step, log)
            self._remove(result.container)
            return parsed(log.read_text("utf-8", "replace")) if result.exit is Exit.OK else None


def parsed(text: str) -> Room | None:
    """What ``df -P`` printed, in KiB and then in inodes; ``None`` if it is something else.

    A file system that makes inodes as it needs them has ``0`` or ``-`` of them.
    """
    rows = [line.split() for line in text.splitlines() if line.endswith(" /")]
    if len(rows) != 2 or any(len(row) < 6 for row in rows):
        return None
    blocks, inodes = ([_count(word) for word in row[-5:-2]] for row in rows)
    if not blocks[0]:
        return None
    return Room("as its containers see it", blocks[2] << 10, blocks[0] << 10, inodes[2], inodes[0])


def _count(word: str) -> int:
    return int(word) if word.isdecimal() else 0

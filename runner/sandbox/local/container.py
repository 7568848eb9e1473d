"""A node's folder under way, and the process in it: with a heartbeat, and nobody's secrets."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from runner.errors import EngineError
from runner.sandbox.local.place import SYSTEM_PATH, placed
from runner.sandbox.local.states import TREE
from runner.sandbox.pipes import Pipes
from runner.sandbox.process import Container
from runner.sandbox.protocol import HeldContainer

BEAT_S = 5
_DEAD_AFTER_S = 6.0 * BEAT_S
_MARK = "OPPIE_CONTAINER"
_GONE_S = 10.0
_DEFAULTS = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"}
_FROM_USER = ("PATH", "LANG", "LC_ALL", "TZ")

# As ``process.MAIN``, with a pulse as long as the command lives, whether its planner does or not.
_MAIN = f"""
echo $$ >"$0/pid" || exit 125
exec 3>&2 2>/dev/null
(while echo $$ >"$0/heartbeat"; do sleep {BEAT_S}; done) <&- >&- 3>&- &
(exec "$@" 2>&3 3>&-)
echo $? >"$0/code"
kill $!
"""


class LocalContainer(Container):
    """Its folder holds ``tree/`` with ``workspace/``, ``home/`` and ``tmp/``, and ``where`` and
    ``heartbeat`` beside what every container's does.

    ``environment`` is the planner's, of which only the path to programs, language and time zone are
    handed on. ``place`` is where the command finds ``tree/``, see ``placed``; ``None`` is where it is.
    """

    main = _MAIN

    def __init__(
        self, home: Path, environment: Mapping[str, str] | None = None, place: Path | None = None
    ) -> None:
        super().__init__(home)
        environment = environment or {}
        self.measured = home / TREE
        self.workspace = self.measured / "workspace"
        self._place = place
        self._from_user = {name: environment[name] for name in _FROM_USER if environment.get(name)}

    def create(self, image: str, image_bytes: int, labels: Mapping[str, str]) -> None:
        """See ``Container.create``."""
        super().create(image, image_bytes, labels)
        (self.home / "where").write_text(_here())

    def start(
        self,
        command: tuple[str, ...],
        cancelled: Callable[[], bool],
        env: tuple[str, ...] = (),
        *,
        piped: bool,
    ) -> Pipes:
        """See ``Container.start``."""
        if self._place:
            self._place.mkdir(exist_ok=True)
            command = placed(command, self.measured, self._place)
        return super().start(command, cancelled, env, piped=piped)

    @property
    def labels(self) -> Mapping[str, str] | None:
        """What it was made for; ``None`` if nothing tells."""
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            return dict(self._meta()["labels"])
        return None

    @property
    def runs_elsewhere(self) -> bool:
        """Whether its command is alive on another machine, or in another container, that shares the
        folder: there only its heartbeat is seen."""
        with contextlib.suppress(FileNotFoundError):
            age_s = time.time() - (self.home / "heartbeat").stat().st_mtime
            is_elsewhere = (self.home / "where").read_text() != _here()
            return is_elsewhere and not self.has_ended and age_s < _DEAD_AFTER_S
        return False

    def held(self, run_id: str) -> HeldContainer | None:
        """See ``Container.held``."""
        held = super().held(run_id)
        return replace(held, running=held.running or self.runs_elsewhere) if held else None

    def kill(self) -> None:
        """End all that was started in it, also what made itself a session of its own.

        Raises ``EngineError`` if something of it can't be ended, or runs elsewhere.
        """
        if self.runs_elsewhere:
            raise EngineError(f"{self.home.name} runs on another machine, or in another container")
        was_started = (self.home / "pid").exists()
        super().kill()
        deadline = time.monotonic() + _GONE_S
        while was_started and (strays := list(self._strays())):
            if time.monotonic() > deadline:
                raise EngineError(f"process {strays[0]} of {self.home.name} can't be killed")
            for pid in strays:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def _strays(self) -> Iterator[int]:
        """Processes that have this container's mark in their environment, and are no zombies."""
        mark = os.fsencode(f"{_MARK}={self.home}")
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                with contextlib.suppress(OSError):
                    if mark in (process / "environ").read_bytes().split(b"\0"):
                        yield int(process.name)

    def _environment(self) -> dict[str, str]:
        tree = self._place or self.measured
        return {
            **_DEFAULTS,
            **self._from_user,
            "HOME": str(tree / "home"),
            "TMPDIR": str(tree / "tmp"),
            "PYTHONDONTWRITEBYTECODE": "1",
            # The repository in the workspace is found, and never the one that keeps the states.
            "GIT_CEILING_DIRECTORIES": str(tree),
            _MARK: str(self.home),
        }


def _here() -> str:
    """What tells apart the process tables that a number of a process can be looked up in."""
    boot_id = ""
    with contextlib.suppress(OSError):
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot_id} {Path('/proc/self/ns/pid').readlink()}"

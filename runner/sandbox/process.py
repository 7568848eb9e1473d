"""A container without an engine: a folder, and a process that outlives the planner."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import EngineError
from runner.model import Limits
from runner.sandbox import spec
from runner.sandbox.classify import classify_exit
from runner.sandbox.pipes import Pipes
from runner.sandbox.protocol import Exit, HeldContainer
from runner.sandbox.trees import tree_bytes

_KILLED = 137
_KILL_WAIT_S = 10.0
_START_S = 10.0

# The main process; $0 is the container's folder. When the planner has died, it is the only one who
# still learns how the command ended. What the shell has to say of that is not the command's output.
MAIN = """
echo $$ >"$0/pid" || exit 125
exec 3>&2 2>/dev/null
(exec "$@" 2>&3 3>&-)
echo $? >"$0/code"
"""


class Container:
    """The folder ``home`` holds ``meta.json``, ``workspace/``, ``home/``, and once started ``pid``,
    ``output`` (of a step) and, at the end, ``code``."""

    main = MAIN

    def __init__(self, home: Path) -> None:
        self.home = home
        self.workspace = home / "workspace"
        self.measured = self.workspace  # what the disk limit is about
        self._process: subprocess.Popen[bytes] | None = None

    def create(self, image: str, image_bytes: int, labels: Mapping[str, str]) -> None:
        """Make the folder, which an image's files are put into next."""
        self.home.mkdir(parents=True)
        facts = {"image": image, "image_bytes": image_bytes, "labels": dict(labels)}
        (self.home / "meta.json").write_text(json.dumps(facts))

    @property
    def image(self) -> str:
        """The digest of the image that it was made of; empty while it is made or removed."""
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return str(self._meta()["image"])
        return ""

    def held(self, run_id: str) -> HeldContainer | None:
        """What a listing tells of it; ``None`` if it is another run's, whose id begins as this
        run's. One that is being made or removed has no labels."""
        labels: Mapping[str, str] = {}
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            labels = self._meta()["labels"]
        if labels.get(spec.RUN, run_id) != run_id:
            return None
        kind, attempt_id = labels.get(spec.KIND, ""), labels.get(spec.ATTEMPT, "")
        running = self._running_pid() is not None
        return HeldContainer(self.home.name, run_id, kind, attempt_id, running, self.image)

    def is_overfull(self, limits: Limits) -> bool:
        """Whether its files grew by more than the container may write."""
        return tree_bytes(self.measured) - int(self._meta()["image_bytes"]) > limits.disk_bytes

    def start(
        self,
        command: tuple[str, ...],
        cancelled: Callable[[], bool],
        env: tuple[str, ...] = (),
        *,
        piped: bool,
    ) -> Pipes:
        """Start the command in a process group of its own.

        Its output goes to a pipe if ``piped``, and else to a file, where it survives the planner.
        """
        stdin_read, stdin_write = os.pipe()
        if piped:
            output_read, output_write = os.pipe()
        else:
            path = self.home / "output"
            output_write = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            output_read = os.open(path, os.O_RDONLY)
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", self.main, str(self.home), *command],
            cwd=self.workspace,
            stdin=stdin_read,
            stdout=output_write,
            stderr=output_write,
            env=self._environment() | dict(each.split("=", 1) for each in env),
            start_new_session=True,
        )
        os.close(stdin_read)
        os.close(output_write)
        self._await_pid(self._process.pid)
        ended = os.pidfd_open(self._process.pid)
        return Pipes(ended, stdin_write, output_read, cancelled, tail=not piped)

    def _await_pid(self, pid: int) -> None:
        """Whoever removes this container from now on must find the process."""
        deadline = time.monotonic() + _START_S
        unreaped = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while self._number("pid") is None and not os.waitid(os.P_PID, pid, unreaped):
            if time.monotonic() > deadline:
                self.kill()
                raise EngineError(f"{self.home.name} did not start within {_START_S:g} s")
            time.sleep(0.0005)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Hold its processes still, as long as the block lasts."""
        pid = self._running_pid()
        if pid is not None:
            _signal_group(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            if pid is not None:
                _signal_group(pid, signal.SIGCONT)

    def rejoin(self, cancelled: Callable[[], bool]) -> Pipes:
        """The wire to a step that another planner started, running still or not."""
        pid = self._running_pid()
        if pid is not None:
            _signal_group(pid, signal.SIGCONT)  # that planner may have died while it was paused
        # /dev/null is always readable: so it stands for a process that has ended.
        ended = os.pidfd_open(pid) if pid else os.open(os.devnull, os.O_RDONLY)
        output = os.open(self.home / "output", os.O_RDONLY)
        return Pipes(ended, -1, output, cancelled, tail=True)

    @property
    def has_ended(self) -> bool:
        """Whether the command came to its own end."""
        return self._number("code") is not None

    @property
    def was_started(self) -> bool:
        """Whether there is an ending to be had: it has ended, or it runs."""
        return self.has_ended or self._running_pid() is not None

    @property
    def started_at(self) -> float:
        return (self.home / "pid").stat().st_mtime

    @property
    def ended_at(self) -> float:
        """When the command ended by itself, or else now."""
        return (self.home / "code").stat().st_mtime if self.has_ended else time.time()

    def code(self) -> int:
        """The command's exit code, and 137 if it was killed."""
        code = self._number("code")
        return _KILLED if code is None else code

    def _number(self, name: str) -> int | None:
        """What a file says; ``None`` if it isn't there, or is only about to be written."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int((self.home / name).read_text())
        return None

    def kill(self) -> None:
        """End everything in the process group; nothing to do is fine."""
        if self._process:
            # Not reaped yet, so the number can't be anybody else's.
            _signal_group(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        elif pid := self._running_pid():
            _kill_group(pid)

    def _meta(self) -> dict[str, Any]:
        meta: dict[str, Any] = json.loads((self.home / "meta.json").read_text())
        return meta

    def _running_pid(self) -> int | None:
        """The main process's id, if it runs and still is ours."""
        pid = self._number("pid")
        if pid is None and self.home.exists():
            # Its planner may have died before it could write that down.
            numbers = (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())
            return next(filter(self._is_ours, numbers), None)
        return pid if pid is not None and self._is_ours(pid) else None

    def _is_ours(self, pid: int) -> bool:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            return os.getpgid(pid) == pid and os.fsencode(self.home) in arguments
        return False

    def _environment(self) -> dict[str, str]:
        private = str(self.home / "home")
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": private,
            "TMPDIR": private,
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def _signal_group(pid: int, number: signal.Signals) -> None:
    """To all processes of a group; none left is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _kill_group(pid: int) -> None:
    """Kill somebody else's child, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        ended = os.pidfd_open(pid)
        try:
            os.killpg(pid, signal.SIGKILL)
            if not select.select([ended], [], [], _KILL_WAIT_S)[0]:
                raise EngineError(f"process {pid} can't be killed")
        finally:
            os.close(ended)


@dataclass(frozen=True, slots=True)
class ProcessVessel:
    """What a session asks of its container (``session.Vessel``)."""

    container: Container
    limits: Limits

    def is_overfull(self) -> bool:
        return self.container.is_overfull(self.limits)

    def exit_of(self, code: int) -> Exit:
        return classify_exit({"ExitCode": code})

    def end(self, *, deadline_hit: bool, disk_hit: bool) -> tuple[Exit, int]:
        ended = self.container.has_ended
        self.container.kill()
        code = self.container.code()
        deadline_hit = deadline_hit and not ended
        exit_ = classify_exit({"ExitCode": code}, deadline_hit=deadline_hit, disk_hit=disk_hit)
        return exit_, code

    def has_said(self, words: bytes) -> bool:
        """There is no account but the pipe's, which loses nothing."""
        del words
        return False

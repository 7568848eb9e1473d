"""A sandbox without an engine: folders for images and containers, processes for commands.

FOR TESTS AND FOR THE SIMULATION OF FAULTS ONLY. There is no isolation whatsoever: a command runs as
this user, on this host, with its network and its files. Run nothing in it that you wouldn't run in
your own shell.

What is the same as on an engine: the whole of ``protocol.py``, state on disk that outlives the
planner (a step goes on after ``kill -9`` of it and can be adopted), the loop and the frames of a
session, the classification of endings. What is not: memory, CPU, processes, files and tmpfs aren't
limited, so that no step ends as ``oom``; ``WORKSPACE`` is the current directory and not a path; a
process that makes itself a session of its own escapes the deadline. Linux only (pidfd).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from runner.errors import Cancelled, EngineError, SnapshotMissing
from runner.model import Limits, Snapshot
from runner.sandbox import snapshots, spec
from runner.sandbox.classify import classify_exit
from runner.sandbox.frames import LOOP
from runner.sandbox.image_folder import ImageFolder
from runner.sandbox.logfile import LogFile, mark_sent, sent_for_s, sent_mark, unmark_sent
from runner.sandbox.pipes import Pipes
from runner.sandbox.process import Container, ProcessVessel
from runner.sandbox.protocol import Exit, HeldImage, Leftovers, Step, StepResult
from runner.sandbox.room import Room
from runner.sandbox.session import LoopSession
from runner.sandbox.trees import pack, remove_tree, unpack

_DISK_CHECK_S = 0.5
_DRAIN_S = 5.0
_COPY_BYTES = 1 << 18


class FakeSandbox:
    """See ``protocol.Sandbox``. ``folder`` may be shared by any number of workers and runs.

    ``disk_bytes`` is the size of the disk that the snapshots share; a commit that finds no room there
    fails as an engine's does. Without it, it is that of the host.
    """

    def __init__(
        self,
        folder: Path,
        run_id: str,
        slot: int = 0,
        cancelled: Callable[[], bool] = lambda: False,
        disk_bytes: int | None = None,
    ) -> None:
        self._images = ImageFolder(folder, disk_bytes)
        self._containers = folder / "containers"
        self._containers.mkdir(parents=True, exist_ok=True)
        self._run_id = run_id
        del slot  # workers share nothing here but the folder
        self._cancelled = cancelled

    def base(self) -> str:
        """A reference to an image with an empty workspace."""
        return self._images.base()

    # -- steps ---------------------------------------------------------------------------------

    def run(self, step: Step, log: Path) -> StepResult:
        """See ``protocol.Sandbox.run``."""
        self._check_cancelled()
        name = self._name(step.name)
        container = Container(self._containers / name)
        try:
            if sent_mark(log).exists() and container.was_started:
                return self._adopt(container, step, log)
            self.remove(name)
            unmark_sent(log)
            self._create(container, step, spec.KIND_STEP)
            started = time.monotonic()
            wire = container.start(step.command, self._cancelled, step.env, piped=False)
            wire.send(step.stdin, close=True)
            return self._follow(container, wire, step, log, started)
        except BaseException:
            container.kill()
            remove_tree(container.home)
            raise

    def _adopt(self, container: Container, step: Step, log: Path) -> StepResult:
        """Take over what a planner that died had started."""
        age_s = container.ended_at - container.started_at
        if not container.has_ended:
            age_s = sent_for_s(log) or 0.0
        wire = container.rejoin(self._cancelled)
        return self._follow(container, wire, step, log, time.monotonic() - age_s, complete=False)

    def _follow(
        self,
        container: Container,
        wire: Pipes,
        step: Step,
        log: Path,
        started: float,
        *,
        complete: bool = True,
    ) -> StepResult:
        """Copy what the command prints until it ends, or a limit ends it."""
        deadline = started + step.limits.time_s
        with LogFile(log, step.limits.log_bytes, step.hidden) as sink, contextlib.closing(wire):
            disk_hit = self._pump(wire, sink, container, step.limits, deadline, log)
            deadline_hit = not disk_hit and not container.has_ended and time.monotonic() >= deadline
            seconds = time.monotonic() - started
            container.kill()
            for data in wire.read(time.monotonic() + _DRAIN_S):
                sink.write(data)
        code = container.code()
        exit_ = classify_exit({"ExitCode": code}, deadline_hit=deadline_hit, disk_hit=disk_hit)
        if exit_ in (Exit.OK, Exit.NONZERO) and container.is_overfull(step.limits):
            exit_ = Exit.DISK
        return StepResult(
            exit_,
            code,
            seconds,
            container.home.name,
            sink.size_bytes,
            sink.complete and complete,
            container.ended_at - container.started_at,
        )

    def _pump(
        self,
        wire: Pipes,
        sink: LogFile,
        container: Container,
        limits: Limits,
        deadline: float,
        log: Path,
    ) -> bool:
        """Copy output to ``sink`` until the end or the deadline; true if the disk limit was hit."""
        check_at = time.monotonic() + _DISK_CHECK_S
        marked = False
        for data in wire.read(deadline):
            sink.write(data)
            if not sink.complete:
                os.truncate(container.home / "output", limits.log_bytes + 1)
            if not marked and wire.delivered:
                mark_sent(log)
                marked = True
            if time.monotonic() >= check_at:
                if container.is_overfull(limits):
                    return True
                check_at = time.monotonic() + _DISK_CHECK_S
        return False

    def container_of(self, step_name: str) -> str:
        """See ``protocol.Sandbox.container_of``."""
        return self._name(step_name)

    def archive(self, container: str) -> Iterator[bytes]:
        """See ``protocol.Sandbox.archive``."""
        return pack(self._existing(container).workspace, "workspace")

    def export(self, container: str) -> Iterator[bytes]:
        """See ``protocol.Sandbox.export``."""
        return self.archive(container)

    def read(self, container: str, path: str) -> Iterator[bytes]:
        """See ``protocol.Sandbox.read``."""
        file = self._existing(container).workspace / path
        if file.is_file() and not file.is_symlink():
            with file.open("rb") as source:
                yield from iter(lambda: source.read(_COPY_BYTES), b"")

    def remove(self, container: str) -> None:
        """See ``protocol.Sandbox.remove``."""
        found = Container(self._containers / container)
        found.kill()
        remove_tree(found.home)

    def _create(self, container: Container, step: Step, kind: str) -> None:
        digest = self._images.find(step.image).digest
        labels = spec.step_labels(self._run_id, kind, step.attempt_id)
        total_bytes = self._images.total_bytes(digest)
        container.create(digest, self._images.workspace(digest), total_bytes, labels)
        if step.archive is not None:
            unpack(step.archive, container.home)

    # -- sessions ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def session(self, step: Step, log: Path) -> Iterator[LoopSession]:
        """See ``protocol.Sandbox.session``."""
        self._check_cancelled()
        full_name, limits = self._name(step.name), step.limits
        self.remove(full_name)
        container = Container(self._containers / full_name)
        try:
            self._create(container, step, spec.KIND_SESSION)
            loop = ("sh", "-c", LOOP, "oppie", *step.command)
            wire = container.start(loop, self._cancelled, step.env, piped=True)
            with contextlib.closing(wire), LogFile(log, limits.log_bytes) as sink:
                yield LoopSession(wire, sink, limits.time_s, ProcessVessel(container, limits))
        finally:
            container.kill()
            remove_tree(container.home)

    # -- snapshots -----------------------------------------------------------------------------

    def commit(
        self, container: str, label: str, parent: Snapshot | None, facts: Mapping[str, str]
    ) -> Snapshot:
        """See ``protocol.Sandbox.commit``."""
        parent_digest = parent.digest if parent else ""
        # Without the depth, which is the container's: one that was committed may be gone by now.
        identity = spec.snapshot_labels(self._run_id, label, parent_digest, 0, facts)
        tag = snapshots.tag_of(self._run_id, label)
        known = self._images.made(tag, identity)
        if known:
            return known
        stopped = self._existing(container)
        depth = self._images.find(stopped.image).depth + 1
        if depth >= snapshots.MAX_DEPTH:
            depth = 1
        return self._images.save(tag, stopped.workspace, identity, depth)

    def discard(self, tag: str) -> None:
        """See ``protocol.Sandbox.discard``."""
        with contextlib.suppress(SnapshotMissing):
            digest = self._images.find(tag).digest
            for home in self._containers.iterdir():
                if Container(home).image == digest:
                    raise EngineError(f"remove the image {tag}: {home.name} uses it")
            self._images.discard(tag)

    def find(self, reference: str) -> Snapshot:
        """See ``protocol.Sandbox.find``."""
        return self._images.find(reference)

    def held(self, reference: str) -> HeldImage | None:
        """See ``protocol.Sandbox.held``."""
        return self._images.held_as(reference)

    def room(self) -> Room | None:
        """See ``protocol.Sandbox.room``: of the disk that the folder is on, or of ``disk_bytes``."""
        return self._images.room()

    def retag(self, digest: str, tag: str) -> None:
        """See ``protocol.Sandbox.retag``."""
        self._images.retag(digest, tag)

    def leftovers(self) -> Leftovers:
        """See ``protocol.Sandbox.leftovers``."""
        prefix = self._name("")
        homes = sorted(home for home in self._containers.iterdir() if home.name.startswith(prefix))
        containers = tuple(filter(None, (Container(home).held(self._run_id) for home in homes)))
        return Leftovers(containers, self._images.held(self._run_id))

    def close(self) -> None:
        """See ``protocol.Sandbox.close``. Nothing is held open here."""

    def _name(self, name: str) -> str:
        return f"oppie-{self._run_id}-{name}"

    def _existing(self, container: str) -> Container:
        home = self._containers / container
        if not home.is_dir():
            raise EngineError(f"no such container: {container}")
        return Container(home)

    def _check_cancelled(self) -> None:
        if self._cancelled():
            raise Cancelled("the run was told to stop")

"""Steps as processes on this host: what every sandbox without an engine shares.

A container is a folder (``process.Container``), an image is whatever ``Images`` makes of one. There
is no isolation: a command runs as this user, with its network and its files.

What is the same as on an engine: the whole of ``protocol.py``, state on disk that outlives the
planner (a step goes on after ``kill -9`` of it and can be adopted), the loop and the frames of a
session, the classification of endings. Linux only (pidfd).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from runner.errors import Cancelled, EngineError, SnapshotMissing
from runner.model import Snapshot
from runner.sandbox import snapshots, spec
from runner.sandbox.frames import LOOP
from runner.sandbox.logfile import LogFile
from runner.sandbox.process import Container, ProcessVessel
from runner.sandbox.process_run import ProcessRun
from runner.sandbox.protocol import HeldImage, Leftovers, Step, StepResult
from runner.sandbox.room import Room
from runner.sandbox.session import LoopSession
from runner.sandbox.trees import pack, remove_tree, unpack

_COPY_BYTES = 1 << 18


class Images(Protocol):
    """Where the states are kept that containers are made of. A *reference* is a tag or a digest.

    Every method raises ``EngineError`` where the disk or the tool behind it fails.
    """

    def find(self, reference: str) -> Snapshot:
        """The image behind a reference. Raises ``SnapshotMissing``."""

    def total_bytes(self, reference: str) -> int:
        """The size of all files of an image. Raises ``SnapshotMissing``."""

    def fill(self, reference: str, home: Path) -> None:
        """Put an image's files into a container's folder. Raises ``SnapshotMissing``."""

    def made(self, tag: str, labels: Mapping[str, str]) -> Snapshot | None:
        """What ``save`` made of these labels before, or ``None``."""

    def save(self, tag: str, home: Path, labels: Mapping[str, str], depth: int) -> Snapshot:
        """Make an image of a container's folder, which may be written to again afterwards, and give
        it the tag, whoever has it."""

    def discard(self, reference: str) -> None:
        """Take a tag from an image; with its last one, or if it is named by its digest, it is out of
        the listing. Absent is fine."""

    def retag(self, digest: str, tag: str) -> None:
        """Give an image a tag, whoever has it. Raises ``SnapshotMissing``."""

    def held_as(self, reference: str) -> HeldImage | None:
        """One image with our labels, or ``None``."""

    def held(self, run_id: str) -> tuple[HeldImage, ...]:
        """A run's images, children before their parents."""

    def room(self) -> Room | None:
        """The room on the disk that the images share."""


class HostedSandbox:
    """See ``protocol.Sandbox``. ``containers`` is the folder that holds one for each container,
    which ``container`` makes an object of; any number of workers and runs may share it."""

    def __init__(
        self,
        containers: Path,
        images: Images,
        run_id: str,
        cancelled: Callable[[], bool],
        container: Callable[[Path], Container] = Container,
    ) -> None:
        self._images = images
        self._containers = containers
        self._containers.mkdir(parents=True, exist_ok=True)
        self._run_id = run_id
        self._cancelled = cancelled
        self._container = container

    # -- steps ---------------------------------------------------------------------------------

    def run(self, step: Step, log: Path) -> StepResult:
        """See ``protocol.Sandbox.run``."""
        self._check_cancelled()
        name = self._name(step.name)
        container = self._container(self._containers / name)
        run = ProcessRun(container, step, log, self._cancelled)
        try:
            if run.can_be_adopted:
                return run.adopt()
            self.remove(name)
            self._create(container, step, spec.KIND_STEP)
            return run.start()
        except BaseException:
            self._destroy(container)
            raise

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
        self._destroy(self._container(self._containers / container))

    def _destroy(self, container: Container) -> None:
        container.kill()
        remove_tree(container.home)

    def _create(self, container: Container, step: Step, kind: str) -> None:
        digest = self._images.find(step.image).digest
        labels = spec.step_labels(self._run_id, kind, step.attempt_id)
        total_bytes = self._images.total_bytes(digest)
        container.create(digest, total_bytes, labels)
        self._images.fill(digest, container.home)
        if step.archive is not None:
            unpack(step.archive, container.workspace.parent)

    # -- sessions ------------------------------------------------------------------------------

    def session(self, step: Step, log: Path) -> AbstractContextManager[LoopSession]:
        """See ``protocol.Sandbox.session``."""
        return self._session(step, log)

    @contextlib.contextmanager
    def _session(self, step: Step, log: Path) -> Iterator[LoopSession]:
        self._check_cancelled()
        full_name, limits = self._name(step.name), step.limits
        self.remove(full_name)
        container = self._container(self._containers / full_name)
        try:
            self._create(container, step, spec.KIND_SESSION)
            loop = ("sh", "-c", LOOP, "oppie", *step.command)
            wire = container.start(loop, self._cancelled, step.env, piped=True)
            with contextlib.closing(wire), LogFile(log, limits.log_bytes) as sink:
                yield LoopSession(wire, sink, limits.time_s, ProcessVessel(container, limits))
        finally:
            self._destroy(container)

    # -- snapshots -----------------------------------------------------------------------------

    def commit(
        self,
        container: str,
        label: str,
        parent: Snapshot | None,
        facts: Mapping[str, str],
        checkpoint: str = "",
    ) -> Snapshot:
        """See ``protocol.Sandbox.commit``."""
        parent_digest = parent.digest if parent else ""
        # Without the depth, which is the container's: one that was committed may be gone by now.
        identity = spec.snapshot_labels(self._run_id, label, parent_digest, 0, facts)
        tag = snapshots.tag_of(self._run_id, label, checkpoint)
        known = self._images.made(tag, identity)
        if known:
            return known
        found = self._existing(container)
        depth = self._images.find(found.image).depth + 1
        if depth >= snapshots.MAX_DEPTH:
            depth = 1
        with found.paused():
            return self._images.save(tag, found.home, identity, depth)

    def discard(self, tag: str) -> None:
        """See ``protocol.Sandbox.discard``."""
        with contextlib.suppress(SnapshotMissing):
            digest = self._images.find(tag).digest
            for home in self._containers.iterdir():
                if self._container(home).image == digest:
                    raise EngineError(f"remove the image {tag}: {home.name} uses it")
            self._images.discard(tag)

    def find(self, reference: str) -> Snapshot:
        """See ``protocol.Sandbox.find``."""
        return self._images.find(reference)

    def held(self, reference: str) -> HeldImage | None:
        """See ``protocol.Sandbox.held``."""
        return self._images.held_as(reference)

    def room(self) -> Room | None:
        """See ``protocol.Sandbox.room``."""
        return self._images.room()

    def retag(self, digest: str, tag: str) -> None:
        """See ``protocol.Sandbox.retag``."""
        self._images.retag(digest, tag)

    def leftovers(self) -> Leftovers:
        """See ``protocol.Sandbox.leftovers``."""
        prefix = self._name("")
        homes = sorted(home for home in self._containers.iterdir() if home.name.startswith(prefix))
        containers = tuple(filter(None, (self._container(home).held(self._run_id) for home in homes)))
        return Leftovers(containers, self._images.held(self._run_id))

    def close(self) -> None:
        """See ``protocol.Sandbox.close``. Nothing is held open."""

    def _name(self, name: str) -> str:
        return f"oppie-{self._run_id}-{name}"

    def _existing(self, container: str) -> Container:
        home = self._containers / container
        if not home.is_dir():
            raise EngineError(f"no such container: {container}")
        return self._container(home)

    def _check_cancelled(self) -> None:
        if self._cancelled():
            raise Cancelled("the run was told to stop")

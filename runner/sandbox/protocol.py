"""What every sandbox promises, whatever stands behind it.

A *step* is one command that is one container's main process: it ends when the process ends, or when
its deadline kills the container with everything in it. A *session* is a measuring container whose
loop waits for a word before each repetition. The suite in ``tests/contract`` holds every
implementation to this page.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from runner.model import Limits, Snapshot
from runner.sandbox.room import Room

WORKSPACE = "/workspace"
SHELL = "shell"  # in place of an attempt's id, on the container of a shell that a person opened
PARTING_S = 10.0  # that a step is left to end by itself once its result is in


class Exit(StrEnum):
    """How a step ended. Engine trouble is no exit: it is raised as an ``EngineError``."""

    OK = "ok"
    NONZERO = "nonzero"
    TIMEOUT = "timeout"
    SILENT = "silent"
    OOM = "oom"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Door:
    """Something of the planner's that a step's programs reach at a port of their own loopback.

    ``take`` is given a connected stream socket for each connection that they open. It owns the
    socket from then on, must not block, and is called from a thread of the sandbox's. When the step
    ends, its connections end.

    Where steps share the machine's loopback (no containers), a door is at another, free port, and
    ``OPPIE_PORT_<port>`` says which in the step's environment: a script that holds for all sandboxes
    says ``${OPPIE_PORT_3129:-3129}``.
    """

    port: int
    take: Callable[[socket.socket], None]


@dataclass(frozen=True, slots=True)
class Step:
    """A command to run in a container of its own.

    ``name`` is unique within the run and makes the container's name. ``image`` is a digest or a
    reference. ``archive`` is a tar stream of ``workspace/...`` (as ``Sandbox.archive`` gives it)
    that is unpacked before the start. ``stdin`` is written to the command once it runs, then closed.
    ``env`` are ``NAME=value``, on top of the image's; a snapshot of the container inherits them, so
    they are for containers that are never committed. ``hidden`` are secrets in ``stdin``, which no
    log ever shows. ``first_words`` are what the command prints when it has read all of ``stdin``: if
    it ends without them, its input was lost on the way, and that is no failure of the command's.

    ``doors`` are what the step reaches of the planner, for as long as it runs; beside the hosts of
    its limits it reaches nothing else. With ``quiet_s`` above 0, a step that prints nothing for so
    long is killed, and ends as ``SILENT``. ``watch`` is given the output as it comes, in pieces of
    at most some 64 KiB and without what is ``hidden``, and goes on when the log is full; what it
    raises ends the step and goes through. Once it has said true, the result is in: the step is
    killed if it hasn't ended ``PARTING_S`` later, and has ended ``OK`` then, with the code 0.
    """

    name: str
    attempt_id: str
    image: str
    command: tuple[str, ...]
    limits: Limits
    stdin: bytes = field(default=b"", repr=False)
    archive: Iterable[bytes] | None = None
    env: tuple[str, ...] = ()
    hidden: tuple[bytes, ...] = field(default=(), repr=False)
    first_words: bytes = b""
    doors: tuple[Door, ...] = ()
    quiet_s: float = 0.0
    watch: Callable[[bytes], bool] | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """``container`` holds the stopped container until ``Sandbox.remove`` is told otherwise.

    ``seconds`` is how long the step took; ``ran_s`` how long its process ran, by the clock of the
    engine, which no container can reach.

    ``log_complete`` is false if the log was cut at ``Limits.log_bytes``, or adopted after a crash
    from an engine's log that may have been rotated.
    """

    exit: Exit
    code: int
    seconds: float
    container: str
    log_bytes: int = 0
    log_complete: bool = True
    ran_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Repetition:
    """One repetition of a session's command; ``output`` is what it printed, both streams."""

    exit: Exit
    code: int
    seconds: float
    output: bytes
    complete: bool = True


class Session(Protocol):
    """A measuring container; a context manager that always cleans up."""

    def repeat(self) -> Repetition:
        """Run the command once. After anything but ``OK`` and ``NONZERO`` the session is over."""

    def finish(self) -> None:
        """Say that no repetition follows. Told to two sessions before either is left, it lets
        their containers end at the same time."""


@dataclass(frozen=True, slots=True)
class HeldContainer:
    """A container with our labels. ``kind`` is one of those in ``spec``; ``image`` a digest."""

    name: str
    run_id: str
    kind: str = ""
    attempt_id: str = ""
    running: bool = False
    image: str = ""


@dataclass(frozen=True, slots=True)
class HeldImage:
    """An image with our labels.

    ``names`` are what it is removed by: its tags in its run's repository, or its digest if it has
    no tag at all. ``inner`` is an image without a tag that others are built on: it goes with the
    last of them, and can't go before. ``other_tags`` are somebody else's: an image that is built on
    a snapshot by hand inherits its labels. ``size_bytes`` is as the engine tells it.
    ``parent_digest`` is the image that it was made from, "" if that is not known, or if they share
    nothing; ``tree_id`` and ``commit`` are the evidence of what it holds. ``rebuilt_from`` is the
    label of the ancestor that it was rebuilt from, if it was.
    """

    digest: str
    run_id: str
    node: str = ""
    attempt_id: str = ""
    names: tuple[str, ...] = ()
    other_tags: tuple[str, ...] = ()
    inner: bool = False
    size_bytes: int = 0
    parent_digest: str = ""
    tree_id: str = ""
    commit: str = ""
    rebuilt_from: str = ""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What an engine holds that carries a run's labels; images come children before their parents,
    which is the order to remove them in."""

    held_containers: tuple[HeldContainer, ...] = ()
    held_images: tuple[HeldImage, ...] = ()

    @property
    def containers(self) -> tuple[str, ...]:
        """The containers' names."""
        return tuple(held.name for held in self.held_containers)

    @property
    def images(self) -> tuple[str, ...]:
        """What the images are removed by."""
        return tuple(name for held in self.held_images for name in held.names)

    @property
    def snapshot_labels(self) -> dict[str, str]:
        """The node's label of each of ``images``."""
        return {name: held.node for held in self.held_images for name in held.names}


class Sandbox(Protocol):
    """One worker's door to an engine, for one run. Not to be shared between threads.

    Every method raises ``EngineError`` (or a subclass) when the engine, not the command, fails,
    and ``Cancelled`` once the run has been told to stop.
    """

    def run(self, step: Step, log: Path) -> StepResult:
        """Run a step to its end; both output streams go to ``log`` as they come.

        If a container of the step's name is already there (a crashed planner started it), it is
        adopted when its input was delivered whole and it has no doors (which that planner took with
        it), and else replaced. An adopted step isn't watched: its log is what tells of it.
        """

    def container_of(self, step_name: str) -> str:
        """The container that a step of this name has, or will have (``StepResult.container``)."""

    def archive(self, container: str) -> Iterator[bytes]:
        """The workspace of a stopped step, as a tar stream of ``workspace/...``."""

    def export(self, container: str) -> Iterator[bytes]:
        """All that a snapshot of a stopped step would hold, as a tar stream from ``/`` on."""

    def read(self, container: str, path: str) -> Iterator[bytes]:
        """The content of one file of a stopped step; ``path`` is relative to the workspace.

        Nothing for what isn't there, or is no regular file.
        """

    def commit(
        self,
        container: str,
        label: str,
        parent: Snapshot | None,
        facts: Mapping[str, str],
        checkpoint: str = "",
    ) -> Snapshot:
        """Make the container of a step the snapshot of node ``label``; idempotent.

        One that may not become the node's has a tag of its own, which ends in ``checkpoint``.
        A step that runs still is paused for the while, and goes on. ``facts`` become labels of the
        image. The environment and the command are reset, and the layers are flattened before the
        engine's limit.
        """

    def session(self, step: Step, log: Path) -> AbstractContextManager[Session]:
        """Start a measuring container, which has no doors; two of them may run at a time.

        The step's ``command`` is what one repetition runs; its ``limits.time_s`` is the time that
        one may take.
        """

    def remove(self, container: str) -> None:
        """Remove a container, running or not; absent is fine."""

    def discard(self, tag: str) -> None:
        """Remove one snapshot image, and nothing that it was built on; absent is fine. One that has
        other tags as well only loses this one.

        Raises ``EngineError`` while there is a container of it.
        """

    def find(self, reference: str) -> Snapshot:
        """Look an image up. Raises ``SnapshotMissing``."""

    def held(self, reference: str) -> HeldImage | None:
        """One image with our labels, by tag or digest; ``None`` if there is none."""

    def room(self) -> Room | None:
        """The room on the file system that holds the images; ``None`` if that can't be told from
        here."""

    def retag(self, digest: str, tag: str) -> None:
        """Give an image a tag, whoever has it now. Raises ``SnapshotMissing``."""

    def leftovers(self) -> Leftovers:
        """What the engine still holds of this run, but for what this door itself holds open."""

    def close(self) -> None:
        """Release what the worker holds open on the engine."""


# Opens a sandbox for one user of it: the number of its slot, which no other has at the time, and what
# tells that it is to give up.
OpenSlot = Callable[[int, Callable[[], bool]], Sandbox]

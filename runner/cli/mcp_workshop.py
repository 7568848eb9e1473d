"""The workshop of a person's own agent: copies of a task's folder in containers.

A session has a run id of its own, which only one process at a time can have: so what a killed one
has left on the engine is found, and removed, by the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.cli.beginning import ground_of
from runner.cli.engine import opener
from runner.cli.home import settings, state
from runner.errors import EngineError, TaskError
from runner.evidence import TARGET, Claims, Evidence, Recorded, TreeTooLarge, pack_target
from runner.expand.asking import follow
from runner.expand.context import RunContext
from runner.expand.judging import Failure, Trial
from runner.expand.lane import Lane
from runner.expand.verify import build
from runner.keeping import keeping
from runner.mcp.desk import DeskError, Over
from runner.measure.protected import matches
from runner.model import ROOT, Snapshot
from runner.sandbox.protocol import Sandbox
from runner.task import Task

_MOST_SESSIONS = 32


@dataclass(frozen=True, slots=True)
class Session:
    """What no other session has: a number, a run id, and an empty folder."""

    number: int
    run_id: str
    folder: Path


@contextlib.contextmanager
def own_session() -> Iterator[Session]:
    """The first session that is free. Its folder goes with it. Raises ``TaskError``."""
    root = state().root.absolute()
    parent, key = root / "mcp", hashlib.sha256(os.fsencode(root)).hexdigest()[:8]
    with keeping("make", parent):
        parent.mkdir(parents=True, exist_ok=True)
    for number in range(1, _MOST_SESSIONS + 1):
        lock = _locked(parent / f"{number}.lock")
        if lock is None:
            continue
        folder = parent / str(number)
        try:
            shutil.rmtree(folder, ignore_errors=True)  # what a killed one has left
            with keeping("make", folder):
                folder.mkdir()
            yield Session(number, f"mcp-{key}-{number}", folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
        return
    raise TaskError(f"there are {_MOST_SESSIONS} sessions of `oppie mcp` already")


def _locked(path: Path) -> int | None:
    """The locked file, which is let go of with its process; ``None`` if somebody else has it."""
    with keeping("lock", path):
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


class Workshop:
    """Copies of the folder in containers, for one call at a time; the engine is looked for when the
    first of them needs it. To be closed when none is under way."""

    def __init__(self, task: Task, session: Session) -> None:
        self.task = task
        self._session = session
        self._sandbox: Sandbox | None = None
        self._image = ""
        self._over: Over = lambda: False
        self._built: dict[str, Snapshot] = {}  # by their trees
        self._count = 0
        self.context = RunContext(
            session.run_id,
            task,
            session.folder,
            Evidence(session.folder / "evidence.git"),
            Claims(),
            Lane(settings().lanes, settings().lane_folder),
            self._given_up,
            disk=settings().disk,
        )
        self._began = self._record(TARGET)

    def close(self) -> None:
        """Leave nothing on the engine."""
        if self._sandbox is not None:
            self._over = lambda: False
            with contextlib.suppress(EngineError):
                self._clear(self._sandbox)
            self._sandbox.close()
            self._sandbox = None

    def present(self, over: Over) -> tuple[Trial, str]:
        """A place to judge in, and the image of the files as they are now."""
        return self._with_image(self._record("present"), over)

    def beginning(self, over: Over) -> str:
        """The image of the files as they were in the beginning."""
        return self._with_image(self._began, over)[1]

    def _record(self, name: str) -> Recorded:
        excluded = self.task.exclude
        files = pack_target(self.task.target, lambda path: matches(excluded, path))
        try:
            return self.context.evidence.record(
                self._session.run_id, name, "", files, f"{name}: {self.task.name}\n"
            )
        except TreeTooLarge as error:
            raise TaskError(
                f"the target is too large: {error}; exclude what it doesn't need"
            ) from error

    def _with_image(self, recorded: Recorded, over: Over) -> tuple[Trial, str]:
        """Raises ``DeskError`` where the files can't be set up, ``EngineError``, ``Cancelled``."""
        self._over = over
        sandbox = self._sandbox or self._opened()
        self._count += 1
        trial = Trial(self.context, sandbox, f"{ROOT}-mcp-{self._count}", ROOT)
        found = self._built.get(recorded.tree_id)
        if found is None:
            made = follow(build(trial, self._image, recorded.commit), over)
            if isinstance(made, Failure):
                raise DeskError(f"the target can't be set up: {made.reason}")
            self._forget(sandbox)
            found = self._built[recorded.tree_id] = made.snapshot
        return trial, found.digest

    def _opened(self) -> Sandbox:
        self._image = ground_of(self.task)
        open_slot = opener(self.task, self._session.run_id, self._image)
        self._sandbox = sandbox = open_slot(0, self._given_up)
        self._clear(sandbox)
        return sandbox

    def _forget(self, sandbox: Sandbox) -> None:
        """Only the beginning and the present are of any use."""
        for tree_id in [each for each in self._built if each != self._began.tree_id]:
            sandbox.discard(self._built.pop(tree_id).tag)

    def _clear(self, sandbox: Sandbox) -> None:
        """Remove all that this session, or one of its number that was killed, has on the engine."""
        left = sandbox.leftovers()
        for container in left.containers:
            sandbox.remove(container)
        for image in left.images:
            sandbox.discard(image)

    def _given_up(self) -> bool:
        return self._over()

"""The desk of a person's own agent, which works in a task's folder while nothing searches.

Its state is the folder's files as they are; what it is compared with is what they were when the
session began. A session has a run id of its own, which only one process at a time can have: so what
a killed one has left on the engine is found, and removed, by the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from runner.cli.agency import offers_of, price_of
from runner.cli.engine import connected, opener
from runner.cli.home import aside, read_store, settings, state
from runner.cli.images import image_for
from runner.errors import Cancelled, EngineError, OppieError, TaskError
from runner.evidence import TARGET, Claims, Evidence, Recorded, TreeTooLarge, pack_target
from runner.expand.asking import ask_benchmark, ask_checks, ask_comparison, follow
from runner.expand.context import RunContext
from runner.expand.desk import named
from runner.expand.judging import Failure, Trial
from runner.expand.lane import Lane
from runner.expand.plans import search_of
from runner.expand.sides import Sides
from runner.expand.verify import build
from runner.keeping import keeping
from runner.knowledge import NAME, Knowledge, project_key
from runner.mcp.board import Board
from runner.mcp.desk import Desk, DeskError, Group, Off, Over, groups_named, restricted
from runner.mcp.knowing import KnownLessons, KnownModels
from runner.mcp.places import JournalPlace
from runner.mcp.results import Benchmarked, ChecksResult, Compared, MyNode, Nodes, Setup, Skeleton
from runner.mcp.setups import setup_of
from runner.mcp.skeletons import skeleton_of
from runner.measure.protected import matches
from runner.model import ROOT, RunView, SandboxKind, Snapshot
from runner.sandbox.local import LocalSandbox, shortcomings
from runner.sandbox.protocol import Sandbox
from runner.task import Task

_MOST_SESSIONS = 32
_BEGINNING = "the files as they were when this session began"
_NOWHERE = Off("there is no run of this task yet; `oppie run` begins one")
_UNKNOWING = Off("the task has knowledge switched off")
F = TypeVar("F")


@contextlib.contextmanager
def workshop(task: Task) -> Iterator[Desk]:
    """The desk for a task's folder, with all parts that the task offers. Raises ``OppieError``."""
    wanted = task.aids.tools
    groups = frozenset(Group) if wanted is None else groups_named(wanted, "mcp.tools")
    with (
        _session() as session,
        contextlib.closing(Workshop(task, session)) as work,
        _knowledge(task) as knowledge,
    ):
        name = f"session {session.number}"
        runs = LatestRun(task)
        latest = runs.latest()
        desk = Desk(
            FolderTests(work),
            FolderBenchmark(work),
            KnownLessons(knowledge, session.run_id, name) if knowledge else _UNKNOWING,
            KnownModels(knowledge, offers_of(task), price_of, name) if knowledge else _UNKNOWING,
            runs if latest else _NOWHERE,
            Board(state().run(latest.run_id), name) if latest else _NOWHERE,
        )
        yield restricted(desk, groups)


def _knowledge(task: Task) -> contextlib.AbstractContextManager[Knowledge | None]:
    if not task.aids.knowledge:
        return contextlib.nullcontext()
    project = project_key(task.name, task.target)
    return Knowledge.open(state().root / NAME, project, task.aids.carry_over)


@dataclass(frozen=True, slots=True)
class _Session:
    """What no other session has: a number, a run id, and an empty folder."""

    number: int
    run_id: str
    folder: Path


@contextlib.contextmanager
def _session() -> Iterator[_Session]:
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
            yield _Session(number, f"mcp-{key}-{number}", folder)
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

    def __init__(self, task: Task, session: _Session) -> None:
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
        self._image = _ground_of(self.task)
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


def _ground_of(task: Task) -> str:
    """What containers start from; where there are none, an empty state, and what that lacks is said.
    Raises ``OppieError``."""
    if task.kind is SandboxKind.CONTAINER:
        with connected() as engine:
            return image_for(engine, task.image, f"oppie/task-{task.name}:latest")
    for lack in shortcomings():
        aside.print(lack, markup=False)
    with contextlib.closing(opener(task, "", "")(0, lambda: False)) as sandbox:
        assert isinstance(sandbox, LocalSandbox)
        return sandbox.base()


def _plainly(call: F) -> F:
    """A person's own agent is told what is wrong with the machine or the task."""

    @wraps(call)  # type: ignore[arg-type]
    def told(*args: Any) -> Any:
        try:
            return call(*args)  # type: ignore[operator]
        except (DeskError, Cancelled):
            raise
        except OppieError as error:
            raise DeskError(str(error)) from error

    return told  # type: ignore[return-value]


class FolderTests:
    """``TestsPart`` of a folder: checks are judged by themselves, since no root was tried."""

    def __init__(self, work: Workshop) -> None:
        self._work = work

    @_plainly
    def detect(self) -> Setup:
        """The task's checks, and what the folder's files speak of now."""
        return setup_of(self._work.task)

    @_plainly
    def skeleton(self, framework: str, subject: str) -> Skeleton:
        """See ``TestsPart``."""
        return skeleton_of(framework, subject, self.detect().suites)

    @_plainly
    def run(self, checks: tuple[str, ...], time_s: float, over: Over) -> ChecksResult:
        """Run checks on the files as they are."""
        chosen = named(self._work.task.checks, checks)
        trial, image = self._work.present(over)
        return ask_checks(trial, chosen, image, None, time_s, over)


class FolderBenchmark:
    """``BenchmarkPart`` of a folder."""

    def __init__(self, work: Workshop) -> None:
        self._work = work

    @_plainly
    def run(self, time_s: float, over: Over) -> Benchmarked:
        """The benchmark on the files as they are."""
        trial, image = self._work.present(over)
        return ask_benchmark(trial, self._work.task.benchmark, image, time_s, over)

    @_plainly
    def compare(self, time_s: float, over: Over) -> Compared:
        """The files as they are against those of the beginning."""
        baseline = self._work.beginning(over)
        trial, image = self._work.present(over)
        return ask_comparison(
            trial,
            Sides(image, baseline),
            self._work.task.benchmark,
            search_of(trial.context),
            None,
            _BEGINNING,
            time_s,
            over,
        )


class LatestRun:
    """``TreePart`` of a folder: what the journal has of the task's latest run by now."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def latest(self) -> RunView | None:
        """The latest run of this task, with its nodes; ``None`` if there is none."""
        name, target = self._task.name, str(self._task.target)
        if not state().journal.exists():
            return None
        with read_store() as store:
            own = [view for view in store.runs() if (view.task, view.target) == (name, target)]
            latest = max((view.run_id for view in own), default="")
            return store.run(latest) if latest else None

    @_plainly
    def node(self) -> MyNode:
        """See ``TreePart``."""
        return self._place().node()

    @_plainly
    def siblings(self, most: int) -> Nodes:
        """See ``TreePart``."""
        return self._place().siblings(most)

    @_plainly
    def failures(self, most: int) -> Nodes:
        """See ``TreePart``."""
        return self._place().failures(most)

    def _place(self) -> JournalPlace:
        view = self.latest()
        if view is None:
            raise DeskError("the run is gone from the journal")
        return JournalPlace(view)

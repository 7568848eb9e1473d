"""The desk of a person's own agent, which works in a task's folder while nothing searches.

Its state is the folder's files as they are; what it is compared with is what they were when the
session began.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import wraps
from typing import Any, TypeVar

from runner.cli.agency import offers_of, price_of
from runner.cli.home import read_store, state
from runner.cli.mcp_workshop import Workshop, own_session
from runner.errors import Cancelled, OppieError
from runner.expand.asking import ask_benchmark, ask_checks, ask_comparison
from runner.expand.desk import named
from runner.expand.plans import search_of
from runner.expand.sides import Sides
from runner.knowledge import NAME, Knowledge, project_key
from runner.mcp.board import Board
from runner.mcp.desk import Desk, DeskError, Group, Off, Over, groups_named, restricted
from runner.mcp.knowing import KnownLessons, KnownModels
from runner.mcp.places import JournalPlace
from runner.mcp.results import Benchmarked, ChecksResult, Compared, MyNode, Nodes, Setup, Skeleton
from runner.mcp.setups import setup_of
from runner.mcp.skeletons import skeleton_of
from runner.model import RunView
from runner.task import Task

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
        own_session() as session,
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
        try:
            yield restricted(desk, groups)
        finally:
            if isinstance(desk.features, Board):
                desk.features.leave()


def _knowledge(task: Task) -> contextlib.AbstractContextManager[Knowledge | None]:
    if not task.aids.knowledge:
        return contextlib.nullcontext()
    project = project_key(task.name, task.target)
    return Knowledge.open(state().root / NAME, project, task.aids.carry_over)


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

"""The desk of an agent at work in a node's container: its questions are answered by a copy of that.

The container is paused for the time of a commit and goes on. What is asked runs in fresh containers
of the copy, with the protected files as the root has them, which is how the judge will see it; then
the copy goes. Everything is done through a door to the engine of the desk's own, since the worker's is
waiting for the agent.
"""

from __future__ import annotations

import contextlib
import functools
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runner.errors import EngineError, StateError
from runner.expand.asking import ask_benchmark, ask_checks, ask_comparison
from runner.expand.context import snapshot_of
from runner.expand.judging import Meter, Trial
from runner.expand.plans import search_of
from runner.expand.room import demand_room
from runner.expand.root import Root
from runner.expand.sides import Sides
from runner.mcp.board import Board
from runner.mcp.desk import (
    Desk,
    DeskError,
    KnowledgePart,
    ModelsPart,
    Off,
    Over,
    groups_named,
    restricted,
)
from runner.mcp.places import BriefedPlace
from runner.mcp.results import Benchmarked, ChecksResult, Compared, Setup, Skeleton
from runner.mcp.setups import setup_of
from runner.mcp.skeletons import skeleton_of
from runner.measure.judge import Check
from runner.model import Job, Snapshot
from runner.sandbox.protocol import Sandbox

PEEK = "peek"
_PUT_BACK = "protected files are as the root has them, whatever your workspace has"
_SECRETS = "the task gives its actions secrets, and a copy of your container could hold them"

# A door to the engine that gives up once its argument says so.
OpenSandbox = Callable[[Callable[[], bool]], Sandbox]


@dataclass(frozen=True, slots=True)
class AtWork:
    """An agent at work: ``trial`` is its attempt's, with the judge's overlay; ``base`` is the
    snapshot that its ``container`` was started from."""

    trial: Trial
    root: Root
    job: Job
    base: Snapshot
    container: str


class NodeDesk:
    """Copies of one agent's container, one at a time; to be closed when no call is under way.

    It is the tests' part and the benchmark's. ``meter`` is what the answers have cost.
    """

    def __init__(self, at_work: AtWork, open_sandbox: OpenSandbox) -> None:
        self._at = at_work
        self._open = open_sandbox
        self._sandbox: Sandbox | None = None
        self._over: Over = lambda: False
        self._board: Board | None = None
        self.meter = Meter()

    def parts(self, knowledge: KnowledgePart | Off, models: ModelsPart | Off, board: Board) -> Desk:
        """All parts, as far as the task offers them. Raises ``TaskError``."""
        at, task = self._at, self._at.trial.context.task
        self._board = board
        told = at.job.briefing
        tree = (
            BriefedPlace(at.job.label, told) if told else Off("no planner has told where this is")
        )
        work = Off(_SECRETS) if at.trial.context.secrets else None
        desk = Desk(
            work or NodeTests(self, at),
            work or NodeBenchmark(self, at),
            knowledge,
            models,
            tree,
            board,
        )
        wanted = task.aids.tools
        return desk if wanted is None else restricted(desk, groups_named(wanted, "mcp.tools"))

    def close(self) -> None:
        """Let go of the engine, and of what the agent has claimed and not done."""
        if self._board is not None:
            with contextlib.suppress(StateError):
                self._board.leave()
        if self._sandbox is not None:
            self._over = lambda: False
            self._sandbox.close()
            self._sandbox = None

    @contextlib.contextmanager
    def peek(self, over: Over) -> Iterator[tuple[Trial, str]]:
        """A copy of the container as it is now: a place to judge it in, and its image's digest.

        Raises ``EngineError``, ``DeskError`` where the container has ended.
        """
        at, context = self._at, self._at.trial.context
        sandbox = self._door(over)
        demand_room(context, sandbox)
        token = secrets.token_hex(4)
        attempt_id = f"{at.trial.attempt_id}-{PEEK}-{token}"
        facts = {"attempt": at.trial.attempt_id}
        copy = sandbox.commit(at.container, at.job.label, at.base, facts, f"{PEEK}-{token}")
        try:
            with tempfile.TemporaryDirectory(dir=context.folder) as folder:
                (Path(folder) / "attempts").mkdir()
                place = replace(context, folder=Path(folder), cancelled=self._given_up)
                yield (
                    replace(
                        at.trial,
                        context=place,
                        sandbox=sandbox,
                        attempt_id=attempt_id,
                        meter=self.meter,
                    ),
                    copy.digest,
                )
        finally:
            self._over = lambda: False  # what cleans up isn't given up
            with contextlib.suppress(EngineError):
                sandbox.discard(copy.tag)

    def _door(self, over: Over) -> Sandbox:
        self._over = over
        if self._sandbox is None:
            self._sandbox = self._open(self._given_up)
        return self._sandbox

    def _given_up(self) -> bool:
        return self._over() or self._at.trial.context.cancelled()


class NodeTests:
    """``TestsPart`` of an agent at work."""

    def __init__(self, desk: NodeDesk, at_work: AtWork) -> None:
        self._desk = desk
        self._at = at_work

    def detect(self) -> Setup:
        """The task's checks, and what the untouched target's files speak of."""
        return self._setup

    def skeleton(self, framework: str, subject: str) -> Skeleton:
        """See ``TestsPart``."""
        return skeleton_of(framework, subject, self.detect().suites)

    def run(self, checks: tuple[str, ...], time_s: float, over: Over) -> ChecksResult:
        """Run checks on a copy of the container, judged against the root's runs of them."""
        chosen = named(self._at.trial.context.task.checks, checks)
        with self._desk.peek(over) as (trial, image):
            found = ask_checks(trial, chosen, image, self._at.root.checks, time_s, over)
        note = _PUT_BACK if self._at.trial.context.task.protected else ""
        return replace(found, note=note)

    @functools.cached_property
    def _setup(self) -> Setup:
        return setup_of(self._at.trial.context.task)


class NodeBenchmark:
    """``BenchmarkPart`` of an agent at work."""

    def __init__(self, desk: NodeDesk, at_work: AtWork) -> None:
        self._desk = desk
        self._at = at_work

    def run(self, time_s: float, over: Over) -> Benchmarked:
        """The benchmark on a copy of the container."""
        with self._desk.peek(over) as (trial, image):
            return ask_benchmark(trial, trial.context.task.benchmark, image, time_s, over)

    def compare(self, time_s: float, over: Over) -> Compared:
        """A copy of the container against the node's parent."""
        against = self._at.job.against
        baseline = snapshot_of(against.snapshot, against.label).digest
        with self._desk.peek(over) as (trial, image):
            return ask_comparison(
                trial,
                Sides(image, baseline),
                trial.context.task.benchmark,
                search_of(trial.context),
                self._at.root.calibration,
                against.label,
                time_s,
                over,
            )


def named(checks: Sequence[Check], names: Sequence[str]) -> tuple[Check, ...]:
    """The checks of these names, in the task's order; all, if none is named. Raises ``DeskError``."""
    known = {check.name for check in checks}
    for name in names:
        if name not in known:
            raise DeskError(f"there is no check {name!r}; there are: {', '.join(sorted(known))}")
    return tuple(check for check in checks if not names or check.name in names)

"""Whole runs for tests: a tiny target whose benchmark reads its one file, and a task over it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.cli.conduct import Finished, conduct
from runner.cli.parts import Parts
from runner.evidence import Claims, Evidence
from runner.expand.context import RunContext
from runner.expand.lane import Lane
from runner.measure.judge import Benchmark, Check, Trials
from runner.model import Action, Event, Limits, MetricSpec, RunView
from runner.planner.budget import BudgetLimits
from runner.planner.policy import SearchSettings
from runner.planner.watermarks import DiskRules
from runner.sandbox.protocol import Sandbox
from runner.store import Store
from runner.task import Hooks, ImageSpec, Task

OBJECTIVE = MetricSpec("cost", unit="us")

# The benchmark adds up the numbers in the file: what the actions do to it is what they gain.
BENCHMARK = 'total=0; for n in $(cat costs); do total=$((total + n)); done; echo "METRIC cost=$total"'


def action(key: str, command: str, **facts: object) -> Action:
    return Action(key, body=command.encode(), **facts)  # type: ignore[arg-type]


ACTIONS = (
    action("drop-60", "sed -i '/^60$/d' costs"),
    action("drop-30", "sed -i '/^30$/d' costs"),
    action("swap", "sed -i 's/^9$/8/' costs"),
    action("nothing", "true"),
    action("worse", "echo 500 >> costs"),
    action("break", "echo broken > state"),
    action("cheat", "echo 'echo METRIC cost=1' > judge.sh"),
    action("fail", "exit 9"),
)


def make_target(folder: Path) -> Path:
    """A folder with a file of costs, one of state, and a protected one."""
    folder.mkdir(parents=True)
    (folder / "costs").write_text("60\n30\n9\n")
    (folder / "state").write_text("whole\n")
    (folder / "judge.sh").write_text("exit 0\n")
    return folder


def make_task(target: Path, actions: Sequence[Action] = ACTIONS, nodes: int = 12) -> Task:
    """A task over ``make_target``'s folder; small, quick, and with one check."""
    return Task(
        name="tiny",
        path=target / "oppie.toml",
        target=target,
        exclude=(),
        image=ImageSpec(agent=True),
        setup=("echo ready > ready",),
        setup_timeout_s=60.0,
        actions=tuple(actions),
        checks=(Check("whole", "grep -q whole state", 30.0),),
        benchmark=Benchmark(BENCHMARK, (OBJECTIVE,), OBJECTIVE, pairs=6, warmup=0, timeout_s=30.0),
        protected=("judge.sh",),
        limits=Limits(time_s=30.0, memory_bytes=128 << 20),
        search=SearchSettings(seed=1),
        budget=BudgetLimits(nodes=nodes),
        hooks=Hooks(),
        verify_top=2,
        verify_pairs=10,
        trials=Trials(check_runs=2, pairs=5),
    )


@dataclass
class Bench:
    """A state folder, a target and a world; ``open_sandbox(run_id, slot, cancelled)`` enters it."""

    folder: Path
    open_sandbox: Callable[[str, int, Callable[[], bool]], Sandbox]
    image: str
    workers: int = 2
    disk: DiskRules = field(default_factory=DiskRules)

    def __post_init__(self) -> None:
        self.target = self.folder / "target"
        if not self.target.exists():
            make_target(self.target)
        self.cancelled = threading.Event()

    def store(self) -> Store:
        return Store(self.folder / "state" / "journal.db")

    def evidence(self) -> Evidence:
        return Evidence(self.folder / "state" / "evidence.git")

    def view(self, task: Task, run_id: str) -> RunView:
        return RunView(
            run_id, task.name, str(task.target), "running", task.search.policy, task.search.seed,
            self.workers, task.benchmark.objective, 0.0,
        )  # fmt: skip

    def parts(self, store: Store, task: Task, run_id: str) -> Parts:
        self.cancelled = threading.Event()
        cancelled = self.cancelled.is_set
        context = RunContext(
            run_id=run_id,
            task=task,
            folder=self.folder / "state" / "runs" / run_id,
            evidence=self.evidence(),
            claims=Claims(),
            lane=Lane(1, self.folder),
            cancelled=cancelled,
            disk=self.disk,
        )
        return Parts(
            context,
            store,
            lambda slot, told: self.open_sandbox(run_id, slot, told),
            self.image,
            self.workers,
            self.cancelled,
        )

    def run(
        self, task: Task | None = None, run_id: str = "r1", stop_after: int | None = None
    ) -> tuple[list[Event], Finished]:
        """Begin a run, or go on with it, to its end; or ask it to stop after some events."""
        task = task or make_task(self.target)
        with self.store() as store:
            known = {view.run_id for view in store.runs()}
            if run_id in known:
                store.reopen(run_id)
            else:
                store.create_run(self.view(task, run_id))
            parts = self.parts(store, task, run_id)
            events: list[Event] = []
            journey = conduct(parts)
            try:
                while True:
                    events.append(next(journey))
                    if stop_after is not None and len(events) >= stop_after:
                        self.cancelled.set()
            except StopIteration as end:
                finished: Finished = end.value
            finally:
                journey.close()
            store.finish(run_id, finished.stop)
        return events, finished

    def result(self, run_id: str = "r1") -> RunView:
        with self.store() as store:
            return store.run(run_id)


def with_actions(task: Task, *actions: Action) -> Task:
    return replace(task, actions=actions)

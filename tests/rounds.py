"""Whole runs with agents: a bench whose runs have prompts, tools and models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.cli.agency import agency_for
from runner.cli.conduct import Finished, conduct
from runner.cli.learning import Learning
from runner.expand.agency import Agency
from runner.gateway import Caps, Gateway, Ledger, Prices, Upstream
from runner.knowledge import Knowledge
from runner.measure.judge import Trials
from runner.model import Action, ActionKind, AgentSpec, Event, Mode, NodeView
from runner.planner.mode import ModeSettings
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.fake import FakeSandbox
from runner.sandbox.protocol import Sandbox
from runner.task import Task
from runner.task.spec import Aids
from tests.runs import Bench, make_task

NO_TOOLS = Aids(tools=(), knowledge=False)


def by_rounds(*commands: str, also: str = "", rounds: int = 3, **spec: Any) -> Action:
    """An agent that runs one of these commands in each round, and ``also`` before each."""
    cases = "\n".join(f"{number}) {text} ;;" for number, text in enumerate(commands, start=1))
    command = f'{also}\ncase "$OPPIE_ROUND" in\n{cases}\nesac'
    told = AgentSpec("command", rounds=rounds, command=command, **spec)
    return Action("agent", ActionKind.AGENT, b"Make it cheaper.", open_ended=True, agent=told)


def recorded(*steps: Mapping[str, object], rounds: int = 3, **spec: Any) -> Action:
    """An agent that plays a recording."""
    lines = "".join(json.dumps(step) + "\n" for step in steps)
    told = AgentSpec("scripted", rounds=rounds, recording=lines.encode(), **spec)
    return Action("agent", ActionKind.AGENT, b"Make it cheaper.", open_ended=True, agent=told)


def task_of(target: Path, *actions: Action, nodes: int = 1, min_gain: float = 0.0) -> Task:
    """A task for agents: no tools, no models, a search from the first node on."""
    task = make_task(target, actions, nodes)
    thresholds = replace(task.search.thresholds, min_gain=min_gain)
    return replace(
        task,
        search=replace(task.search, thresholds=thresholds),
        verify_top=1,
        verify_pairs=1,
        trials=Trials(check_runs=1, pairs=5),
        aids=NO_TOOLS,
        mode=ModeSettings(Mode.MCTS),
    )


@dataclass
class Studio(Bench):
    """``upstreams`` are the models that its runs can use, up to ``caps``."""

    upstreams: Sequence[Upstream] = ()
    caps: Caps = field(default_factory=Caps)
    agencies: list[Agency] = field(default_factory=list)

    def run(
        self, task: Task | None = None, run_id: str = "r1", stop_after: int | None = None
    ) -> tuple[list[Event], Finished]:
        assert task is not None
        events: list[Event] = []
        with self.store() as store:
            if run_id in {view.run_id for view in store.runs()}:
                store.reopen(run_id)
            else:
                store.create_run(self.view(task, run_id))
            parts = self.parts(store, task, run_id)
            with self.equipped(task, run_id) as (agency, learning):
                context = replace(parts.context, agency=agency)
                parts = replace(parts, context=context, learning=learning)
                with closing(conduct(parts)) as journey:
                    try:
                        while True:
                            events.append(next(journey))
                            if stop_after is not None and len(events) >= stop_after:
                                self.cancelled.set()
                    except StopIteration as end:
                        finished: Finished = end.value
            store.finish(run_id, finished.stop)
        return events, finished

    @contextmanager
    def equipped(self, task: Task, run_id: str) -> Iterator[tuple[Agency | None, Learning]]:
        """As ``runner.cli.agency.equipped`` does it, but for where models and money are."""
        path, spending = self.folder / "knowledge.db", self.folder / "spending"
        with ExitStack() as stack:
            knowledge = stack.enter_context(
                Knowledge.open(path, "tiny", 0.0, task.aids.knowledge)
            )
            agency = stack.enter_context(
                agency_for(
                    task,
                    run_id,
                    knowledge,
                    lambda slot, told: self.open_sandbox(run_id, slot, told),
                    self.workers + 1,
                )
            )
            if agency and self.upstreams:
                ledger = stack.enter_context(Ledger(spending, run_id))
                gateway = Gateway(self.upstreams, self.caps, Prices.load(), ledger)
                agency = replace(agency, gateway=gateway)
            yield agency, Learning(knowledge, (), lambda *_: 0.01)

    def node(self, label: str = "A.1", run_id: str = "r1") -> NodeView:
        """A node of a run."""
        return next(node for node in self.result(run_id).nodes if node.label == label)

    def kept(self, attempt_id: str, name: str, run_id: str = "r1") -> Any:
        """What an attempt has kept in its folder; ``None`` if there is no such file."""
        path = self.folder / "state" / "runs" / run_id / "attempts" / attempt_id / name
        return json.loads(path.read_text()) if path.exists() else None

    def held(self, run_id: str = "r1") -> tuple[set[str], set[str]]:
        """The containers, and the tags of images, that the engine has of a run. Images that others are
        built on, and that go with them, have none."""
        with closing(self.open_sandbox(run_id, 0, lambda: False)) as sandbox:
            left = sandbox.leftovers()
        images = {name for each in left.held_images for name in each.names}
        return {each.name for each in left.held_containers}, images


def on_fake(
    folder: Path, kind: Callable[..., Sandbox] = FakeSandbox, workers: int = 1
) -> Studio:
    """A studio in a world of its own."""
    world = folder / "world"
    base = FakeSandbox(world, "base").base()
    return Studio(
        folder, lambda run, slot, told: kind(world, run, slot, told), base, workers
    )


def on_engine(folder: Path, image: str) -> Studio:
    """A studio on the engine, which others may be using: give its runs names of their own."""
    return Studio(
        folder, lambda run, slot, told: EngineSandbox(connect(), run, image, slot, told), image, 1
    )

"""The runs that are killed: small, exact, and different in what they do."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from runner.measure.judge import Check, Trials
from runner.model import Action, SandboxKind
from runner.planner.policy import SearchSettings
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.fake import FakeSandbox
from runner.sandbox.local import open_local
from runner.task import Task
from tests.runs import ACTIONS, Bench, make_task

FAKE, ENGINE = "fake", "engine"
LOCAL = (SandboxKind.WORKTREE, SandboxKind.TEMPDIR)
FEW = 5  # nodes


@dataclass(frozen=True, slots=True)
class Scene:
    """What is run. Two runs of one scene by a planner with one worker end as the same tree.

    ``slow_s`` is how long each action takes at least, for a killer that comes at any moment.
    """

    world: str
    policy: str
    seed: int
    nodes: int
    workers: int = 1
    slow_s: float = 0.0
    short: bool = False  # of those that are run for each change


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run of a scene takes place: ``folder`` holds all of it but what an engine has."""

    folder: Path
    scene: Scene
    run_id: str
    image: str = ""  # of the engine

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def world(self) -> Path:
        """The images and containers, where they aren't an engine's."""
        return self.folder / "world"

    @property
    def begun(self) -> Path:
        """The witness outside: each command that begins, and not on an engine, adds its
        container's name."""
        return self.folder / "begun"

    @property
    def ending(self) -> Path:
        """What a planner that wasn't killed exited with."""
        return self.folder / "ending"

    @property
    def scratch(self) -> Path:
        """The place of temporary files."""
        return self.folder / "tmp"

    def make(self) -> None:
        """The user's repository, and the folders."""
        self.scratch.mkdir(parents=True)
        self.begun.touch()
        target = self.bench().target
        _git(target, "init", "-q", "-b", "main")
        _git(target, "add", "-A")
        _git(target, "commit", "-q", "-m", "The target as it is")

    def bench(self) -> Bench:
        """The parts of the product, in this place."""
        if self.scene.world == FAKE:
            base = FakeSandbox(self.world, "base").base()
            return Bench(
                self.folder,
                lambda run_id, slot, cancelled: FakeSandbox(self.world, run_id, slot, cancelled),
                base,
                self.scene.workers,
            )
        if self.scene.world in LOCAL:
            kind = SandboxKind(self.scene.world)
            return Bench(
                self.folder,
                lambda run_id, slot, told: open_local(kind, self.world, run_id, slot, told),
                open_local(kind, self.world, "base").base(),
                self.scene.workers,
            )
        return Bench(
            self.folder,
            lambda run_id, slot, cancelled: EngineSandbox(
                connect(), run_id, self.image, slot, cancelled
            ),
            self.image,
            self.scene.workers,
        )

    def task(self) -> Task:
        """A task whose actions end in every way there is."""
        scene = self.scene
        actions = tuple(self.told(action) for action in ACTIONS)
        task = make_task(self.folder / "target", actions, nodes=scene.nodes)
        check = Check("whole", self._telling("grep -q whole state"), 30.0)
        return replace(
            task,
            setup=(self._telling("echo ready > ready"),),
            checks=(check,),
            search=SearchSettings(policy=scene.policy, seed=scene.seed),
            trials=Trials(check_runs=1, pairs=5),
            verify_top=2 if scene.nodes > FEW else 1,
            verify_pairs=6,
        )

    def told(self, action: Action) -> Action:
        """The action, which tells the witness that it begins, and takes its time."""
        command = self._telling(action.body.decode())
        if self.scene.slow_s:
            command = f"{command}; code=$?; sleep {self.scene.slow_s:g}; exit $code"
        return replace(action, body=command.encode())

    def _telling(self, command: str) -> str:
        """The command, which tells the witness that it begins: in which container's folder, which
        in the fake is HOME's. On an engine, the engine itself is the witness."""
        if self.scene.world == ENGINE:
            return f"( {command} )"
        home = "$HOME" if self.scene.world == FAKE else "$OPPIE_CONTAINER/home"
        return f'echo "{home}" >> {self.begun}; ( {command} )'


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=A User", "-c", "user.email=user@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)

"""What the sandbox tests share: the two worlds that a sandbox can stand in, and a bench to work at."""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runner.model import Limits, SandboxKind, Snapshot
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.fake import FakeSandbox
from runner.sandbox.local import open_local
from runner.sandbox.protocol import Leftovers, Repetition, Sandbox, Session, Step, StepResult

ROOT = Path(__file__).parent.parent
LOCAL_KINDS = (SandboxKind.WORKTREE, SandboxKind.TEMPDIR)
LIMITS = Limits(time_s=20.0, memory_bytes=256 << 20, cpus=2.0, log_bytes=1 << 20)
_KILLED_SLOT = 9
_numbers = itertools.count(1)


@dataclass
class World:
    """An engine, or a folder that plays one. ``image`` has an empty workspace."""

    kind: str
    folder: Path
    image: str
    run_id: str

    def open(
        self,
        cancelled: Callable[[], bool] = lambda: False,
        slot: int = 0,
        run_id: str = "",
    ) -> Sandbox:
        """A new door to this world."""
        if self.kind == "fake":
            return FakeSandbox(self.folder / "fake", run_id or self.run_id, slot, cancelled)
        if self.kind in LOCAL_KINDS:
            folder = self.folder / "local"
            return open_local(SandboxKind(self.kind), folder, run_id or self.run_id, slot, cancelled)
        return EngineSandbox(connect(), run_id or self.run_id, self.image, slot, cancelled)

    @contextmanager
    def another_planner(self, step: Step, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A process that runs a step, and is killed (``kill -9``) at the end of the block."""
        facts = {
            "world": {"kind": self.kind, "folder": str(self.folder), "image": self.image},
            "run_id": self.run_id,
            "log": str(log),
            "name": step.name,
            "image": step.image,
            "command": step.command,
            "stdin": step.stdin.decode(),
            "time_s": step.limits.time_s,
        }
        planner = subprocess.Popen(
            [sys.executable, "-c", "import worlds; worlds.be_another_planner()"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        )
        assert planner.stdin
        with planner:
            try:
                planner.stdin.write(json.dumps(facts).encode())
                planner.stdin.close()
                yield planner
            finally:
                planner.kill()
                planner.wait()
                self._remove_pauses()

    def _remove_pauses(self) -> None:
        sandbox = self.open()
        for side in (0, 1):
            sandbox.remove(f"oppie-{self.run_id}-net-{_KILLED_SLOT}-{side}")
        sandbox.close()


def be_another_planner() -> None:
    """The main program of ``World.another_planner``. Its slot is its own: so are its pauses."""
    facts = json.load(sys.stdin)
    world = World(
        run_id=facts["run_id"], **{**facts["world"], "folder": Path(facts["world"]["folder"])}
    )
    limits = Limits(time_s=facts["time_s"])
    step = Step(
        facts["name"],
        "A-1",
        facts["image"],
        tuple(facts["command"]),
        limits,
        stdin=facts["stdin"].encode(),
    )
    world.open(slot=_KILLED_SLOT).run(step, Path(facts["log"]))


@dataclass
class Bench:
    """One test's place in a world: names, logs, and the removal of what the test made."""

    world: World
    sandbox: Sandbox
    folder: Path
    label: str
    containers: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    def step(self, script: str | bytes = b"", image: str = "", **limits: object) -> Step:
        """A step of ``sh -s`` that gets ``script`` through its stdin."""
        name = f"{self.label}-{next(_numbers)}"
        stdin = script.encode() if isinstance(script, str) else script
        return Step(
            name, "A-1", image or self.world.image, ("sh", "-s"), self.limits(**limits), stdin=stdin
        )

    def limits(self, **limits: object) -> Limits:
        return Limits(**{**{key: getattr(LIMITS, key) for key in LIMITS.__slots__}, **limits})  # type: ignore[arg-type]

    def log(self, step: Step) -> Path:
        return self.folder / f"{step.name}.log"

    def run(self, step: Step) -> StepResult:
        result = self.sandbox.run(step, self.log(step))
        self.containers.append(result.container)
        return result

    def sh(self, script: str, image: str = "", **limits: object) -> tuple[StepResult, bytes]:
        """Run a script; its result, and what it printed."""
        step = self.step(script, image, **limits)
        return self.run(step), self.log(step).read_bytes()

    def commit(
        self,
        container: str,
        node: str,
        parent: Snapshot | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> Snapshot:
        label = f"{self.label}.{node}"
        facts = {"attempt": f"{label}-1"} if facts is None else facts
        snapshot = self.sandbox.commit(container, label, parent, facts)
        self.tags.append(snapshot.tag)
        return snapshot

    def child(self, script: str, node: str, parent: Snapshot | None = None) -> Snapshot:
        """The snapshot of what a script makes of ``parent``, or of the base."""
        result, said = self.sh(script, parent.digest if parent else "")
        assert result.code == 0, said
        snapshot = self.commit(result.container, node, parent)
        self.sandbox.remove(result.container)
        return snapshot

    @contextmanager
    def session(self, command: str, image: str = "", **limits: object) -> Iterator[Session]:
        name = f"{self.label}-{next(_numbers)}"
        log = self.folder / f"{name}.log"
        image = image or self.world.image
        step = Step(name, "A-1", image, ("sh", "-c", command), self.limits(**limits))
        with self.sandbox.session(step, log) as session:
            yield session

    def repeat(self, command: str, times: int = 1, **limits: object) -> list[Repetition]:
        with self.session(command, **limits) as session:
            return [session.repeat() for _ in range(times)]

    def files(self, container: str) -> dict[str, tarfile.TarInfo]:
        """The members of a container's workspace, by their names in the archive."""
        with self.open_archive(container) as tar:
            return {member.name: member for member in tar}

    def read(self, container: str, name: str) -> bytes:
        """One file of a container's workspace."""
        with self.open_archive(container) as tar:
            file = tar.extractfile(f"workspace/{name}")
            assert file
            return file.read()

    def open_archive(self, container: str) -> tarfile.TarFile:
        return tarfile.open(fileobj=io.BytesIO(b"".join(self.sandbox.archive(container))))

    def clean(self) -> Leftovers:
        """Remove what the test was given to remove; then all the rest, which is returned."""
        for container in {*self.containers} & {*self.sandbox.leftovers().containers}:
            self.sandbox.remove(container)
        for tag in reversed(self.tags):
            self.sandbox.discard(tag)
        left = self.sandbox.leftovers()
        for container in left.containers:
            self.sandbox.remove(container)
        while images := self.sandbox.leftovers().images:
            self.sandbox.discard(images[0])
        return left


def wait_for(condition: Callable[[], object], what: str, within_s: float = 15.0) -> None:
    """Poll until ``condition`` holds; fail when it doesn't ``within_s``."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {within_s:g} s"
        time.sleep(0.01)

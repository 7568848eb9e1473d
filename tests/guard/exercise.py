"""All that oppie does with an engine, in half a minute: what a guard must let through.

``exercise`` is what ``record.py`` records, and what the suite runs through the committed list. What
oppie learns to do is added here; else the guard refuses it to everybody.
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

from commands import Machine, Terminal
from worlds import Bench, World, wait_for

from runner.errors import EngineError
from runner.guard.terms import Terms
from runner.sandbox import growth, images, snapshots, spec
from runner.sandbox.connect import Client, connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.protocol import Door, Exit

# A registry that nobody keeps: asking for it is what counts, not what it has.
UNREACHABLE = "127.0.0.1:1/nothing:1"
BUILT, IMPORTED = "oppie/test-guard-built:1", "oppie/test-guard-base:1"
DATA = Path("/usr/share/common-licenses")  # on the engine's machine, and nobody's secret
SLOW = ("slow", "touch here; while [ -e here ]; do sleep 0.1; done; echo 6 > costs/a")
TERMS = Terms(
    images=frozenset((UNREACHABLE,)), mounts=frozenset((str(DATA),)), runtimes=frozenset(("runc",))
)


@dataclass(frozen=True)
class Stage:
    """``machine``'s `oppie` and ``url`` speak to the guard; ``client`` to the engine itself."""

    url: str
    machine: Machine
    client: Client
    folder: Path


def exercise(stage: Stage) -> None:
    """Do everything once. What a call is refused for fails the test that makes it."""
    with _speaking_to(stage.url):
        search(stage)
        judge_again(stage)
        look_around(stage)
        clean_up(stage)
        with closing(connect(stage.url)) as client:
            make_images(client, stage.folder)
        use_a_sandbox(stage)


def search(stage: Stage) -> None:
    """A run with everything that a sandbox can be told. Its planner is killed while an action runs;
    the next one takes the container over, and finds an improvement."""
    machine = stage.machine
    sandbox = f"""
[sandbox]
read_only = true
runtime = "runc"
[[sandbox.mounts]]
host = "{DATA}"
at = "/data"
"""
    task = machine.project.write_task(machine.image, SLOW, catalogue=False, nodes=1, more=sandbox)
    task.write_text(task.read_text().replace("pairs = 6", "pairs = 2"))
    machine.project.git("commit", "-q", "-a", "-m", "Calls count here, not figures")
    with machine.started("run", "--plain", "--workers", "1") as planner:
        wait_for(lambda: _delivered(machine), "an action at work", 120)
        planner.kill()
        planner.wait()
    (name,) = _at_work(stage)
    wait_for(lambda: _in(stage, name, "rm", "here"), "the action's file")
    machine.ok("resume", "--plain", "--workers", "1")


def judge_again(stage: Stage) -> None:
    machine = stage.machine
    for key, value in (("user.name", "A User"), ("user.email", "user@example.org")):
        machine.project.git("config", key, value)
    machine.ok("verify", "best", "--quiet")
    machine.ok("merge", "best", "--quiet")


def look_around(stage: Stage) -> None:
    """Shells, with a script and with a person before them."""
    machine = stage.machine
    assert "costs" in machine.ok("shell", "best", stdin=b"ls\n")
    with Terminal(machine, "shell", "best") as terminal:
        terminal.wait_for(b"$ ")
        terminal.type(b"echo to$((40 + 2))gether\r")
        terminal.wait_for(b"to42gether")
        terminal.type(b"exit\r")
        assert terminal.exit_code() == 0
    machine.ok("images", "list")


def clean_up(stage: Stage) -> None:
    machine = stage.machine
    machine.ok("doctor", "--probe")
    machine.ok("doctor", "--repair")
    machine.ok("gc", "--dry-run", "--keep", "0")
    machine.ok("gc", "--keep", "0", "--evidence")
    assert (machine.containers(), machine.snapshots()) == ([], {})


def make_images(client: Client, folder: Path) -> None:
    """Import, build, save, load; ask a registry, and pull from it."""
    base, archive = folder / "base.tar", folder / "image.tar"
    base.write_bytes(_tar({"hello": b"world"}))
    images.import_root(client, base, IMPORTED, ('CMD ["sh"]',))
    files = {"Dockerfile": f"FROM {IMPORTED} AS one\nCOPY Dockerfile /\n".encode()}
    for network in (True, False):
        plan = images.Build(
            BUILT, files, "Dockerfile", {"http_proxy": ""}, {"a": "b"}, "one", network
        )
        list(images.build(client, plan))
    images.save(client, BUILT, archive)
    assert any(BUILT in line for line in images.load(client, archive))
    assert images.registry_refusal(client, UNREACHABLE, 5.0)
    with contextlib.suppress(EngineError):
        list(images.pull(client, UNREACHABLE))


def use_a_sandbox(stage: Stage) -> None:
    """What a short run seldom comes to: flattening, names that move, memory that runs out, doors, a
    step that is committed while it runs."""
    run_id = f"guard-{secrets.token_hex(3)}"
    world = World("engine", stage.folder, stage.machine.image, run_id)
    sandbox = EngineSandbox(connect(stage.url), run_id, world.image)
    bench = Bench(world, sandbox, stage.folder, "guard")
    try:
        first = bench.child("echo one > a", "1")
        with mock.patch.object(snapshots, "MAX_DEPTH", 1):
            bench.child("echo two > a", "2", first)
            step = replace(bench.step("true", first.digest), env=("TWO=one\ntwo",))
            bench.commit(bench.run(step).container, "3", first)
        with mock.patch.object(growth, "_SLOW_S", 0.0):  # else files are counted on slow engines only
            result, _ = bench.sh("sleep 60", time_s=2.0)
        assert result.exit is Exit.TIMEOUT
        result, _ = bench.sh("true", hosts=("example.org",))
        assert result.exit is Exit.OK
        commit_while_it_runs(bench)
        sandbox.retag(first.digest, f"oppie/{run_id}:again")
        bench.tags.append(f"oppie/{run_id}:again")
        hungry = 'python3 -c "x = bytearray(1 << 30)"'
        (repetition,) = bench.repeat(hungry, memory_bytes=32 << 20)
        assert repetition.exit is Exit.OOM
        assert sandbox.held(first.digest)
        assert sandbox.leftovers().images
    finally:
        bench.clean()
        sandbox.close()


def commit_while_it_runs(bench: Bench) -> None:
    step = bench.step("echo up; sleep 60")

    def watch(_: bytes) -> bool:
        bench.commit(bench.sandbox.container_of(step.name), "4")
        return False

    door = Door(3129, lambda sock: sock.close())
    result = bench.run(replace(step, doors=(door,), quiet_s=2.0, watch=watch))
    assert result.exit is Exit.SILENT


def remove_images(client: Client) -> None:
    """What ``make_images`` leaves; a guard has no call for that."""
    for name in (BUILT, IMPORTED):
        if images.find(client, name):
            client.api.remove_image(name, force=True)


def _at_work(stage: Stage) -> list[str]:
    wanted = {"name": "-act", "status": "running", "label": [spec.RUN]}
    known = {path.name for path in stage.machine.state.glob("runs/*")}
    return [
        entry["Names"][0].lstrip("/")
        for entry in stage.client.api.containers(filters=wanted)
        if entry["Labels"][spec.RUN] in known
    ]


def _delivered(machine: Machine) -> list[Path]:
    """The marks of actions that have their script: only those are taken over."""
    return [*machine.state.glob("runs/*/attempts/A.1-1/act*.sent")]


def _in(stage: Stage, container: str, *command: str) -> bool:
    """Whether a command works in a running container."""
    api = stage.client.api
    found = api.exec_create(container, list(command))["Id"]
    api.exec_start(found)
    return bool(api.exec_inspect(found)["ExitCode"] == 0)


def _tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


@contextlib.contextmanager
def _speaking_to(url: str) -> Iterator[None]:
    with mock.patch.dict(os.environ, {"OPPIE_ENGINE": url}):
        yield

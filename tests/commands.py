"""What the tests of the command line share: a small project of the user's, and `oppie` run on it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import termios
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from runner.model import RunView
from runner.sandbox import spec
from runner.store import Store

ROOT = Path(__file__).resolve().parent.parent
OPPIE = (sys.executable, "-m", "runner.cli")
LIMIT_S = 120.0

# The costs are in files of their own, so that each action is one patch and the benchmark is exact.
COSTS = {"a": 60, "b": 30, "c": 9}
JUDGE = 'total=0; for f in costs/*; do total=$((total + $(cat "$f"))); done; echo "METRIC cost=$total"\n'
PATCHES = {"cheap-a": ("a", 6), "cheap-b": ("b", 3)}
NOTHING = ("nothing", "true")
WORSE = ("worse", "echo 900 > costs/c")
SPOIL = ("spoil", "echo broken > state")
CHEAT = ("cheat", "echo 'echo METRIC cost=1' > judge.sh")


@dataclass(frozen=True)
class Project:
    """A git repository of the user's: ``app/`` is the target, ``patches/`` its catalogue."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Project:
        """A project with one commit, a catalogue of two patches, and no task file."""
        project = cls(folder)
        (folder / "app/costs").mkdir(parents=True)
        (folder / "patches").mkdir()
        for name, cost in COSTS.items():
            (folder / "app/costs" / name).write_text(f"{cost}\n")
        (folder / "app/state").write_text("whole\n")
        (folder / "app/judge.sh").write_text(JUDGE)
        project.git("init", "-q", "-b", "main")
        project.git("add", "-A")
        project.git("commit", "-q", "-m", "The target as it is")
        for key, (name, cost) in PATCHES.items():
            project._make_patch(key, name, cost)
        project.git("add", "-A")
        project.git("commit", "-q", "-m", "A catalogue")
        return project

    def _make_patch(self, key: str, name: str, cost: int) -> None:
        file = self.folder / "app/costs" / name
        before = file.read_text()
        file.write_text(f"{cost}\n")
        diff = self.git("-C", "app", "diff", "--relative")
        file.write_text(before)
        (self.folder / "patches" / f"{key}.patch").write_text(
            f"Description: Spend less on {name}\n\n{diff}"
        )

    def git(self, *arguments: str) -> str:
        """What git says in the project. Fails the test if git does."""
        who = ("-c", "user.name=A User", "-c", "user.email=user@example.org")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write_task(
        self,
        image: str,
        *commands: tuple[str, str],
        catalogue: bool = True,
        nodes: int = 12,
        more: str = "",
        check: str = "grep -q whole state",
        time_s: int = 20,
    ) -> Path:
        """Write and commit ``oppie.toml``; ``commands`` are further actions, ``more`` is TOML."""
        actions = '[[actions]]\ncatalogue = "patches"\n' if catalogue else ""
        for key, command in commands:
            actions += f"[[actions]]\nname = {json.dumps(key)}\ncommand = {json.dumps(command)}\n"
        task = self.folder / "oppie.toml"
        task.write_text(
            _TASK.format(image=image, check=check, nodes=nodes, time_s=time_s) + actions + more
        )
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "A task")
        return task


_TASK = textwrap.dedent("""\
    name = "tiny"
    target = "app"
    setup = ["echo ready > ready"]
    protected = ["judge.sh"]

    [image]
    name = "{image}"

    [[checks]]
    name = "whole"
    command = {check!r}

    [benchmark]
    command = "sh judge.sh"
    metrics = [{{ name = "cost", unit = "us" }}]
    pairs = 6
    warmup = 0

    [limits]
    time = "{time_s}s"
    memory = "128MiB"

    [trials]
    check_runs = 2
    pairs = 5

    [search]
    seed = 1
    verify_pairs = 6

    [budget]
    nodes = {nodes}

    """)


@dataclass
class Machine:
    """One user's machine: a project, a state folder of its own, and the `oppie` command."""

    folder: Path
    image: str
    client: docker.DockerClient

    def __post_init__(self) -> None:
        self.project = Project.make(self.folder / "project")
        (self.folder / "tmp").mkdir()

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def environment(self, **more: str) -> dict[str, str]:
        """The caller's, without settings of the caller's own; a benchmark lane that is ours alone."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not (name.startswith("OPPIE_") and name != "OPPIE_ENGINE") and name != "FORCE_COLOR"
        }
        ours = {
            "PYTHONPATH": str(ROOT),
            "OPPIE_STATE": str(self.state),
            "OPPIE_LANE_FOLDER": str(self.folder / "tmp"),
            "TMPDIR": str(self.folder / "tmp"),
        }
        return {**kept, **ours, **more}

    def oppie(
        self, *arguments: str | Path, stdin: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `oppie` to its end, in the project's folder."""
        return subprocess.run(
            [*OPPIE, *map(str, arguments)],
            cwd=self.project.folder,
            env=self.environment(**environment),
            input=stdin,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )

    def ok(self, *arguments: str | Path, stdin: bytes = b"") -> str:
        """What `oppie` prints. Fails the test unless it exits with 0."""
        done = self.oppie(*arguments, stdin=stdin)
        assert done.returncode == 0, said(done)
        return done.stdout.decode()

    def json(self, *arguments: str) -> dict[str, Any]:
        """The object that `oppie` prints."""
        found = json.loads(self.ok(*arguments, "--json"))
        assert isinstance(found, dict)
        return found

    @contextlib.contextmanager
    def started(self, *arguments: str, stdin: bytes = b"") -> Iterator[subprocess.Popen[bytes]]:
        """`oppie` in the background, in a process group of its own; killed at the end of the block."""
        with (self.folder / "output").open("ab") as output:
            process = subprocess.Popen(
                [*OPPIE, *arguments],
                cwd=self.project.folder,
                env=self.environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        assert process.stdin
        with process:
            process.stdin.write(stdin)
            process.stdin.close()
            try:
                yield process
            finally:
                process.kill()

    @property
    def output(self) -> str:
        """What all that was ``started`` has printed."""
        return (self.folder / "output").read_text(errors="replace")

    def runs(self) -> tuple[RunView, ...]:
        """The runs in the journal; none where there is no journal."""
        if not (self.state / "journal.db").exists():
            return ()
        with Store.read(self.state / "journal.db") as store:
            return store.runs()

    def view(self) -> RunView:
        """The latest run with its nodes, as the journal has it."""
        with Store.read(self.state / "journal.db") as store:
            return store.run()

    def place(self, name: str) -> Path:
        """Something in the latest run's folder."""
        return self.state / "runs" / self.runs()[0].run_id / name

    def event_lines(self) -> list[str]:
        """The whole lines of all runs' event logs."""
        logs = sorted(self.state.glob("runs/*/events.jsonl"))
        text = "".join(log.read_text(encoding="utf-8") for log in logs)
        return text[: text.rfind("\n") + 1].splitlines()

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """The events that were logged, or those of one name."""
        found = [json.loads(line) for line in self.event_lines()]
        return [event for event in found if not name or event["event"] == name]

    def snapshots(self) -> dict[str, str]:
        """The node of each image on the engine that is of one of this machine's runs."""
        return {
            name: image["Labels"].get(spec.NODE, "")
            for image in self._labelled(self.client.api.images(all=True, filters=_LABELLED))
            for name in _tags(image) or [image["Id"]]
        }

    def containers(self) -> list[str]:
        """The containers on the engine, running or not, that are of one of this machine's runs."""
        found = self._labelled(self.client.api.containers(all=True, filters=_LABELLED))
        return [entry["Names"][0].lstrip("/") for entry in found]

    def networks(self) -> list[str]:
        """The networks on the engine that are of one of this machine's runs."""
        return [
            entry["Name"] for entry in self._labelled(self.client.api.networks(filters=_LABELLED))
        ]

    def _labelled(self, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        known = {path.name for path in self.state.glob("runs/*")}
        return [entry for entry in found if entry["Labels"][spec.RUN] in known]

    def clean(self) -> None:
        """Take everything of this machine's runs off the engine."""
        for name in self.containers():
            self.client.api.remove_container(name, force=True, v=True)
        nodes = self.snapshots()
        for name in sorted(nodes, key=lambda name: -nodes[name].count(".")):
            self.client.api.remove_image(name, force=True, noprune=True)


def _tags(image: dict[str, Any]) -> list[str]:
    """An image's tags; older engines say "<none>:<none>" of one that only others are built on."""
    return [tag for tag in image["RepoTags"] or () if tag != "<none>:<none>"]


@dataclass(frozen=True)
class Finished:
    """A machine on which a run has found an improvement, what `oppie run` said, and the branch
    and files of the project as they had been before."""

    machine: Machine
    done: subprocess.CompletedProcess[bytes]
    before: str


class Terminal:
    """`oppie` on a terminal of its own, with a person before it."""

    def __init__(self, machine: Machine, *arguments: str) -> None:
        self.screen = b""
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [*OPPIE, *arguments],
            cwd=machine.project.folder,
            env=machine.environment(TERM="xterm", COLUMNS="100", LINES="30"),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a signal
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def type(self, keys: bytes) -> None:
        """Press keys, one after another."""
        os.write(self._ours, keys)

    def wait_for(self, words: bytes) -> None:
        """Watch the screen until it shows ``words`` that weren't there before this call."""
        begin = len(self.screen)
        while words not in self.screen[begin:]:
            assert self._read(), f"{words!r} never came: {self.screen!r}"

    def exit_code(self) -> int:
        """Watch the screen until the end, and how that was."""
        while self._read():
            pass
        return self._process.wait(LIMIT_S)

    def _read(self) -> bool:
        readable, _, _ = select.select([self._ours], [], [], LIMIT_S)
        assert readable, f"nothing happens any more: {self.screen!r}"
        try:
            data = os.read(self._ours, 1 << 16)
        except OSError:  # the last one who had the terminal open has gone
            return False
        self.screen += data
        return bool(data)


_LABELLED = {"label": [spec.RUN]}


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """How a command ended, for a test's failure message."""
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    return f"exit {done.returncode}:\n{text}"

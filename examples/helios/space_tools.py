"""Catalogue states on the host: built with git, tested with pytest, timed with the benchmark."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from runner.agents.script import script
from runner.model import Action

OBJECTIVE = "vst_commit_us"
METRICS = (OBJECTIVE, "io_bytes_per_commit", "io_reduction_pct", "peak_mem_kb")
TARGET = ("helios", "tests", "bench.py", ".gitignore")
PROTECTED = ("tests/", "bench.py")
TIMEOUT_S = 60.0

# Runs the benchmark and prints the package's files that functions were called of.
TRACER = """
import runpy, sys
called = set()
def note(frame, event, argument):
    if event == "call" and not frame.f_code.co_name.startswith("<"):
        called.add(frame.f_code.co_filename)
sys.setprofile(note)
runpy.run_path("bench.py", run_name="__main__")
sys.setprofile(None)
print(*called, sep="\\n")
"""


class Workshop:
    """A scratch repository in which states are built; one commit for each."""

    def __init__(self, target: Path, scratch: Path) -> None:
        self._bench = scratch / "bench"
        self._folders = scratch / "states"
        self._bench.mkdir()
        self._folders.mkdir()
        for name in TARGET:
            source = target / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, self._bench / name, ignore=ignored)
            else:
                shutil.copy(source, self._bench / name)
        self._git("init", "-q")
        self.root = self._commit()

    def apply(self, parent: str, action: Action) -> str | None:
        """The commit after an action, or ``None`` if it fails. Without an effect, it is the
        parent itself."""
        self._git("reset", "-q", "--hard", parent)
        self._git("clean", "-q", "-fdx")
        done = subprocess.run(
            ["sh", "-s"], cwd=self._bench, input=script([action]), capture_output=True
        )
        if done.returncode != 0:
            return None
        if not self._git("status", "--porcelain"):
            return parent
        return self._commit()

    def build(self, actions: Iterable[Action]) -> str | None:
        """The commit after several actions, or ``None`` if one fails."""
        commit: str | None = self.root
        for action in actions:
            commit = commit and self.apply(commit, action)
        return commit

    def touched(self, commit: str) -> set[str]:
        """The paths that differ from the root's."""
        return set(self._git("diff", "--name-only", self.root, commit).splitlines())

    def tree(self, commit: str) -> str:
        """The id of a commit's source tree."""
        return self._git("rev-parse", f"{commit}^{{tree}}")

    def folder(self, commit: str) -> Path:
        """A folder with the files of a commit."""
        folder = self._folders / self.tree(commit)
        if not folder.exists():
            folder.mkdir()
            archive = subprocess.run(
                ["git", "archive", commit], cwd=self._bench, capture_output=True, check=True
            )
            subprocess.run(["tar", "x"], cwd=folder, input=archive.stdout, check=True)
        return folder

    def _commit(self) -> str:
        self._git("add", "-A")
        who = ("-c", "user.name=helios", "-c", "user.email=helios@localhost")
        self._git(*who, "commit", "-q", "--allow-empty", "-m", "state")
        return self._git("rev-parse", "HEAD")

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self._bench,
            env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for everything that is built, and for what that writes: in memory where the
    system has a place for it, as in the sandbox, since no disk is to be measured."""
    memory = Path("/dev/shm")
    before = os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as scratch:
        os.environ["TMPDIR"] = scratch
        try:
            yield Path(scratch)
        finally:
            del os.environ["TMPDIR"]
            if before is not None:
                os.environ["TMPDIR"] = before


def tests_pass(folder: Path) -> bool:
    """Run the target's tests; a test run that hangs has failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def benchmark(folder: Path) -> float | None:
    """The objective in us; ``None`` unless each metric is printed exactly once."""
    done = subprocess.run(
        [sys.executable, "bench.py"], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    found = re.findall(r"^METRIC (\w+)=(\S+)", done.stdout, re.M)
    if done.returncode != 0 or sorted(name for name, _ in found) != sorted(METRICS):
        return None
    return float(dict(found)[OBJECTIVE])


def tampers(shop: Workshop, action: Action) -> bool:
    """Whether an action touches what is protected."""
    commit = shop.apply(shop.root, action)
    return commit is not None and any(path.startswith(PROTECTED) for path in shop.touched(commit))


def is_idle(shop: Workshop, action: Action) -> bool:
    """Whether an action can't matter to the benchmark in any state: it leaves the source as it
    is, or it touches only files of the package whose functions the benchmark doesn't call."""
    commit = shop.apply(shop.root, action)
    if commit is None:
        return False
    if commit == shop.root:
        return True
    touched = shop.touched(commit)
    if not all(path.startswith("helios/") for path in touched):
        return False
    before, after = (shop.folder(commit) for commit in (shop.root, commit))
    used = files_used(before) | files_used(after)
    return used.isdisjoint(touched) and tests_pass(after)


def files_used(folder: Path) -> set[str]:
    """The package's files, relative to ``folder``, that the benchmark calls functions of."""
    command = [sys.executable, "-c", TRACER]
    traced = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    paths = map(Path, traced.stdout.splitlines())
    return {str(path.relative_to(folder)) for path in paths if path.is_relative_to(folder)}

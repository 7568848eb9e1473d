"""What is run against an engine: the tests, as a process of their own, and what came of them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUITE_S = 1800.0

# The contract of sandboxes, and one search from the command to the branch.
CONTRACT = (
    "tests/contract/test_sandbox_steps.py",
    "tests/contract/test_sandbox_sessions.py",
    "tests/contract/test_sandbox_snapshots.py",
    "tests/contract/test_sandbox_adoption.py",
    "tests/contract/test_sandbox_doors.py",
)
SHORT = (*CONTRACT, "tests/engines/test_whole_run.py")
# And what an engine may do in its own way: limits, endings, layers; runs, killed and stopped.
FULL = (
    *SHORT,
    "tests/integration/test_sandbox_engine.py",
    "tests/integration/test_snapshots.py",
    "tests/integration/test_resume.py",
    "tests/integration/test_cli_run.py",
    "tests/integration/test_cli_stop.py",
    "tests/integration/test_cli_change.py",
)


@dataclass(frozen=True, slots=True)
class Count:
    """How the tests ended, and the names of those that did not pass."""

    passed: int
    failed: tuple[str, ...]
    skipped: tuple[str, ...]
    seconds: float


def paths(*, short: bool, runs: bool) -> tuple[str, ...]:
    """The tests of an engine; ``runs`` is false for one that searches are refused on."""
    if not runs:
        return CONTRACT
    return SHORT if short else FULL


def run(url: str, paths: tuple[str, ...]) -> Count:
    """Run tests against the engine at ``url``; their output is the caller's."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "--quiet", "-n", "3", "--dist", "loadfile"]
        subprocess.run(
            [*command, "-m", "engine", *paths, f"--junit-xml={report}", "-p", "no:cacheprovider"],
            cwd=ROOT,
            env={**os.environ, "DOCKER_HOST": url, "PYTHONPATH": str(ROOT)},
            timeout=SUITE_S,
            check=False,
        )
        if not report.is_file():
            return Count(0, ("pytest itself",), (), 0.0)
        return count(report)


def count(report: Path) -> Count:
    """What a report in JUnit's format says."""
    passed, seconds = 0, 0.0
    failed: list[str] = []
    skipped: list[str] = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        seconds += float(case.get("time", "0"))
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(name)
        elif case.find("skipped") is not None:
            skipped.append(name)
        else:
            passed += 1
    return Count(passed, tuple(failed), tuple(skipped), seconds)

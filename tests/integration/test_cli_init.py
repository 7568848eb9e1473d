"""`oppie init` in repositories of all sorts, and `oppie run` on what it wrote, on a real engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import Machine, said

from runner.model import Outcome, StopReason, Verdict

pytestmark = pytest.mark.engine

PYTEST = "from pathlib import Path\n\n\ndef test_it(): assert Path('cost').read_text().strip().isdigit()\n"
UNITTEST = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_it(self): pass\n"
BENCH = "print('METRIC cost=' + open('cost').read().strip())\n"
MAKEFILE = "PY = python3\ntest:\n\t$(PY) -m pytest -q tests\n"


def project(machine: Machine, name: str, files: dict[str, str], *, git: bool = True) -> Path:
    """A repository of these files beside the machine's own."""
    folder = machine.folder / name
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    if git:
        machine.project.git("-C", str(folder), "init", "-q")
        machine.project.git("-C", str(folder), "add", "-A")
        machine.project.git("-C", str(folder), "commit", "-q", "-m", "As it is")
    return folder


@pytest.mark.parametrize(
    ("name", "files", "git", "tests"),
    [
        ("pytest", {"cost": "9\n", "tests/test_a.py": PYTEST}, True, 1),
        ("unittest", {"tests/test_a.py": UNITTEST, "a.py": ""}, False, 1),
        (
            "größe mit leer",
            {"cost": "9\n", "tests/test_a.py": PYTEST, "Makefile": MAKEFILE},
            True,
            1,
        ),
    ],
)
def test_what_is_written_runs_as_it_is(
    machine: Machine, name: str, files: dict[str, str], git: bool, tests: int
) -> None:
    folder = project(machine, name, files, git=git)
    machine.ok("init", folder)
    done = machine.oppie("run", folder, "--plain", "--nodes", "1")
    assert done.returncode == 3, said(done)
    view = machine.view()
    assert view.stop is StopReason.EXHAUSTED
    assert [metric.name for metric in view.root_metrics] == ["wall_s"]
    assert view.root_metrics[0].value > 0
    assert f"{tests} test" in done.stdout.decode()


def test_an_action_is_tried_and_an_improvement_found(machine: Machine) -> None:
    files = {"cost": "60\n", "tests/test_a.py": PYTEST, "bench.py": BENCH}
    folder = project(machine, "with a benchmark", files)
    machine.ok("init", folder, "--action", "echo 6 > cost", "--action", "echo x > cost")
    done = machine.oppie("run", folder, "--plain", "--nodes", "2")
    assert done.returncode == 0, said(done)
    verified = machine.view().verified
    assert verified is not None
    assert verified.verdict is Verdict.IMPROVED
    failed = [node for node in machine.view().nodes if node.outcome is Outcome.FAILED]
    assert len(failed) == 1
    assert "test_it" in failed[0].reason


def test_a_command_that_changes_a_test_is_tampering(machine: Machine) -> None:
    files = {"cost": "60\n", "tests/test_a.py": PYTEST, "bench.py": BENCH}
    folder = project(machine, "cheated", files)
    machine.ok("init", folder, "--action", "echo > tests/test_a.py", "--action", "echo > bench.py")
    machine.oppie("run", folder, "--plain", "--nodes", "2")
    outcomes = [node.outcome for node in machine.view().nodes[1:]]
    assert outcomes == [Outcome.TAMPERED, Outcome.TAMPERED]

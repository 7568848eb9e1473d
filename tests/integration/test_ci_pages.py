"""The pages about continuous integration, with the real `oppie` on a real engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import docker
import pytest
from commands import OPPIE, WORSE, Machine
from pages import files_of

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def machine(
    client: docker.DockerClient, agent_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """A project with the scripts of the GitHub page, and `oppie` on the PATH of its runner."""
    machine = Machine(tmp_path_factory.mktemp("ci") / "machine", agent_image, client)
    folder = machine.project.folder
    for name, text in files_of("ci-github.md").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    binaries = machine.folder / "bin"
    binaries.mkdir()
    (binaries / "oppie").write_text(f'#!/bin/sh\nexec {" ".join(OPPIE)} "$@"\n')
    (binaries / "oppie").chmod(0o755)
    machine.project.git("config", "user.name", "A User")
    machine.project.git("config", "user.email", "user@example.org")
    machine.project.write_task(agent_image, WORSE, nodes=3)
    yield machine
    machine.clean()


def run(machine: Machine, command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A step of a job, as its runner does it."""
    path = f"{machine.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-e", "-c", command],
        cwd=machine.project.folder,
        env=machine.environment(PATH=path, **more),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def steps(page: str, file: str) -> list[str]:
    """The shell commands of a workflow that call `oppie` or the scripts."""
    text = files_of(page)[file]
    return re.findall(r"^\s*(?:- )?(?:run: )?((?:oppie |sh \.ci/).*)$", text, re.M)


def reports(machine: Machine) -> Path:
    return machine.project.folder / "oppie-reports"


def test_the_workflow_of_github(machine: Machine, tmp_path: Path) -> None:
    commands = steps("ci-github.md", ".github/workflows/oppie.yml")
    assert any("doctor" in each for each in commands) and any("search" in each for each in commands)
    summary = tmp_path / "summary.md"
    for command in commands:
        done = run(machine, command, GITHUB_STEP_SUMMARY=str(summary))
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert "better" in summary.read_text()
    suites = ElementTree.parse(reports(machine) / "junit.xml").getroot()
    assert suites.get("failures") == "0"
    sarif = json.loads((reports(machine) / "oppie.sarif").read_text())
    assert sarif["version"] == "2.1.0"


def test_the_job_of_gitlab(machine: Machine) -> None:
    commands = steps("ci-gitlab.md", ".gitlab-ci.yml")
    assert [each.split()[0] for each in commands] == ["oppie", "sh"]
    for command in commands:
        done = run(machine, command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert (reports(machine) / "summary.md").stat().st_size < 900 << 10


def test_a_proposal_of_what_was_verified(machine: Machine) -> None:
    remote = machine.folder / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", str(remote)], check=True)
    machine.project.git("remote", "add", "origin", str(remote))
    done = run(machine, "sh .ci/propose")
    assert done.returncode == 0, (done.stdout, done.stderr)
    pushed = subprocess.run(
        ["git", f"--git-dir={remote}", "branch", "--list"], capture_output=True, text=True, check=True
    )
    assert "oppie/" in pushed.stdout
    folder = machine.project.folder
    assert "cost" in (folder / "title.txt").read_text()
    assert "95 % interval" in (folder / "body.md").read_text()

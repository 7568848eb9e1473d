"""Machines with the `oppie` command on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from commands import CHEAT, NOTHING, SPOIL, WORSE, Finished, Machine, said


@pytest.fixture
def new_machine(
    client: docker.DockerClient, agent_image: str, tmp_path: Path
) -> Iterator[Callable[[str], Machine]]:
    """Makes machines by name; what their runs left on the engine is removed in the end."""
    made: list[Machine] = []

    def make(name: str) -> Machine:
        made.append(Machine(tmp_path / name, agent_image, client))
        return made[-1]

    yield make
    for machine in made:
        machine.clean()


@pytest.fixture
def machine(new_machine: Callable[[str], Machine]) -> Machine:
    """One machine on which nothing has run yet."""
    return new_machine("machine")


@pytest.fixture(scope="session")
def finished(
    client: docker.DockerClient, agent_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Finished]:
    """A run that is over; for tests that change neither it nor the project."""
    machine = Machine(tmp_path_factory.mktemp("finished") / "machine", agent_image, client)
    machine.project.write_task(agent_image, NOTHING, WORSE, SPOIL, CHEAT)
    before = machine.project.git("rev-parse", "HEAD", "HEAD^{tree}")
    done = machine.oppie("run", "--plain", "--workers", "2")
    assert done.returncode == 0, said(done)
    yield Finished(machine, done, before)
    machine.clean()

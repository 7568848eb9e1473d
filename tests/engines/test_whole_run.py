"""One search on an engine, from the command to the branch, killed on the way and resumed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from commands import NOTHING, SPOIL, WORSE, Machine, said
from worlds import wait_for

from runner.model import Decision

pytestmark = pytest.mark.engine


@pytest.fixture
def machine(client: docker.DockerClient, agent_image: str, tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "machine", agent_image, client)
    yield machine
    machine.clean()


def test_a_search_that_is_killed_and_resumed_finds_the_best(machine: Machine) -> None:
    machine.project.write_task(machine.image, NOTHING, WORSE, SPOIL, nodes=8)
    with machine.started("run", "--plain", "--workers", "2") as planner:
        wait_for(lambda: len(machine.event_lines()) >= 14 or planner.poll(), "events", 60)
        planner.kill()
        assert planner.wait() < 0, machine.output
    done = machine.oppie("resume", "--plain", "--workers", "2")
    assert done.returncode == 0, said(done)

    view = machine.view()
    assert view.verified is not None and view.verified.measurement is not None
    assert view.verified.measurement.metrics[0].value == 6 + 3 + 9
    changed = machine.project.git("diff", "--name-only", "HEAD", f"oppie/{view.run_id}")
    assert changed.split() == ["app/costs/a", "app/costs/b"]
    assert view.evaluations == 8
    assert (machine.containers(), machine.networks()) == ([], [])
    kept = ["A", *(node.label for node in view.nodes[1:] if node.decision is Decision.COMMIT)]
    assert sorted(machine.snapshots().values()) == sorted(kept)

    machine.ok("gc", "--keep", "0")
    assert machine.snapshots() == {}

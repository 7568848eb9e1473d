"""The commands that change something: the user's repository, and what is on the engine."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from commands import Machine, said

from runner.sandbox import spec

pytestmark = pytest.mark.engine

CHEAPER = ("cheaper", "echo 6 > costs/a")
WORSE = ("worse", "echo 900 > costs/c")


@pytest.fixture(scope="module")
def machine(
    client: docker.DockerClient, agent_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """A machine with one finished run: the node A.1 or A.2 is an improvement, the other isn't."""
    machine = Machine(tmp_path_factory.mktemp("change") / "machine", agent_image, client)
    machine.project.write_task(agent_image, CHEAPER, WORSE, catalogue=False, nodes=2)
    done = machine.oppie("run", "--quiet", "--workers", "1")
    assert done.returncode == 0, said(done)
    yield machine
    machine.clean()


def node(machine: Machine, action: str) -> str:
    return next(node.label for node in machine.view().nodes if node.actions == (action,))


# -- apply -----------------------------------------------------------------------------------------


def test_apply_refuses_a_dirty_tree_and_then_puts_the_change_on_a_branch(machine: Machine) -> None:
    project, run_id = machine.project, machine.view().run_id
    before = project.git("rev-parse", "HEAD")
    (project.folder / "app/state").write_text("whole, and mine\n")
    refused = machine.oppie("apply", "best")
    assert refused.returncode == 2
    assert b"has uncommitted changes (app/state); commit or stash them first" in refused.stderr
    assert project.git("branch", "--show-current") == "main\n"
    project.git("checkout", "-q", "app/state")

    told = machine.ok("apply", "best")
    label = node(machine, "cheaper")
    assert told == f"{label} of run {run_id} is on branch oppie/{run_id}\n"
    assert project.git("branch", "--show-current") == f"oppie/{run_id}\n"
    assert (project.folder / "app/costs/a").read_text() == "6\n"
    assert project.git("status", "--porcelain") == ""
    assert project.git("rev-parse", "HEAD^") == before
    assert project.git("log", "-1", "--format=%s") == "tiny: cheaper\n"


def test_a_discarded_node_goes_onto_a_branch_too(machine: Machine) -> None:
    project, label = machine.project, node(machine, "worse")
    project.git("checkout", "-q", "main")
    machine.ok("apply", label, "--branch", "try/worse")
    assert project.git("branch", "--show-current") == "try/worse\n"
    assert (project.folder / "app/costs/c").read_text() == "900\n"
    project.git("checkout", "-q", "main")
    taken = machine.oppie("apply", node(machine, "cheaper"), "--branch", "try/worse")
    assert taken.returncode == 2
    assert b"branch 'try/worse' exists" in taken.stderr
    for wrong in ("bad..name", "-x"):
        done = machine.oppie("apply", label, f"--branch={wrong}")
        assert done.returncode == 2 and b"git does not allow this name" in done.stderr, said(done)


# -- gc --------------------------------------------------------------------------------------------


@pytest.fixture
def foreign(client: docker.DockerClient, agent_image: str) -> Iterator[set[str]]:
    """Images and a container that are not of the machine's runs: they must stay."""
    api, mark = client.api, f"test-{secrets.token_hex(4)}"
    labels = {spec.RUN: mark, spec.KIND: spec.KIND_SNAPSHOT, spec.NODE: "A"}
    name = f"oppie-{mark}-A.1-1-act"
    api.create_container(agent_image, ["true"], name=name, labels=labels)
    plain = api.create_container(agent_image, ["true"])["Id"]
    api.commit(name, f"oppie/{mark}", "A")
    api.commit(plain, "oppie/not-ours", mark)
    yield {name, f"oppie/{mark}:A", f"oppie/not-ours:{mark}"}
    for container in (name, plain):
        api.remove_container(container)
    for image in (f"oppie/{mark}:A", f"oppie/not-ours:{mark}"):
        api.remove_image(image, noprune=True)


def test_an_evicted_run_has_its_root_and_the_rest_when_it_is_asked_for(machine: Machine) -> None:
    before = machine.snapshots()
    inside = b"cat costs/*; test -e ready && echo set up\n"
    was = machine.ok("shell", "best", stdin=inside)
    planned = machine.json("gc", "--evict", "--keep-runs", "0", "--dry-run")
    done = machine.json("gc", "--evict", "--keep-runs", "0")
    assert done == planned | {"dry_run": False}
    assert list(machine.snapshots().values()) == ["A"] and len(before) > 1
    assert {each["name"] for each in done["removed"]} == before.keys() - machine.snapshots().keys()
    again = machine.oppie("shell", "best", stdin=inside)
    assert again.returncode == 0 and again.stdout.decode() == was, said(again)
    assert b"is rebuilt from A" in again.stderr
    assert machine.containers() == []
    machine.ok("shell", "best", stdin=b"true\n")
    for wrong in ("--evict", "--keep-best", "--keep-frontier"):
        assert machine.oppie("gc", "--evidence", wrong).returncode == 2


def test_gc_removes_what_it_said_and_nothing_else(
    machine: Machine, client: docker.DockerClient, foreign: set[str], tmp_path: Path
) -> None:
    run_id = machine.view().run_id
    dead = _leave_a_container(machine, client, run_id)
    ours = {dead, *machine.snapshots()}
    assert _leftovers_status(machine) == "warning"

    planned = machine.json("gc", "--keep", "0", "--dry-run")
    assert {each["name"] for each in planned["removed"]} == ours
    assert {each["run_id"] for each in planned["removed"]} == {run_id}
    assert {dead, *machine.snapshots()} == ours

    # Of the latest run, snapshots stay; a container that nobody uses doesn't.
    assert machine.ok("gc") == f"removed container {dead}\nremoved 1 objects of 0 runs\n"
    assert _leftovers_status(machine) == "ok"
    assert {dead, *machine.snapshots()} == ours
    told = machine.ok("gc", "--keep", "0").splitlines()
    images = [each for each in planned["removed"] if each["name"] != dead]
    wanted = [f"removed {each['kind']} {each['name']}" for each in images]
    assert told == [*wanted, f"removed {len(images)} objects of 1 runs"]
    assert (machine.containers(), machine.snapshots()) == ([], {})
    assert foreign <= _names(client)

    _assert_evidence_is_there(machine, tmp_path)
    lost = machine.oppie("shell", "best", stdin=b"true\n")
    assert lost.returncode == 5, said(lost)
    assert lost.stderr.count(b"\n") == 1 and b"nothing is left to rebuild it from" in lost.stderr

    machine.ok("gc", "--keep", "0", "--evidence")
    assert machine.json("runs")["runs"] == []
    assert not list(machine.state.glob("runs/*"))
    assert foreign <= _names(client)


def _leave_a_container(machine: Machine, client: docker.DockerClient, run_id: str) -> str:
    """What a planner that was killed may leave: a container that nobody will ask for."""
    name = f"oppie-{run_id}-A.9-1-act"
    labels = spec.step_labels(run_id, spec.KIND_STEP, "A.9-1")
    client.api.create_container(machine.image, ["true"], name=name, labels=labels)
    return name


def _leftovers_status(machine: Machine) -> str:
    findings = {each["name"]: each["status"] for each in machine.json("doctor")["findings"]}
    return str(findings["leftovers"])


def _assert_evidence_is_there(machine: Machine, folder: Path) -> None:
    assert "+6\n" in machine.ok("diff", "best")
    machine.ok("checkout", node(machine, "worse"), folder / "out")
    assert (folder / "out/costs/c").read_text() == "900\n"


def _names(client: docker.DockerClient) -> set[str]:
    """All containers and image tags on the engine."""
    names = {entry["Names"][0].lstrip("/") for entry in client.api.containers(all=True)}
    return names | {tag for image in client.api.images() for tag in image["RepoTags"] or ()}

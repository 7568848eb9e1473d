"""`oppie doctor --repair`: what crashes, and people, have left of a real run is put right."""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from commands import NOTHING, WORSE, Machine, said

from runner.sandbox import spec
from runner.sandbox.protocol import SHELL
from runner.sandbox.snapshots import tag_of

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class Wreck:
    """A machine on which a run has ended, and what has been done to what it left."""

    machine: Machine
    run_id: str
    kept: frozenset[str]  # containers and images that must stay
    image: str  # the digest of A's snapshot

    @property
    def attempts(self) -> Path:
        return self.machine.state / "runs" / self.run_id / "attempts"

    def git(self, *arguments: str) -> str:
        where = f"--git-dir={self.machine.state / 'evidence.git'}"
        done = subprocess.run(
            ["git", where, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def ref(self, label: str) -> str:
        return f"refs/oppie/{self.run_id}/{label}"


@pytest.fixture
def wreck(machine: Machine, client: docker.DockerClient, agent_image: str) -> Iterator[Wreck]:
    machine.project.write_task(agent_image, NOTHING, WORSE, catalogue=False, nodes=2)
    done = machine.oppie("run", "--quiet", "--workers", "2")
    assert done.returncode == 4, said(done)
    run_id, api = machine.view().run_id, client.api
    foreign = f"test-{secrets.token_hex(4)}"
    made = [
        _container(client, agent_image, run_id, "A.9-1", spec.KIND_STEP),
        _container(client, agent_image, run_id, "A.1-1", spec.KIND_SESSION),
        _container(client, agent_image, run_id, "", spec.KIND_PAUSE),
    ]
    shell = _container(client, agent_image, run_id, SHELL, spec.KIND_STEP, start=True)
    theirs = _container(client, agent_image, foreign, "A.9-1", spec.KIND_STEP)
    own = f"oppie-test/own:{secrets.token_hex(4)}"  # somebody's, built on a snapshot
    digest = api.inspect_image(tag_of(run_id, "A"))["Id"]
    with_shell = api.create_container(tag_of(run_id, "A"), ["true"])["Id"]
    api.commit(with_shell, *own.split(":"))
    api.remove_container(with_shell)
    api.tag(agent_image, f"oppie/{run_id}", "A", force=True)  # somebody has moved the root's tag
    yield Wreck(machine, run_id, frozenset({shell, theirs, own}), digest)
    for name in (*made, shell, theirs):
        _remove(client, name)
    api.remove_image(own, noprune=True)


def _container(
    client: docker.DockerClient, image: str, run_id: str, attempt: str, kind: str, start: bool = False
) -> str:
    name = f"oppie-{run_id}-{attempt}-{secrets.token_hex(3)}"
    labels = spec.step_labels(run_id, kind, attempt)
    client.api.create_container(image, ["sleep", "300"], name=name, labels=labels)
    if start:
        client.api.start(name)
    return name


def _remove(client: docker.DockerClient, name: str) -> None:
    with contextlib.suppress(docker.errors.NotFound):
        client.api.remove_container(name, force=True)


def _spoil_the_state_folder(wreck: Wreck) -> str:
    """What a crash, a power cut or a person can do there; the commit of A.2's sources."""
    commit = wreck.git("rev-parse", wreck.ref("A.2"))
    wreck.git("update-ref", "-d", wreck.ref("A.2"))
    wreck.git("update-ref", wreck.ref("A.9"), commit)
    wreck.git("update-ref", wreck.ref("notes"), commit)
    lock = wreck.machine.state / "evidence.git" / f"{wreck.ref('A.1')}.lock"
    lock.touch()
    (wreck.attempts / "A.9-1").mkdir()
    (wreck.attempts / "A.9-1" / "result.json").write_text("{}")
    (wreck.attempts / "A.1-1" / "result.tmp").write_text('{"hal')
    with sqlite3.connect(wreck.machine.state / "journal.db") as connection:
        connection.execute("UPDATE runs SET status = 'running'")
        connection.execute("UPDATE nodes SET visits = visits + 1")
    connection.close()
    return commit


def _repair(machine: Machine, *more: str) -> dict[str, dict[str, Any]]:
    done = machine.oppie("doctor", "--repair", "--json", *more)
    assert done.returncode == 0, said(done)
    listed = json.loads(done.stdout)["repairs"]
    return {each["name"]: each for each in listed if each["fate"] != "foreign"}


def test_what_is_broken_is_put_right_and_nothing_else_is_touched(
    wreck: Wreck, client: docker.DockerClient
) -> None:
    machine, run_id = wreck.machine, wreck.run_id
    commit = _spoil_the_state_folder(wreck)
    planned = _repair(machine, "--dry-run")
    assert len(machine.containers()) == 4
    assert (wreck.attempts / "A.1-1" / "result.tmp").exists()
    done = _repair(machine)
    # A dry run doesn't open the journal for writing, which is what takes the run over.
    taken_over = done.pop(run_id)
    assert (taken_over["thing"], taken_over["fate"]) == ("run", "adopt")
    assert done == planned

    fates = [(each["thing"], each["fate"]) for each in done.values()]
    assert fates.count(("container", "kill")) == 3
    assert done[f"oppie/{run_id}:A"]["fate"] == "reset"
    assert done[wreck.ref("A.9")]["fate"] == "kill"
    assert done[wreck.ref("A.2")]["fate"] == "reset"
    assert done[str(wreck.attempts / "A.9-1")]["did"] == "moved aside"
    assert done[str(wreck.attempts / "A.1-1" / "result.tmp")]["did"] == "removed"

    assert client.api.inspect_image(f"oppie/{run_id}:A")["Id"] == wreck.image
    assert wreck.git("rev-parse", wreck.ref("A.2")) == commit
    refs = wreck.git("for-each-ref", "--format=%(refname)").splitlines()
    assert wreck.ref("notes") in refs
    assert wreck.ref("A.9") not in refs
    wreck.git("update-ref", wreck.ref("A.1"), commit)  # nothing locks it any more
    assert (wreck.attempts.parent / "unexplained" / "A.9-1" / "result.json").exists()
    assert [node.visits for node in machine.view().nodes] == [2, 1, 1]
    assert machine.json("runs")["runs"][0]["status"] == "interrupted"
    for name in wreck.kept:
        known = name in _everything(client)
        assert known, f"{name} was somebody else's"
    wreck.git("update-ref", wreck.ref("A.1"), machine.view().nodes[1].commit)
    assert _repair(machine) == {}


def _everything(client: docker.DockerClient) -> set[str]:
    containers = client.api.containers(all=True)
    images = client.api.images()
    return {name.lstrip("/") for each in containers for name in each["Names"]} | {
        tag for each in images for tag in each["RepoTags"] or ()
    }


def test_a_planner_at_work_is_named_and_nothing_is_repaired(
    machine: Machine, agent_image: str
) -> None:
    machine.project.write_task(agent_image, ("nap", "sleep 60"), catalogue=False, nodes=1)
    with machine.started("run", "--plain", "--workers", "1") as planner:
        while not machine.events("mcts.node.selected"):
            assert planner.poll() is None, machine.output
        refused = machine.oppie("doctor", "--repair")
        assert refused.returncode == 2, said(refused)
        assert f"is in use by run {machine.view().run_id} (pid {planner.pid} on".encode() in (
            refused.stderr
        )
        planned = machine.oppie("doctor", "--repair", "--dry-run")
        assert planned.returncode == 0, said(planned)
        assert b"0 objects would be put right" in planned.stdout
        planner.terminate()
        assert planner.wait(60) == 130


def test_where_nothing_has_run_there_is_nothing_to_repair(machine: Machine) -> None:
    assert _repair(machine) == {}
    assert not (machine.state / "journal.db").exists()
    done = machine.oppie("doctor", "--dry-run")
    assert (done.returncode, b"goes with --repair" in done.stderr) == (2, True)

"""The gate on a real engine: `oppie verify`, `merge` and `merge-best`."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest
from commands import WORSE, Machine, said

from runner.model import Outcome, Verdict

pytestmark = pytest.mark.engine

MORE = '[search.thresholds]\nrejected_below = -0.5\n'


@pytest.fixture(scope="module")
def machine(
    client: docker.DockerClient, agent_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """A machine with a finished run: two patches that gain in files of their own, and a loss."""
    machine = Machine(tmp_path_factory.mktemp("gate") / "machine", agent_image, client)
    machine.project.write_task(agent_image, WORSE, nodes=3)
    machine.project.git("config", "user.name", "A User")
    machine.project.git("config", "user.email", "user@example.org")
    done = machine.oppie("run", "--quiet", "--workers", "1", "--policy", "ucb1")
    assert done.returncode == 0, said(done)
    yield machine
    machine.clean()


def label(machine: Machine, action: str) -> str:
    return next(node.label for node in machine.view().nodes if node.actions == (action,))


def test_verify_tells_better_from_worse_by_its_exit_code(machine: Machine) -> None:
    told = machine.ok("verify", label(machine, "cheap-a"), "--quiet")
    assert f"{label(machine, 'cheap-a')}: improved, cost +" in told
    done = machine.oppie("verify", label(machine, "worse"), "--quiet")
    assert done.returncode == 3, said(done)
    assert b": worse, cost -" in done.stdout
    verdicts = [found.verdict for found in machine.view().verifications[-2:]]
    assert verdicts == [Verdict.IMPROVED, Verdict.WORSE]
    unknown = machine.oppie("verify", "A.77")
    assert unknown.returncode == 2 and b"has no node 'A.77'" in unknown.stderr


def test_merge_judges_the_branch_as_it_is_now_and_brings_the_work_tree_along(
    machine: Machine,
) -> None:
    project = machine.project
    project.git("checkout", "-q", "-b", "feature")
    (project.folder / "app/costs/d").write_text("100\n")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "One more cost")
    told = machine.ok("merge", label(machine, "cheap-b"), "--quiet")
    assert "is merged into feature as" in told
    assert (project.folder / "app/costs/b").read_text() == "3\n"
    assert project.git("status", "--porcelain") == ""
    assert len(project.git("log", "-1", "--format=%P").split()) == 2
    body = project.git("log", "-1", "--format=%B")
    assert "cost: 199 us -> 172 us" in body and "95 % interval" in body
    again = machine.oppie("merge", label(machine, "cheap-b"), "--quiet")
    assert again.returncode == 2 and b"has the change of" in again.stderr
    project.git("checkout", "-q", "main")


def test_a_conflict_is_rejected_and_nothing_changes(machine: Machine) -> None:
    project = machine.project
    project.git("checkout", "-q", "-b", "conflict")
    (project.folder / "app/costs/b").write_text("31\n")
    project.git("commit", "-q", "-a", "-m", "The same line")
    before = project.git("rev-parse", "HEAD")
    done = machine.oppie("merge", label(machine, "cheap-b"), "--quiet")
    assert done.returncode == 3, said(done)
    assert b"is rejected" in done.stderr and b"app/costs/b" in done.stderr
    assert project.git("rev-parse", "HEAD") == before
    assert project.git("status", "--porcelain") == ""
    project.git("checkout", "-q", "main")


def test_a_red_check_is_rejected_with_its_log(machine: Machine) -> None:
    project = machine.project
    project.git("checkout", "-q", "-b", "red")
    (project.folder / "app/state").write_text("broken\n")
    project.git("commit", "-q", "-a", "-m", "Broken")
    done = machine.oppie("merge", label(machine, "cheap-b"), "--quiet")
    assert done.returncode == 3, said(done)
    assert b"the branch itself, before the merge: check whole" in done.stderr
    assert b"The full output is in" in done.stderr
    project.git("checkout", "-q", "main")


def test_the_best_parts_together_become_a_node_and_land(machine: Machine) -> None:
    project = machine.project
    project.git("checkout", "-q", "-b", "both")
    told = machine.ok("merge-best", "--into", "both", "--quiet")
    assert "kept: the best by itself" in told
    node = next(n for n in machine.view().nodes if n.actions and n.actions[0].startswith("merge:"))
    assert (node.outcome, node.files_changed) == (Outcome.IMPROVED, 1)
    assert machine.view().verified is not None
    assert machine.view().verified.label == node.label  # type: ignore[union-attr]
    assert (project.folder / "app/costs/a").read_text() == "6\n"
    assert (project.folder / "app/costs/b").read_text() == "3\n"
    assert node.label in machine.ok("tree")
    assert machine.containers() == []
    project.git("checkout", "-q", "main")

"""Work is never thrown away with its folder; and what was let go of is gone."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from worlds import LOCAL_KINDS

from runner.errors import Cancelled, EngineError
from runner.evidence.git import Git
from runner.model import Limits, SandboxKind
from runner.sandbox.local import LocalHoldings, LocalSandbox, open_local
from runner.sandbox.local.container import LocalContainer
from runner.sandbox.protocol import Leftovers, Step

LIMITS = Limits(time_s=20.0)
LEFT = "refs/oppie-left/r1/oppie-r1-act"


@pytest.fixture(params=LOCAL_KINDS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "kind").write_text(request.param)
    return tmp_path


def opened(folder: Path, run_id: str = "r1") -> LocalSandbox:
    return open_local(SandboxKind((folder / "kind").read_text()), folder / "local", run_id)


def acted(
    sandbox: LocalSandbox, folder: Path, script: str = "echo mine >work", name: str = "act"
) -> str:
    step = Step(name, "A-1", sandbox.base(), ("sh", "-s"), LIMITS, stdin=script.encode())
    return sandbox.run(step, folder / f"{name}.log").container


def kept(folder: Path, ref: str = LEFT) -> bytes | None:
    done = Git(f"--git-dir={folder / 'local' / 'states.git'}").attempt(
        "cat-file", "blob", f"{ref}:workspace/work"
    )
    return done.stdout if done.returncode == 0 else None


def homes(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "local" / "containers").iterdir())


def test_who_is_done_with_a_step_removes_it(folder: Path) -> None:
    sandbox = opened(folder)
    sandbox.remove(acted(sandbox, folder))
    assert kept(folder) is None
    assert homes(folder) == []


def test_what_another_planner_left_is_kept_before_it_goes(folder: Path) -> None:
    container = acted(opened(folder), folder)
    opened(folder).remove(container)
    assert kept(folder) == b"mine\n"
    assert homes(folder) == []


def test_what_is_in_the_evidence_is_not_kept_twice(folder: Path) -> None:
    sandbox = opened(folder)
    container = acted(sandbox, folder)
    assert b"".join(sandbox.archive(container))
    opened(folder).remove(container)
    assert kept(folder) is None


def test_what_was_read_in_part_is_not_in_the_evidence(folder: Path) -> None:
    sandbox = opened(folder)
    container = acted(sandbox, folder, "echo mine >work; head -c 600000 /dev/zero >big")
    reading = sandbox.archive(container)
    next(reading)
    reading.close()
    opened(folder).remove(container)
    assert kept(folder) == b"mine\n"


def test_what_a_cancelled_step_did_is_kept(folder: Path) -> None:
    sandbox = opened(folder)
    sandbox._cancelled = (folder / "up").exists
    with pytest.raises(Cancelled):
        acted(sandbox, folder, f"echo mine >work; touch {folder / 'up'}; sleep 60")
    assert kept(folder) == b"mine\n"
    assert homes(folder) == []


def test_a_folder_that_nobody_knows_the_owner_of_stays(folder: Path) -> None:
    container = acted(opened(folder), folder)
    (folder / "local" / "containers" / container / "meta.json").unlink()
    (held,) = opened(folder).leftovers().held_containers
    assert held.name == container
    for door in (opened(folder), LocalHoldings(folder / "local")):
        with pytest.raises(EngineError, match="left as it is"):
            door.remove(container)
    work = folder / "local" / "containers" / container / "tree" / "workspace" / "work"
    assert work.read_text() == "mine\n"


def test_a_step_on_another_machine_is_seen_and_left_alone(folder: Path) -> None:
    container = LocalContainer(folder / "local" / "containers" / acted(opened(folder), folder))
    assert not container.runs_elsewhere
    (container.home / "where").write_text("another boot")
    assert not container.runs_elsewhere  # it has ended
    (container.home / "code").unlink()
    (container.home / "heartbeat").touch()
    assert container.runs_elsewhere
    (held,) = LocalHoldings(folder / "local").leftovers().held_containers
    assert held.running
    with pytest.raises(EngineError, match="another machine"):
        opened(folder).remove(container.home.name)
    old = time.time() - 60
    os.utime(container.home / "heartbeat", (old, old))
    assert not container.runs_elsewhere
    opened(folder).remove(container.home.name)
    assert kept(folder) == b"mine\n"


def test_only_a_sweep_lets_go_of_states_and_of_what_was_left(folder: Path) -> None:
    sandbox = opened(folder)
    container = acted(sandbox, folder)
    snapshot = sandbox.commit(container, "A", None, {"attempt": "A-1"})
    opened(folder).remove(container)
    sandbox.discard(snapshot.tag)
    assert sandbox.leftovers() == Leftovers()
    assert LocalHoldings(folder / "local").leftovers() == Leftovers()
    holdings = LocalHoldings(folder / "local", for_good=True)
    images = holdings.leftovers().held_images
    assert {(image.run_id, image.node, image.attempt_id) for image in images} == {
        ("r1", "A", "A-1"),
        ("r1", "", "A-1"),
    }
    for image in images:
        holdings.discard(image.names[0])
    holdings.close()
    assert holdings.leftovers() == Leftovers()
    assert kept(folder) is None


def test_what_is_put_right_loses_nothing(folder: Path) -> None:
    """`oppie doctor --repair` discards what no row explains."""
    sandbox = opened(folder)
    container = acted(sandbox, folder)
    snapshot = sandbox.commit(container, "A", None, {"attempt": "A-1"})
    sandbox.remove(container)
    holdings = LocalHoldings(folder / "local")
    assert holdings.leftovers().images == (snapshot.tag,)
    holdings.discard(snapshot.tag)
    holdings.close()
    assert holdings.leftovers() == Leftovers()
    (kept,) = LocalHoldings(folder / "local", for_good=True).leftovers().held_images
    assert kept.digest == snapshot.digest


def test_a_state_that_a_folder_is_made_of_is_not_let_go_of(folder: Path) -> None:
    sandbox = opened(folder)
    snapshot = sandbox.commit(acted(sandbox, folder), "A", None, {"attempt": "A-1"})
    step = Step("on-it", "A.1-1", snapshot.digest, ("true",), LIMITS)
    sandbox.run(step, folder / "on-it.log")
    with pytest.raises(EngineError, match="uses it"):
        LocalHoldings(folder / "local").discard(snapshot.tag)


def test_gits_own_list_of_worktrees_is_that_of_the_nodes_under_way(tmp_path: Path) -> None:
    (tmp_path / "kind").write_text(SandboxKind.WORKTREE)
    sandbox = opened(tmp_path)
    container = acted(sandbox, tmp_path)
    git = Git(f"--git-dir={tmp_path / 'local' / 'states.git'}")
    tree = tmp_path / "local" / "containers" / container / "tree"
    assert f"worktree {tree}\n" in git.run("worktree", "list", "--porcelain").decode()
    assert git.attempt("worktree", "remove", str(tree)).returncode != 0  # git won't, by itself
    sandbox.remove(container)
    assert str(tree) not in git.run("worktree", "list", "--porcelain").decode()


def test_git_shows_what_a_node_has_changed(tmp_path: Path) -> None:
    (tmp_path / "kind").write_text(SandboxKind.WORKTREE)
    sandbox = opened(tmp_path)
    script = "echo 1 >work; git init -q .; echo ignored >.gitignore; touch ignored"
    snapshot = sandbox.commit(acted(sandbox, tmp_path, script), "A", None, {"attempt": "A-1"})
    change = ("sh", "-c", "echo 2 >>work; rm ignored; touch new")
    result = sandbox.run(Step("on-it", "A.1-1", snapshot.digest, change, LIMITS), tmp_path / "log")
    tree = tmp_path / "local" / "containers" / result.container / "tree"
    said = Git("-C", str(tree)).run("status", "--porcelain", "--untracked-files=all").decode()
    assert said.splitlines() == [" D workspace/ignored", " M workspace/work", "?? workspace/new"]


def test_the_heart_of_a_step_beats_as_long_as_it_lives(folder: Path) -> None:
    container = acted(opened(folder), folder, "sleep 0.2")
    home = folder / "local" / "containers" / container
    assert (home / "heartbeat").exists() and (home / "code").exists()
    shutil.rmtree(home)

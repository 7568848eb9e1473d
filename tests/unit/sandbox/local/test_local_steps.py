"""What a step without an engine sees and may use, and what becomes of what gets away from it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from runner.model import Limits, SandboxKind
from runner.sandbox.local import LocalSandbox, open_local, place, promises, sandbox, shortcomings
from runner.sandbox.protocol import Exit, Step

LIMITS = Limits(time_s=20.0)
USER = {
    "PATH": "/opt/mine:/usr/bin:/bin",
    "LANG": "de_DE.UTF-8",
    "TZ": "Europe/Vienna",
    "API_KEY": "sk-secret",
    "HOME": "/home/mine",
    "GIT_DIR": "/home/mine/.git",
}


def opened(folder: Path) -> LocalSandbox:
    return open_local(SandboxKind.TEMPDIR, folder / "local", "r1", environment=USER)


def said(
    door: LocalSandbox, folder: Path, script: str, limits: Limits = LIMITS
) -> tuple[Exit, str]:
    step = Step("step", "A-1", door.base(), ("sh", "-s"), limits, stdin=script.encode())
    log = folder / "step.log"
    result = door.run(step, log)
    door.remove(result.container)
    log.with_suffix(".log.sent").unlink()
    return result.exit, log.read_text()


def test_a_step_has_a_small_environment_and_none_of_the_users_secrets(tmp_path: Path) -> None:
    _, words = said(opened(tmp_path), tmp_path, "env")
    found = dict(line.split("=", 1) for line in words.splitlines())
    assert found["PATH"] == USER["PATH"]
    assert (found["LANG"], found["TZ"]) == (USER["LANG"], USER["TZ"])
    assert not {"API_KEY", "GIT_DIR"} & {*found}
    assert Path(found["HOME"]).is_relative_to(tmp_path / "local")
    assert Path(found["TMPDIR"]).is_relative_to(tmp_path / "local")


def test_the_repository_of_the_states_is_out_of_reach_of_git(tmp_path: Path) -> None:
    door = open_local(SandboxKind.WORKTREE, tmp_path / "local", "r1")
    exit_, words = said(door, tmp_path, "git status 2>&1")
    assert exit_ is Exit.NONZERO
    assert "not a git repository" in words


@pytest.mark.parametrize("has_place", [True, False])
def test_the_path_of_the_workspace(
    tmp_path: Path, has_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the same for all, where the kernel lets a user have that."""
    if has_place and not place.is_possible():
        pytest.skip("no mount namespaces for this user")
    monkeypatch.setattr(sandbox, "is_possible", lambda: has_place)
    door = opened(tmp_path)
    exit_, words = said(door, tmp_path, 'pwd; echo "$HOME"; touch here "$HOME/there" "$TMPDIR/x"')
    assert exit_ is Exit.OK
    container = tmp_path / "local" / "containers" / door.container_of("step")
    tree = tmp_path / "local" / "node" if has_place else container / "tree"
    assert words.splitlines() == [str(tree / "workspace"), str(tree / "home")]


def test_a_virtual_environment_works_in_the_nodes_that_inherit_it(tmp_path: Path) -> None:
    """Programs in it name its path."""
    if not place.is_possible():
        pytest.skip("no mount namespaces for this user")
    door = opened(tmp_path)
    script = "printf '#!/bin/sh\\necho works\\n' >tool; chmod +x tool; echo \"#!$PWD/tool\" >main; chmod +x main"
    step = Step("one", "A-1", door.base(), ("sh", "-s"), LIMITS, stdin=script.encode())
    state = door.commit(
        door.run(step, tmp_path / "one.log").container, "A", None, {"attempt": "A-1"}
    )
    step = Step("two", "A.1-1", state.digest, ("sh", "-c", "./main"), LIMITS)
    assert door.run(step, tmp_path / "two.log").exit is Exit.OK
    assert (tmp_path / "two.log").read_text() == "works\n"


def test_what_made_itself_a_session_of_its_own_is_ended_as_well(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    script = f"setsid sh -c 'while date >{beat}; do sleep 0.05; done' & sleep 0.3"
    assert said(opened(tmp_path), tmp_path, script)[0] is Exit.OK
    before = beat.stat().st_mtime_ns
    time.sleep(0.3)
    assert beat.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("limits", "script", "words"),
    [
        ({"open_files": 64}, "ulimit -n", "64\n"),
        ({"memory_bytes": 256 << 20}, "ulimit -d", f"{256 << 10}\n"),
        ({"disk_bytes": 1 << 20}, "ulimit -f", f"{(2 << 20) // 512}\n"),
        ({}, "ulimit -c", "0\n"),
        ({"time_s": 3.0}, "ulimit -t", f"{3 * (os.cpu_count() or 1) + 1}\n"),
    ],
)
def test_the_kernel_holds_each_process_to_its_limits(
    tmp_path: Path, limits: dict[str, float], script: str, words: str
) -> None:
    assert said(opened(tmp_path), tmp_path, script, replace(LIMITS, **limits))[1] == words  # type: ignore[arg-type]


def test_memory_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    """Not killed, so that it is a failure, and no `oom`."""
    script = "head -c 300000000 /dev/zero | tail -c 290000000 | wc -c"
    few = replace(LIMITS, memory_bytes=64 << 20)
    _, words = said(opened(tmp_path), tmp_path, script, few)
    assert "290000000" not in words


def test_what_fills_its_home_hits_the_disk_limit(tmp_path: Path) -> None:
    few = replace(LIMITS, disk_bytes=1 << 20)
    for where in ("$HOME", "$TMPDIR"):
        exit_, _ = said(
            opened(tmp_path), tmp_path, f'head -c 1500000 /dev/zero >"{where}/big"', few
        )
        assert exit_ is Exit.DISK


@pytest.mark.parametrize("has_place", [True, False])
def test_what_is_said_of_all_this(has_place: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promises, "is_possible", lambda: has_place)
    lines = shortcomings()
    assert lines[0].startswith("No isolation: ")
    assert any("another path" in line for line in lines) is not has_place
    assert all(line.endswith(".") and "\n" not in line for line in lines)

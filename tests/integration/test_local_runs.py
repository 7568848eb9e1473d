"""Whole runs without an engine: in git worktrees, and in copies."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from worlds import LOCAL_KINDS, ROOT, wait_for

from runner.errors import ExitCode
from runner.model import Decision, Outcome, SandboxKind
from runner.sandbox.local import LocalHoldings, open_local
from runner.sandbox.logfile import sent_mark
from runner.sandbox.protocol import Leftovers
from runner.task import Task
from tests.crash.campaign import TEMPDIR_SCENES, WORKTREE_SCENES, Campaign, quick_folder
from tests.runs import ACTIONS, Bench, action, make_task

SLOW_S = 2.0


def at(kind: SandboxKind, folder: Path) -> Bench:
    (folder / "kind").write_text(kind)
    local = folder / "local"
    base = open_local(kind, local, "base").base()
    return Bench(
        folder, lambda run_id, slot, told: open_local(kind, local, run_id, slot, told), base
    )


@pytest.mark.parametrize("kind", LOCAL_KINDS)
def test_the_best_is_found_and_verified_and_all_can_be_let_go_of(
    kind: SandboxKind, tmp_path: Path
) -> None:
    bench = at(kind, tmp_path)
    task = make_task(bench.target, nodes=len(ACTIONS))
    _, finished = bench.run(replace(task, search=replace(task.search, policy="ucb1")))
    assert finished.exit_code is ExitCode.IMPROVED
    view = bench.result()
    outcomes = {node.actions: node.outcome for node in view.nodes if node.parent == "A"}
    assert outcomes == {
        ("drop-60",): Outcome.IMPROVED,
        ("drop-30",): Outcome.IMPROVED,
        ("swap",): Outcome.IMPROVED,
        ("nothing",): Outcome.DUPLICATE,
        ("worse",): Outcome.REJECTED,
        ("break",): Outcome.FAILED,
        ("cheat",): Outcome.TAMPERED,
        ("fail",): Outcome.FAILED,
    }
    left = bench.open_sandbox("r1", 0, lambda: False).leftovers()
    committed = {n.label for n in view.nodes if n.decision is Decision.COMMIT} | {"A"}
    assert set(left.snapshot_labels.values()) == committed
    assert folders(bench) == []
    holdings = LocalHoldings(tmp_path / "local", for_good=True)
    held = holdings.leftovers()
    # What the clean room was built of was discarded, and is still there.
    assert {image.node for image in held.held_images} > committed
    for name in held.images:
        holdings.discard(name)
    holdings.close()
    assert holdings.leftovers() == Leftovers()


def folders(bench: Bench) -> list[Path]:
    """Those of the nodes under way."""
    return list((bench.folder / "local" / "containers").iterdir())


def test_what_git_ignores_is_inherited(tmp_path: Path) -> None:
    """What was built at a node is there in its children, and no part of the change."""
    bench = at(SandboxKind.WORKTREE, tmp_path)
    (bench.target / ".gitignore").write_text("built/\n")
    build = action("build", "mkdir built && echo 1 >built/cache && sed -i '/^60$/d' costs")
    reuse = action("reuse", "test -e built/cache && sed -i '/^30$/d' costs")
    bench.workers = 1
    bench.run(make_task(bench.target, [build, reuse], nodes=4))
    (label,) = (
        node.label
        for node in bench.result().nodes
        if node.actions == ("reuse",) and node.outcome is Outcome.IMPROVED
    )
    assert b"built" not in bench.evidence().diff("r1", "A", label)


def slow_task(bench: Bench) -> Task:
    """Its one action notes that it has run, and takes its time."""
    folder = bench.folder
    script = f"echo ran >>{folder}/ran; sleep {SLOW_S}; sed -i '/^60$/d' costs"
    return make_task(bench.target, [action("slow", script)], nodes=1)


def play() -> None:
    """The main program of the planner that is killed."""
    folder = Path(os.environ["OPPIE_TEST_FOLDER"])
    bench = at(SandboxKind((folder / "kind").read_text()), folder)
    bench.run(slow_task(bench))


def test_a_step_that_outlives_its_planner_is_gone_on_with(tmp_path: Path) -> None:
    bench = at(SandboxKind.WORKTREE, tmp_path)
    planner = subprocess.Popen(
        [sys.executable, "-c", "from tests.integration.test_local_runs import play; play()"],
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
            "OPPIE_TEST_FOLDER": str(bench.folder),
        },
        cwd=ROOT,
    )
    attempt = bench.folder / "state" / "runs" / "r1" / "attempts" / "A.1-1"
    try:
        wait_for(sent_mark(attempt / "act.log").exists, "the action has begun", within_s=60)
    finally:
        planner.kill()
        planner.wait()
    _, finished = bench.run(slow_task(bench))
    assert finished.exit_code is ExitCode.IMPROVED
    assert (bench.folder / "ran").read_text() == "ran\n"
    node = bench.result().nodes[1]
    assert (node.outcome, node.attempts, node.visits) == (Outcome.IMPROVED, 1, 1)
    assert folders(bench) == []


def test_however_often_it_is_killed_a_run_ends_as_if_nothing_had_happened() -> None:
    """`python -m benchmarks.crashes` has many more."""
    scenes = (*WORKTREE_SCENES, *TEMPDIR_SCENES)
    with quick_folder() as folder:
        ordeals = list(Campaign(folder, scenes).ordeals(range(3), 2))
    wrong = [f"{each.again}: {'; '.join(each.wrong)}" for each in ordeals if each.wrong]
    assert wrong == []
    assert sum(len(each.kills) for each in ordeals) >= len(ordeals)

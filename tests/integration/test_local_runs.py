"""Whole runs without an engine: in git worktrees, and in copies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from worlds import LOCAL_KINDS

from runner.errors import ExitCode
from runner.evidence.git import Git
from runner.model import Decision, Outcome, SandboxKind
from runner.sandbox.local import open_local
from tests.runs import ACTIONS, Bench, make_task


@pytest.fixture(params=LOCAL_KINDS)
def kind(request: pytest.FixtureRequest) -> SandboxKind:
    return SandboxKind(request.param)


@pytest.fixture
def bench(tmp_path: Path, kind: SandboxKind) -> Bench:
    local = tmp_path / "local"
    base = open_local(kind, local, "base").base()
    return Bench(
        tmp_path, lambda run_id, slot, told: open_local(kind, local, run_id, slot, told), base
    )


def states(bench: Bench) -> Git:
    return Git(f"--git-dir={bench.folder / 'local' / 'states.git'}")


def test_the_best_is_found_and_verified(bench: Bench) -> None:
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
    assert left.containers == ()
    committed = {n.label for n in view.nodes if n.decision is Decision.COMMIT} | {"A"}
    assert set(left.snapshot_labels.values()) == committed

"""Kills at every step of a run, and at any moment, over the fake sandbox: 60 seeds of many."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.errors import EngineUnavailable, ExitCode
from runner.evidence import refs_of
from runner.model import Snapshot
from runner.sandbox.fake import FakeSandbox
from runner.sandbox.protocol import Step, StepResult
from tests.crash.campaign import SHORT_SCENES, Campaign, quick_folder
from tests.runs import Bench, action, make_task

SEEDS = range(60)
AT_ONCE = 3


class FailsOnce(FakeSandbox):
    """An engine whose answer to the first commit of a node is lost."""

    def commit(
        self,
        container: str,
        label: str,
        parent: Snapshot | None,
        facts: Mapping[str, str],
        checkpoint: str = "",
    ) -> Snapshot:
        if facts["attempt"] == "A.1-1":
            raise EngineUnavailable("no answer")
        return super().commit(container, label, parent, facts, checkpoint)


def test_what_an_attempt_did_is_kept_although_the_engine_failed_it(tmp_path: Path) -> None:
    """The next attempt does something else, and the node's ref leads to that."""
    world = tmp_path / "world"
    base = FakeSandbox(world, "base").base()
    bench = Bench(
        tmp_path, lambda run, slot, cancelled: FailsOnce(world, run, slot, cancelled), base, 1
    )
    # The name of the attempt's container is in HOME.
    agent = action("agent", 'echo "# $HOME" >> state; echo 1 >> costs')
    bench.run(make_task(bench.target, [agent], nodes=1))
    refs = refs_of(bench.evidence(), "r1")
    node = bench.result().nodes[1]
    assert node.attempts == 2
    assert refs["refs/oppie/r1/A.1"] == node.commit
    kept = bench.evidence().diff("r1", "A", "A.1-1")
    assert b"oppie-r1-A.1-1-act" in kept and b"oppie-r1-A.1-2-act" not in kept
    assert "refs/oppie/r1/A.1-2" not in refs


class LosesAnAnswer(FakeSandbox):
    """An engine that carries something out in the clean room, and doesn't say so."""

    def run(self, step: Step, log: Path) -> StepResult:
        result = super().run(step, log)
        if "-verify-1-bench" in step.name:
            raise EngineUnavailable("no answer")
        return result


def test_what_an_engine_fails_in_the_clean_room_leaves_nothing_behind(tmp_path: Path) -> None:
    world = tmp_path / "world"
    base = FakeSandbox(world, "base").base()
    bench = Bench(
        tmp_path, lambda run, slot, cancelled: LosesAnAnswer(world, run, slot, cancelled), base, 1
    )
    task = make_task(bench.target, [action("drop", "sed -i '/^60$/d' costs")], nodes=1)
    _, finished = bench.run(task)
    assert finished.exit_code is ExitCode.IMPROVED
    held = bench.open_sandbox("r1", 0, lambda: False).leftovers()
    assert held.held_containers == ()
    assert {image.node for image in held.held_images} == {"A", "A.1"}


def test_however_often_it_is_killed_a_run_ends_as_if_nothing_had_happened() -> None:
    with quick_folder() as folder:
        ordeals = list(Campaign(folder, SHORT_SCENES).ordeals(SEEDS, AT_ONCE))
    wrong = [f"{each.again}: {'; '.join(each.wrong)}" for each in ordeals if each.wrong]
    assert wrong == []
    assert sum(len(each.kills) for each in ordeals) >= len(SEEDS)

"""Where candidates are built once more: both sides alike, and nothing of the search's own."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from runner.cli.conduct import root_of
from runner.errors import RootFails, TaskError
from runner.expand.plans import verification_of
from runner.gate import opened, verified
from runner.measure.judge import Check, NewTests, Sealed
from runner.model import Event, Limits, Outcome, State, Verdict, Verified
from runner.sandbox.fake import FakeSandbox
from runner.sandbox.protocol import Step
from runner.task import Task
from tests.runs import Bench, action, make_task

T = TypeVar("T")
DROP = action("drop-60", "sed -i '/^60$/d' costs")
COMMENT = action("comment", "echo '# hi' >> state")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    world = tmp_path / "world"
    base = FakeSandbox(world, "base").base()
    return Bench(
        tmp_path, lambda run_id, slot, cancelled: FakeSandbox(world, run_id, slot, cancelled), base
    )


def follow(walk: Generator[Event, None, T]) -> T:
    while True:
        try:
            next(walk)
        except StopIteration as end:
            result: T = end.value
            return result


def verify(bench: Bench, task: Task, label: str = "A.1") -> Verified:
    """As `oppie verify` does, whatever the search thought of the node."""
    with bench.store() as store:
        parts = bench.parts(store, task, "r1")
        node = next(node for node in store.run("r1").nodes if node.label == label)
        state = State(label, None, node.commit, node.tree_id)
        with closing(parts.open_sandbox(9)) as sandbox:
            root = follow(root_of(parts, sandbox))
            walk = opened(parts.context, sandbox, root, parts.image, parts.cancelled)
            with closing(follow(walk)) as room:
                plan = verification_of(parts.context, 1)
                return follow(verified(room, state, plan, None))


def test_a_set_up_that_goes_on_from_what_it_made_is_run_once_on_each_side(bench: Bench) -> None:
    """As with profiles and generated data: the second run of it would make a faster program."""
    task = replace(
        make_task(bench.target, [COMMENT]),
        setup=("[ -e profile ] && sed -i '/^60$/d' costs; touch profile",),
    )
    bench.run(task)
    assert verify(bench, task).verdict is Verdict.NO_DIFFERENCE


def test_a_set_up_that_can_be_run_only_once_is_run_only_once(bench: Bench) -> None:
    task = replace(make_task(bench.target, [DROP]), setup=("mkdir build", "echo x > build/out"))
    _, finished = bench.run(task)
    assert finished.verified is not None and finished.verified.verdict is Verdict.IMPROVED


def test_a_base_that_changed_is_under_both_sides(bench: Bench) -> None:
    """What the image brings is no candidate's doing."""
    task = make_task(bench.target, [COMMENT])
    bench.run(task)
    benchmark = replace(task.benchmark, command="echo METRIC cost=$([ -e fast ] && echo 1 || echo 9)")
    sandbox = FakeSandbox(bench.folder / "world", "base")
    step = Step("x", "x", bench.image, ("sh", "-c", "touch fast"), Limits())
    result = sandbox.run(step, bench.folder / "log")
    bench.image = sandbox.commit(result.container, "moved", None, {"attempt": "x"}).tag
    assert verify(bench, replace(task, benchmark=benchmark)).verdict is Verdict.NO_DIFFERENCE


def test_the_gate_asks_for_tests_first_as_well(bench: Bench) -> None:
    (bench.target / "tests").mkdir()
    (bench.target / "tests" / "old.sh").write_text("exit 0\n")
    tests = NewTests(("tests/*.sh",), 'for f in {files}; do sh "$f" || exit 1; done', 30.0)
    task = make_task(bench.target, [DROP])
    task = replace(task, tests_first=tests, protected=("judge.sh", "tests/**"))
    bench.run(task)
    assert bench.result().nodes[1].outcome is Outcome.FAILED
    found = verify(bench, task)
    assert found.verdict is Verdict.FAILED and "no new test" in found.reason


def test_what_always_fails_in_the_words_of_a_flaky_check_fails(bench: Bench) -> None:
    turn = bench.folder / "turn"
    turn.write_text("0")
    (bench.target / "code.sh").write_text("true\n")
    command = (
        f". ./code.sh; n=$(cat {turn}); echo $((n + 1)) > {turn}; "
        "[ $n = 1 ] && { echo 'socket was busy'; exit 7; }; echo 'all is well'"
    )
    broken = action("broken", "echo \"echo 'socket was busy'; exit 7\" > code.sh; " + DROP.body.decode())
    task = make_task(bench.target, [broken])
    task = replace(
        task, checks=(Check("net", command, 30.0),), trials=replace(task.trials, check_runs=3)
    )
    bench.run(task)
    node = bench.result().nodes[1]
    assert node.outcome is Outcome.FAILED
    assert "in each of" in node.reason


def test_a_sealed_benchmark_that_the_root_fails_is_told_before_the_search(bench: Bench) -> None:
    task = make_task(bench.target, [DROP])
    with pytest.raises(RootFails, match=r"sealed: .*exited with 3"):
        bench.run(replace(task, sealed=Sealed(None, (), "exit 3")))


def test_sealed_files_that_are_gone_are_missed_before_anything_is_built(bench: Bench) -> None:
    folder = bench.folder / "sealed"
    folder.mkdir()
    (folder / "secret").write_text("1\n")
    task = replace(make_task(bench.target, [DROP]), sealed=Sealed(folder))
    bench.run(task)
    (folder / "secret").unlink()
    folder.rmdir()
    with pytest.raises(TaskError, match="is no directory any more"):
        verify(bench, task)


def test_a_protected_link_must_lead_to_a_protected_file(bench: Bench) -> None:
    (bench.target / "real.sh").write_text("exit 0\n")
    (bench.target / "linked.sh").symlink_to("real.sh")
    task = replace(make_task(bench.target, [DROP]), protected=("linked.sh",))
    with pytest.raises(TaskError, match=r"linked\.sh is a link to real\.sh"):
        bench.run(task)
    task = replace(task, protected=("linked.sh", "real.sh"))
    _, finished = bench.run(task, run_id="r2")
    assert finished.verified is not None and finished.verified.verdict is Verdict.IMPROVED

"""Whole runs over the fake sandbox: the parts of the product together, without an engine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import ExitCode, RootFails, TaskError
from runner.measure.judge import Check
from runner.model import (
    Decision,
    Job,
    Outcome,
    Phase,
    Selected,
    State,
    Stopped,
    StopReason,
    Verdict,
)
from runner.planner.tree import Tree
from runner.sandbox.fake import FakeSandbox
from runner.task import Hooks
from tests.runs import ACTIONS, BENCHMARK, Bench, action, make_task


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    world = tmp_path / "world"
    base = FakeSandbox(world, "base").base()
    return Bench(
        tmp_path, lambda run_id, slot, cancelled: FakeSandbox(world, run_id, slot, cancelled), base
    )


def test_the_best_is_found_verified_and_told(bench: Bench) -> None:
    events, finished = bench.run(make_task(bench.target, nodes=14))
    assert finished.exit_code is ExitCode.IMPROVED
    assert isinstance(events[-1], Stopped)
    view = bench.result()
    assert view.verified is not None and view.verified.measurement is not None
    best = bench.evidence().diff("r1", "A", view.verified.label)
    assert b"-60" in best and b"-30" in best
    assert view.verified.measurement.metrics[0].value <= 9


def test_each_action_ends_as_it_must(bench: Bench) -> None:
    # The textbook's policy tries every action at the root first.
    task = make_task(bench.target, nodes=len(ACTIONS))
    bench.run(replace(task, search=replace(task.search, policy="ucb1")))
    outcomes = {node.actions: node.outcome for node in bench.result().nodes if node.parent == "A"}
    wanted = {
        ("drop-60",): Outcome.IMPROVED,
        ("drop-30",): Outcome.IMPROVED,
        ("swap",): Outcome.IMPROVED,
        ("nothing",): Outcome.DUPLICATE,
        ("worse",): Outcome.REJECTED,
        ("break",): Outcome.FAILED,
        ("cheat",): Outcome.TAMPERED,
        ("fail",): Outcome.FAILED,
    }
    assert outcomes == wanted


def test_a_duplicate_costs_no_measurement_and_names_its_twin(bench: Bench) -> None:
    task = make_task(bench.target, [action("nothing", "true")])
    bench.run(task)
    node = bench.result().nodes[1]
    assert (node.outcome, node.twin, node.edge) == (Outcome.DUPLICATE, "A", None)
    assert "benchmark" not in node.seconds


def test_nothing_is_left_but_the_snapshots_of_committed_nodes(bench: Bench) -> None:
    bench.run()
    left = bench.open_sandbox("r1", 0, lambda: False).leftovers()
    assert left.containers == ()
    committed = {n.label for n in bench.result().nodes if n.decision is Decision.COMMIT} | {"A"}
    assert set(left.snapshot_labels.values()) == committed


def test_discarded_work_is_kept_as_evidence(bench: Bench) -> None:
    bench.run(make_task(bench.target, [action("worse", "echo 500 >> costs")]))
    assert b"+500" in bench.evidence().diff("r1", "A", "A.1")


@pytest.mark.parametrize("stop_after", [1, 6, 12, 20, 33, 47])
def test_a_run_that_was_interrupted_goes_on_to_the_same_tree(
    bench: Bench, stop_after: int
) -> None:
    bench.workers = 1
    _, finished = bench.run(run_id="r1", stop_after=stop_after)
    assert finished.exit_code is ExitCode.INTERRUPTED
    _, finished = bench.run(run_id="r1")
    _, other = bench.run(run_id="r2")
    assert finished.exit_code is other.exit_code
    first, second = bench.result("r1"), bench.result("r2")
    assert [(n.label, n.actions, n.outcome, n.visits) for n in first.nodes] == [
        (n.label, n.actions, n.outcome, n.visits) for n in second.nodes
    ]


def test_what_was_finished_does_not_run_twice(bench: Bench, tmp_path: Path) -> None:
    """The journal loses a visit, as if the planner had died between the result and the record."""
    counter = tmp_path / "counter"
    counted = [action("count", f"echo ran >> {counter}; echo 1 >> costs")]
    bench.workers = 1
    task = make_task(bench.target, counted)
    events, _ = bench.run(task, stop_after=10**6)
    job = next(event.job for event in events if isinstance(event, Selected))
    _forget_visit(bench, job)
    bench.run(task)
    assert counter.read_text() == "ran\n"
    assert bench.result().nodes[1].visits == 1


def _forget_visit(bench: Bench, job: Job) -> None:
    with bench.store() as store:
        store._connection.execute("DELETE FROM visits")
        store._connection.commit()
        store.rebuild("r1")
    assert bench.result().nodes[1].visits == 0, job


def test_two_planners_that_meet_share_nothing(bench: Bench) -> None:
    bench.workers = 4
    bench.run(run_id="r1")
    bench.run(run_id="r2")
    assert bench.result("r1").evaluations == bench.result("r2").evaluations == 12


def test_a_target_that_fails_its_own_checks_is_told(bench: Bench) -> None:
    task = replace(make_task(bench.target), checks=(Check("whole", "exit 3", 30.0),))
    with pytest.raises(RootFails, match=r"check whole passes in none of 2 runs .* the last exited with 3"):
        bench.run(task)


def test_the_budget_stops_with_its_reason(bench: Bench) -> None:
    actions = [a for a in ACTIONS if a.key in ("worse", "break", "fail")]
    _, finished = bench.run(make_task(bench.target, actions, nodes=2))
    assert finished.stop.reason is StopReason.NODES
    assert finished.exit_code is ExitCode.BUDGET


def test_a_space_that_is_exhausted_without_improvement_says_so(bench: Bench) -> None:
    _, finished = bench.run(make_task(bench.target, [action("fail", "exit 9")]))
    assert finished.stop.reason is StopReason.EXHAUSTED
    assert finished.exit_code is ExitCode.NO_IMPROVEMENT


def test_hooks_are_told_and_the_first_may_refuse(bench: Bench, tmp_path: Path) -> None:
    said = tmp_path / "said"
    hooks = Hooks(
        pre_execution=("sh", "-c", "grep -qv drop-60"),
        post_execution=("sh", "-c", f"cat >> {said}; echo >> {said}"),
        backtrack=("sh", "-c", "exit 1"),
    )
    task = replace(make_task(bench.target, ACTIONS[:2], nodes=3), hooks=hooks)
    bench.run(task)
    nodes = {node.actions: node for node in bench.result().nodes}
    assert nodes[("drop-60",)].outcome is Outcome.FAILED
    assert nodes[("drop-60",)].reason.startswith("hook sh: exit 1")
    assert nodes[("drop-30",)].outcome is Outcome.IMPROVED
    facts = [json.loads(line) for line in said.read_text().splitlines() if line]
    assert {fact["node"] for fact in facts} == {
        node.label for node in bench.result().nodes if node.label != "A"
    }


def test_the_replayed_tree_is_the_tree_that_was(bench: Bench) -> None:
    bench.run()
    task = make_task(bench.target)
    with bench.store() as store:
        view = store.run("r1")
        root = view.nodes[0]
        tree = Tree(State("A", root.snapshot, root.commit, root.tree_id), task.actions)
        store.replay("r1", tree, {a.key: a for a in task.actions})
    assert tree.in_flight == 0
    assert [(n.label, n.visits) for n in tree.nodes] == [(n.label, n.visits) for n in view.nodes]
    assert tree.best == view.best




def test_a_glob_that_protects_only_what_is_not_copied_is_refused(bench: Bench) -> None:
    task = replace(make_task(bench.target), protected=("judge.sh", "ignored/**"))
    with pytest.raises(TaskError, match=r"protected = 'ignored/\*\*'"):
        bench.run(task)


def test_a_metric_that_is_printed_twice_is_forged(bench: Bench) -> None:
    """The benchmark is the task's; a second line of its metric can only be the action's."""
    task = make_task(bench.target, [action("forge", "echo METRIC cost=1 > says")])
    command = f"{task.benchmark.command}; cat says 2>/dev/null || true"
    bench.run(replace(task, benchmark=replace(task.benchmark, command=command)))
    node = bench.result().nodes[1]
    assert node.outcome is Outcome.TAMPERED
    assert "printed 2 times" in node.reason


def test_a_state_that_can_not_be_measured_again_stops_nothing(bench: Bench) -> None:
    """It passes when it is measured, and fails as the baseline of what is built on it."""
    fuse = bench.folder / "fuse"
    burn = action("burn", f"echo 1 >> costs; echo 'echo x >> {fuse}' > burns")
    task = make_task(bench.target, [burn, action("swap", "sed -i 's/^9$/8/' costs")], nodes=6)
    command = (
        f"if [ -e burns ]; then . ./burns; "
        f"[ $(wc -l < {fuse}) -le 6 ] || exit 1; fi; {task.benchmark.command}"
    )
    task = replace(task, benchmark=replace(task.benchmark, command=command))
    _, finished = bench.run(task)
    assert finished.stop.reason is not StopReason.ENVIRONMENT


def test_states_that_were_finished_but_not_recorded_are_known_after_a_crash(bench: Bench) -> None:
    bench.workers = 1
    again = [action("one", "echo 1 >> costs"), action("same", "echo 1 >> costs")]
    task = make_task(bench.target, again, nodes=2)
    bench.run(task)
    with bench.store() as store:
        store._connection.execute("DELETE FROM visits")
        store._connection.commit()
        store.rebuild("r1")
    bench.run(task)
    outcomes = [node.outcome for node in bench.result().nodes[1:]]
    assert outcomes.count(Outcome.DUPLICATE) == 1


def test_a_gain_that_is_not_in_the_sources_is_not_verified(bench: Bench) -> None:
    """The action leaves a file that the target's own rules ignore, and the benchmark heeds it."""
    (bench.target / ".gitignore").write_text("cache/\n")
    cheat = action("warm", "mkdir cache && echo 1 > cache/cost && echo '# faster' >> state")
    task = make_task(bench.target, [cheat])
    command = f"[ -e cache/cost ] && echo METRIC cost=$(cat cache/cost) || {{ {BENCHMARK}; }}"
    task = replace(task, benchmark=replace(task.benchmark, command=command))
    _, finished = bench.run(task)
    assert bench.result().nodes[1].outcome is Outcome.IMPROVED  # as it seemed
    assert finished.verified is not None
    assert finished.verified.verdict is Verdict.NOT_REPRODUCED
    assert finished.exit_code is ExitCode.NO_IMPROVEMENT


def test_what_was_verified_before_an_interruption_is_not_verified_again(bench: Bench) -> None:
    drops = [action(f"drop-{n}", f"sed -i '/^{n}$/d' costs") for n in (30, 60)]
    task = make_task(bench.target, drops, nodes=2)
    task = replace(task, search=replace(task.search, policy="ucb1"))
    bench.workers = 1
    events, _ = bench.run(task)
    begun = [n for n, e in enumerate(events) if isinstance(e, Phase) and e.name == "verify.started"]
    _, stopped = bench.run(task, run_id="r2", stop_after=begun[1] + 3)
    assert stopped.exit_code is ExitCode.INTERRUPTED
    _, finished = bench.run(task, run_id="r2")
    assert finished.exit_code is ExitCode.IMPROVED
    assert sorted(each.label for each in bench.result("r2").verifications) == ["A.1", "A.2"]

"""What a result is worth: how the judge learns the root, and what it doesn't fall for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import ExitCode, RootFails
from runner.measure.judge import Check, NewTests, Sealed
from runner.measure.loaders import LoaderPolicy, Loaders
from runner.measure.reports import Format
from runner.model import MetricSpec, NodeView, Outcome, Phase, Source, StopReason, Verdict
from runner.planner.budget import BudgetLimits
from runner.sandbox.fake import FakeSandbox
from runner.task import Task
from tests.runs import Bench, action, make_task


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    world = tmp_path / "world"
    base = FakeSandbox(world, "base").base()
    return Bench(
        tmp_path, lambda run_id, slot, cancelled: FakeSandbox(world, run_id, slot, cancelled), base
    )


def only_node(bench: Bench, task: Task) -> NodeView:
    """The node of a task's only action."""
    bench.run(task)
    nodes = bench.result().nodes
    assert len(nodes) == 2
    return nodes[1]


# What the judge learns from the root


def flaky_check(bench: Bench, also: str = "") -> Check:
    """Fails in every second run, in one way; and does what ``also`` says before."""
    turn = bench.folder / "turn"
    turn.write_text("0")
    command = (
        f"{also}\nn=$(cat {turn}); echo $((n + 1)) > {turn}\n"
        "[ $((n % 2)) = 1 ] && { echo 'socket was busy'; exit 7; }; echo 'all is well'"
    )
    return Check("net", command, 30.0)


def test_a_flaky_check_is_named_and_forgiven(bench: Bench) -> None:
    check = flaky_check(bench)
    task = make_task(bench.target, [action("drop-60", "sed -i '/^60$/d' costs")])
    task = replace(task, checks=(check,), trials=replace(task.trials, check_runs=3))
    node = only_node(bench, task)  # the fourth run: it fails as the root did
    assert node.outcome is Outcome.IMPROVED
    remarks = " ".join(bench.result().remarks)
    assert "check net is flaky" in remarks and "failed 1 of 3 times" in remarks


def test_a_check_is_told_from_another_one_that_runs_a_second_time(bench: Bench) -> None:
    flaky = flaky_check(bench)
    other = Check(f"{flaky.name}-2", "[ $(grep -c 60 costs) = 1 ]", 30.0)
    task = make_task(bench.target, [action("one-more", "echo 60 >> costs")])
    task = replace(task, checks=(flaky, other), trials=replace(task.trials, check_runs=3))
    node = only_node(bench, task)
    assert node.outcome is Outcome.FAILED
    assert other.name in node.reason


def test_a_flaky_check_that_fails_in_a_new_way_counts(bench: Bench) -> None:
    check = flaky_check(bench, also="grep -q 60 costs || { echo 'no sixty'; exit 3; }")
    task = make_task(bench.target, [action("drop-60", "sed -i '/^60$/d' costs")])
    task = replace(task, checks=(check,), trials=replace(task.trials, check_runs=3))
    node = only_node(bench, task)
    assert node.outcome is Outcome.FAILED
    assert "3" in node.reason


def test_fewer_tests_than_the_root_ran_is_a_failure(bench: Bench) -> None:
    tap = "i=0; for t in $(cat names); do i=$((i + 1)); echo \"ok $i - $t\"; done; echo 1..$i"
    (bench.target / "names").write_text("a\nb\nc\n")
    task = make_task(bench.target, [action("drop", "sed -i /c/d names; sed -i '/^60$/d' costs")])
    node = only_node(bench, replace(task, checks=(Check("tap", tap, 30.0),)))
    assert node.outcome is Outcome.FAILED
    assert "2" in node.reason and "3" in node.reason


def test_a_harness_that_was_left_early_is_a_failure(bench: Bench) -> None:
    """Exit 0 from inside, before the tests: nothing is printed."""
    tap = "[ -e early ] && exit 0; echo ok 1 - a; echo 1..1"
    task = make_task(bench.target, [action("leave", "touch early; sed -i '/^60$/d' costs")])
    assert only_node(bench, replace(task, checks=(Check("tap", tap, 30.0),))).outcome is (
        Outcome.FAILED
    )


def test_results_are_read_from_their_file(bench: Bench) -> None:
    (bench.target / "names").write_text("a\nb\n")
    write = (
        "mkdir -p out; { echo '<testsuites>'; for t in $(cat names); do "
        "echo \"<testcase name='$t'/>\"; done; echo '</testsuites>'; } > out/junit.xml"
    )
    check = Check("unit", write, 30.0, "out/junit.xml", Format.JUNIT)
    task = make_task(bench.target, [action("lose", "sed -i /b/d names; sed -i '/^60$/d' costs")])
    node = only_node(bench, replace(task, checks=(check,)))
    assert node.outcome is Outcome.FAILED
    assert "b" in node.reason


def test_results_that_an_action_has_left_are_not_the_checks(bench: Bench) -> None:
    """The check writes none where `quiet` is: what the action planted must not be read."""
    write = "[ -e quiet ] || echo '<testsuites><testcase name=\"a\"/></testsuites>' > out/junit.xml"
    plant = "mkdir out; echo '<testcase name=\"a\"/>' > out/junit.xml; touch quiet; "
    check = Check("unit", write, 30.0, "out/junit.xml", Format.JUNIT)
    task = make_task(bench.target, [action("plant", plant + "sed -i '/^60$/d' costs")])
    node = only_node(bench, replace(task, checks=(check,)))
    assert node.outcome is Outcome.FAILED


def test_a_root_whose_results_cannot_be_read_is_told(bench: Bench) -> None:
    check = Check("unit", "true", 30.0, "out/junit.xml")
    task = replace(make_task(bench.target), checks=(check,))
    with pytest.raises(RootFails, match="check unit"):
        bench.run(task)


def test_what_noise_allows_is_said_up_front(bench: Bench) -> None:
    events, _ = bench.run(make_task(bench.target, [action("nothing", "true")]))
    calibrated = [e for e in events if isinstance(e, Phase) and e.name == "benchmark.calibrated"]
    assert [event.facts["noise"] for event in calibrated] == [0.0]
    assert any("pairs show gains" in remark for remark in bench.result().remarks)


# How much is measured


def test_what_is_obvious_takes_few_pairs_and_says_what_that_saved(bench: Bench) -> None:
    task = make_task(bench.target, [action("drop-60", "sed -i '/^60$/d' costs")])
    task = replace(task, benchmark=replace(task.benchmark, pairs=12))
    node = only_node(bench, task)
    assert node.edge is not None and node.edge.pairs < 12
    view = bench.result()
    assert node.saved_s > 0.0 and view.saved_s >= node.saved_s
    assert view.container_s > node.container_s > 0.0


def test_every_container_second_is_charged(bench: Bench) -> None:
    slow = action("slow", "sleep 0.5; echo x >> state", open_ended=True)
    task = make_task(bench.target, [slow], nodes=1000)
    bench.run(replace(task, budget=BudgetLimits(nodes=3)), run_id="r1")
    spent = bench.result("r1").nodes[1].container_s
    assert spent > 0.5
    limits = BudgetLimits(nodes=50, container_s=bench.result("r1").container_s + spent)
    _, finished = bench.run(replace(task, budget=limits), run_id="r2")
    assert finished.stop.reason is StopReason.CONTAINERS
    assert finished.exit_code is ExitCode.BUDGET
    assert 2 <= bench.result("r2").evaluations <= 12


def test_a_metric_by_the_clock_of_the_host(bench: Bench) -> None:
    """The benchmark prints nothing: what it says can't be wrong."""
    clock = MetricSpec("wall_s", unit="s", source=Source.CLOCK)
    (bench.target / "naps").write_text("0.2\n")
    task = make_task(bench.target, [action("faster", "echo 0.02 > naps")])
    command = "sleep $(cat naps)"
    fast = replace(task.benchmark, command=command, metrics=(clock,), objective=clock)
    _, finished = bench.run(replace(task, benchmark=fast))
    assert finished.verified is not None and finished.verified.verdict is Verdict.IMPROVED
    measured = finished.verified.measurement
    assert measured is not None
    assert 0.15 < measured.baseline[0].value < 1.0


# The best of several


def test_all_of_the_top_are_verified_and_the_surest_is_chosen(bench: Bench) -> None:
    task = make_task(
        bench.target,
        [action("drop-30", "sed -i '/^30$/d' costs"), action("drop-60", "sed -i '/^60$/d' costs")],
        nodes=2,
    )
    task = replace(task, search=replace(task.search, policy="ucb1"))
    _, finished = bench.run(task)
    view = bench.result()
    assert {each.label for each in view.verifications} == {"A.1", "A.2"}
    best = next(node.label for node in view.nodes if node.actions == ("drop-60",))
    assert finished.verified is not None and finished.verified.label == best
    assert finished.verified.claimed is not None


# Files that load the judged ones


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [
        (LoaderPolicy.TAMPERED, Outcome.TAMPERED),
        (LoaderPolicy.NOTE, Outcome.IMPROVED),
        (LoaderPolicy.ALLOW, Outcome.IMPROVED),
    ],
)
def test_a_new_file_that_loads_others_follows_the_policy(
    bench: Bench, policy: LoaderPolicy, outcome: Outcome
) -> None:
    task = make_task(
        bench.target, [action("conf", "touch conftest.py; sed -i '/^60$/d' costs")]
    )
    node = only_node(bench, replace(task, loaders=Loaders(policy)))
    assert node.outcome is outcome
    assert ("conftest.py" in node.reason) is (policy is not LoaderPolicy.ALLOW)


def test_a_file_that_git_ignores_loads_others_as_well(bench: Bench) -> None:
    (bench.target / ".gitignore").write_text("*.pth\nconftest.py\n")
    task = make_task(bench.target, [action("conf", "touch conftest.py; sed -i '/^60$/d' costs")])
    assert only_node(bench, task).outcome is Outcome.TAMPERED


def test_an_allowed_file_loads_others(bench: Bench) -> None:
    task = make_task(bench.target, [action("conf", "touch conftest.py; sed -i '/^60$/d' costs")])
    task = replace(task, loaders=Loaders(allow=("conftest.py",)))
    assert only_node(bench, task).outcome is Outcome.IMPROVED


def test_hooks_of_git_in_the_workspace(bench: Bench) -> None:
    hook = "mkdir -p .git/hooks; echo exit > .git/hooks/post-checkout; sed -i '/^60$/d' costs"
    task = make_task(bench.target, [action("hook", hook)])
    node = only_node(bench, task)
    assert node.outcome is Outcome.TAMPERED
    assert "post-checkout" in node.reason


# Sealed files


@pytest.fixture
def sealed(bench: Bench) -> Iterator[Path]:
    folder = bench.folder / "sealed"
    folder.mkdir()
    (folder / "secret").write_text("9\n")
    yield folder


def test_a_sealed_check_is_met_at_verification_alone(bench: Bench, sealed: Path) -> None:
    # What it does to the costs is right by all that it can see.
    look = "find . -name secret > seen; sed -i '/^60$/d; /^9$/d' costs"
    task = make_task(bench.target, [action("drop", look)])
    check = Check("nine", "grep -q -f secret costs", 30.0)
    _, finished = bench.run(replace(task, sealed=Sealed(sealed, (check,))))
    assert bench.result().nodes[1].outcome is Outcome.IMPROVED
    assert finished.verified is not None and finished.verified.verdict is Verdict.FAILED
    assert finished.verified.reason.startswith("sealed: check nine")
    assert b"secret" not in bench.evidence().diff("r1", "A", "A.1")


def test_a_sealed_benchmark_takes_the_place_of_the_other(bench: Bench, sealed: Path) -> None:
    task = make_task(bench.target, [action("drop", "sed -i '/^60$/d' costs")])
    command = "cat secret >/dev/null && echo METRIC cost=$(($(head -1 costs) * 0 + 50))"
    _, finished = bench.run(replace(task, sealed=Sealed(sealed, (), command)))
    assert bench.result().nodes[1].outcome is Outcome.IMPROVED
    assert finished.verified is not None
    assert finished.verified.verdict is Verdict.NOT_REPRODUCED


def test_a_root_that_fails_a_sealed_check_is_told_before_the_search(
    bench: Bench, sealed: Path
) -> None:
    task = replace(
        make_task(bench.target), sealed=Sealed(sealed, (Check("no", "exit 3", 30.0),))
    )
    with pytest.raises(RootFails, match="sealed: check no"):
        bench.run(task)


# Test-driven work


def driven(bench: Bench, command: str) -> Task:
    """The tests are scripts; one that a node brings must fail without its change."""
    (bench.target / "tests").mkdir()
    (bench.target / "tests" / "old.sh").write_text("exit 0\n")
    task = make_task(bench.target, [action("driven", command)])
    tests = NewTests(("tests/*.sh",), 'for f in {files}; do sh "$f" || exit 1; done', 30.0)
    return replace(task, tests_first=tests, protected=("judge.sh", "tests/**"))


TEST = "echo '! grep -q 60 costs' > tests/new.sh; "
CHANGE = "sed -i '/^60$/d' costs; "


def test_red_and_green_are_proven_and_recorded(bench: Bench) -> None:
    node = only_node(bench, driven(bench, TEST + CHANGE))
    assert node.outcome is Outcome.IMPROVED
    assert "red on A: exit 1" in node.proof and "tests/new.sh" in node.proof


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (CHANGE, "brings no new test"),
        ("echo true > tests/new.sh; " + CHANGE, "pass without its change"),
        (TEST + "echo x >> state", "its new tests exited with 1"),
        (TEST + CHANGE + "echo false > tests/old.sh", "changed tests/old.sh"),
        (TEST + CHANGE + "rm tests/old.sh", "removed tests/old.sh"),
    ],
)
def test_work_that_is_not_test_driven_fails(bench: Bench, command: str, reason: str) -> None:
    node = only_node(bench, driven(bench, command))
    assert node.outcome in (Outcome.FAILED, Outcome.TAMPERED)
    assert reason in node.reason


# The set-up of the clean room


def test_a_set_up_that_runs_the_candidates_code_cannot_change_the_judge(bench: Bench) -> None:
    (bench.target / "build.sh").write_text("true\n")
    write = "echo 'echo echo METRIC cost=1 > judge.sh' > build.sh; sed -i '/^60$/d' costs"
    task = make_task(bench.target, [action("build", write)])
    _, finished = bench.run(replace(task, setup=("sh build.sh",)))
    assert bench.result().nodes[1].outcome is Outcome.IMPROVED
    assert finished.verified is not None and finished.verified.verdict is Verdict.TAMPERED
    assert finished.verified.reason == "by its set-up, protected files changed: changed judge.sh"

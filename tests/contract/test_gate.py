"""The gate over the fake sandbox: what may go into the user's branch, and what may not."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest

from runner.cli.conduct import Parts, grown, reconciled, root_of
from runner.evidence import BranchMoved, Conflicting, Prepared, land, prepare
from runner.expand.plans import verification_of
from runner.gate import (
    CleanRoom,
    examine_merge,
    job_of,
    opened,
    parts_of,
    settle,
    synthesise,
    verified,
)
from runner.measure.judge import Check
from runner.measure.plan import Plan
from runner.model import Event, Limits, Outcome, State, Verdict
from runner.planner.tree import Tree
from runner.sandbox.fake import FakeSandbox
from runner.sandbox.protocol import Step
from runner.sandbox.snapshots import tag_of
from runner.store import Store
from runner.task import Task
from tests.runs import Bench, action, make_task

T = TypeVar("T")
DROP_60 = action("drop-60", "sed -i '/^60$/d' costs")
DROP_30 = action("drop-30", "sed -i '/^30$/d' more")
WORSE = action("worse", "echo 500 >> costs")

# Two files, so that two changes don't touch the same one; a flag makes 60 as good as 20.
BENCHMARK = (
    "total=0; for n in $(cat costs more); do [ -e flag ] && [ $n = 60 ] && n=20; "
    'total=$((total + n)); done; echo "METRIC cost=$total"'
)


def follow(walk: Generator[Event, None, T]) -> T:
    while True:
        try:
            next(walk)
        except StopIteration as end:
            result: T = end.value
            return result


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@dataclass
class Gate:
    """A run that is over, and its clean room."""

    bench: Bench
    task: Task
    parts: Parts
    room: CleanRoom
    tree: Tree

    @property
    def plan(self) -> Plan:
        return verification_of(self.room.context, 1)

    def prepare(self, label: str, into: str | None = None) -> Prepared:
        return prepare(self.room.context.evidence, self.bench.target, "r1", label, into)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    world = tmp_path / "world"
    base = FakeSandbox(world, "base").base()
    bench = Bench(
        tmp_path, lambda run_id, slot, cancelled: FakeSandbox(world, run_id, slot, cancelled), base
    )
    (bench.target / "costs").write_text("60\n9\n")
    (bench.target / "more").write_text("30\n" + "\n" * 8 + "1\n")
    git(bench.target, "init", "-q", "-b", "main")
    git(bench.target, "config", "user.name", "Ada")
    git(bench.target, "config", "user.email", "ada@example.org")
    git(bench.target, "add", "-A")
    git(bench.target, "commit", "-qm", "one")
    return bench


@contextmanager
def gate_of(bench: Bench, *actions: object) -> Iterator[Gate]:
    """Search, then open the gate: the actions become A.1, A.2, ... in their order."""
    task = make_task(bench.target, actions, nodes=len(actions))  # type: ignore[arg-type]
    policy = replace(task.search, policy="ucb1")
    benchmark = replace(task.benchmark, command=BENCHMARK)
    task = replace(task, search=policy, benchmark=benchmark, exclude=("oppie.toml",))
    bench.workers = 1
    bench.run(task)
    with bench.store() as store:
        parts = bench.parts(store, task, "r1")
        with closing(parts.open_sandbox(9)) as sandbox:
            root = follow(root_of(parts, sandbox))
            room = follow(opened(parts.context, sandbox, root, parts.image, parts.cancelled))
            with closing(room):
                yield Gate(bench, task, parts, room, grown(parts, root))
            left = sandbox.leftovers()
            assert left.containers == ()
            assert all(label.count("-") == 0 for label in left.snapshot_labels.values())


def label_of(gate: Gate, key: str) -> str:
    with Store.read(gate.bench.folder / "state" / "journal.db") as store:
        return next(n.label for n in store.run("r1").nodes if n.actions == (key,))


# Verify


def test_any_node_can_be_verified_and_each_time_anew(bench: Bench) -> None:
    with gate_of(bench, DROP_60, WORSE) as gate:
        plan = verification_of(gate.room.context, 1)
        for key, verdict in (("drop-60", Verdict.IMPROVED), ("worse", Verdict.WORSE)):
            node = gate.tree.node(label_of(gate, key))
            state = State(node.label, None, node.commit, node.tree_id)
            for _ in range(2):
                assert follow(verified(gate.room, state, plan, None)).verdict is verdict
        attempts = {path.name for path in (gate.room.context.folder / "attempts").iterdir()}
        worse = label_of(gate, "worse")
        assert {f"{worse}-verify-1", f"{worse}-verify-2"} <= attempts


def test_nothing_of_the_searchs_own_snapshots_is_needed(bench: Bench) -> None:
    with gate_of(bench, DROP_60) as gate:
        for label in ("A.1", "A"):
            gate.room.sandbox.discard(tag_of("r1", label))
        node = gate.tree.node("A.1")
        state = State("A.1", None, node.commit, node.tree_id)
        found = follow(verified(gate.room, state, gate.plan, None))
        assert found.verdict is Verdict.IMPROVED


# Merge


def test_what_is_merged_is_judged_with_the_branch_as_it_is_now(bench: Bench) -> None:
    with gate_of(bench, DROP_60) as gate:
        (bench.target / "more").write_text("2000\n" + "\n" * 8 + "1\n")
        git(bench.target, "commit", "-qam", "slower, elsewhere")
        prepared = gate.prepare("A.1")
        examined = follow(examine_merge(gate.room, prepared, gate.plan))
        assert examined.rejection == ""
        measured = examined.verified.measurement
        assert measured is not None
        assert (measured.baseline[0].value, measured.metrics[0].value) == (2070, 2010)
        land(gate.room.context.evidence, prepared, "Merge\n")
        assert (bench.target / "costs").read_text() == "9\n"
        assert len(git(bench.target, "log", "-1", "--format=%P").split()) == 2


def test_a_conflict_is_a_rejection_and_the_work_is_still_there(bench: Bench) -> None:
    with gate_of(bench, DROP_60) as gate:
        (bench.target / "costs").write_text("61\n9\n")
        git(bench.target, "commit", "-qam", "the same line")
        with pytest.raises(Conflicting, match="costs"):
            gate.prepare("A.1")
        assert b"-60" in gate.room.context.evidence.diff("r1", "A", "A.1")


def test_a_check_that_the_merge_breaks_is_a_rejection(bench: Bench) -> None:
    """Each side passes by itself: the branch wants what the change takes away."""
    with gate_of(bench, DROP_60) as gate:
        check = Check("whole", "[ ! -e wanted ] || grep -q -f wanted costs", 30.0)
        context = replace(gate.room.context, task=replace(gate.task, checks=(check,)))
        (bench.target / "wanted").write_text("60\n")
        git(bench.target, "add", "-A")
        git(bench.target, "commit", "-qm", "wants 60")
        prepared = gate.prepare("A.1")
        examined = follow(examine_merge(replace(gate.room, context=context), prepared, gate.plan))
        assert "check whole exited with 1" in examined.rejection
        assert list(Path(examined.log).glob("check-whole*.log"))
        assert git(bench.target, "log", "-1", "--format=%s") == "wants 60"


def test_a_branch_that_fails_by_itself_is_told_so(bench: Bench) -> None:
    with gate_of(bench, DROP_60) as gate:
        (bench.target / "state").write_text("broken\n")
        git(bench.target, "commit", "-qam", "broken")
        examined = follow(examine_merge(gate.room, gate.prepare("A.1"), gate.plan))
        assert examined.rejection.startswith("the branch itself, before the merge: check whole")


def test_a_change_without_a_gain_over_the_branch_needs_leave(bench: Bench) -> None:
    with gate_of(bench, action("tidy", "echo tidy >> state")) as gate:
        prepared = gate.prepare("A.1")
        examined = follow(examine_merge(gate.room, prepared, gate.plan))
        assert examined.rejection.startswith("no difference")
        examined = follow(examine_merge(gate.room, prepared, gate.plan, gain_needed=False))
        assert examined.rejection == ""


def test_a_loss_is_rejected_in_any_case(bench: Bench) -> None:
    with gate_of(bench, WORSE) as gate:
        examined = follow(examine_merge(gate.room, gate.prepare("A.1"), gate.plan, gain_needed=False))
        assert examined.rejection == "it makes the branch as it is now worse"


def test_a_branch_that_moves_meanwhile_stays_where_it_is(bench: Bench) -> None:
    with gate_of(bench, DROP_60) as gate:
        prepared = gate.prepare("A.1")
        assert follow(examine_merge(gate.room, prepared, gate.plan)).rejection == ""
        (bench.target / "state").write_text("whole again\n")
        git(bench.target, "commit", "-qam", "moved")
        with pytest.raises(BranchMoved):
            land(gate.room.context.evidence, prepared, "Merge\n")
        assert git(bench.target, "log", "-1", "--format=%s") == "moved"


# The synthesis of the best parts


def test_the_best_parts_become_one_node(bench: Bench) -> None:
    with gate_of(bench, DROP_60, DROP_30, WORSE) as gate:
        nodes = parts_of(gate.tree, 5)
        best, other = label_of(gate, "drop-60"), label_of(gate, "drop-30")
        assert [node.label for node in nodes] == [best, other]
        synthesis = follow(synthesise(gate.room, gate.tree, nodes))
        assert synthesis.combination.labels == (best, other)
        job = job_of(gate.tree, synthesis.combination)
        expansion = follow(settle(gate.room, job, synthesis, gate.plan))
        label = f"{best}.1"
        assert (job.label, expansion.outcome) == (label, Outcome.IMPROVED)
        assert [a.key for a in job.actions] == [f"merge:{other}"]
        evidence = gate.room.context.evidence
        both = evidence.diff("r1", "A", label)
        assert b"-60" in both and b"-30" in both
        parents = git(evidence.folder, "log", "-1", "--format=%P", evidence.ref("r1", label))
        assert parents.split() == [evidence.commit("r1", each) for each in (best, other)]
        assert expansion.snapshot is not None
        assert gate.room.sandbox.find(tag_of("r1", label)).digest == expansion.snapshot.digest


def test_a_combination_that_was_never_recorded_is_made_anew(bench: Bench) -> None:
    """As a killed command leaves it: an image of the node's name, and what its attempt had kept."""
    with gate_of(bench, DROP_60, DROP_30) as gate:
        for _ in range(2):
            synthesis = follow(synthesise(gate.room, gate.tree, parts_of(gate.tree, 5)))
            job = job_of(gate.tree, synthesis.combination)
            expansion = follow(settle(gate.room, job, synthesis, gate.plan))
            assert expansion.outcome is Outcome.IMPROVED
        assert expansion.snapshot is not None
        found = gate.room.sandbox.find(expansion.snapshot.tag)
        assert found.digest == expansion.snapshot.digest


def test_a_combination_that_fails_says_why(bench: Bench) -> None:
    with gate_of(bench, DROP_60, DROP_30) as gate:
        synthesis = follow(synthesise(gate.room, gate.tree, parts_of(gate.tree, 5)))
        task = replace(gate.task, setup=("exit 3",))
        room = replace(gate.room, context=replace(gate.room.context, task=task))
        job = job_of(gate.tree, synthesis.combination)
        expansion = follow(settle(room, job, synthesis, gate.plan))
        assert (expansion.outcome, expansion.snapshot) == (Outcome.FAILED, None)
        assert expansion.reason == "setup exited with 3"


def test_what_a_killed_command_left_is_removed_by_the_next(bench: Bench) -> None:
    with gate_of(bench, DROP_60) as gate:
        left = replace(gate.room.baseline.snapshot, tag=tag_of("r1", "A.1-verify-9"))
        step = Step("stale", "A.1-verify-9", gate.room.baseline.snapshot.digest, ("true",), Limits())
        sandbox = gate.room.sandbox
        stale = sandbox.run(step, bench.folder / "stale.log")
        sandbox.commit(stale.container, "A.1-verify-9", None, {"attempt": "A.1-verify-9"})
        with closing(bench.open_sandbox("r1", 5, lambda: False)) as other:
            told = {
                phase.facts["name"]: phase.facts["why"] for phase in reconciled(gate.parts, other)
            }
            assert set(told) == {left.tag, stale.container, gate.room.baseline.snapshot.tag}
            assert "a clean room that nobody is in any more" in str(told[left.tag])
            assert set(other.leftovers().snapshot_labels.values()) == {"A", "A.1"}
            assert other.leftovers().containers == ()


def test_a_part_that_adds_nothing_is_left_out(bench: Bench) -> None:
    # Alone it gains a little; where the other one is, it gains nothing.
    with gate_of(bench, DROP_60, action("flag", "touch flag")) as gate:
        synthesis = follow(synthesise(gate.room, gate.tree, parts_of(gate.tree, 5)))
        assert len(synthesis.combination.labels) == 1
        assert not synthesis.parts[1].kept
        assert synthesis.parts[1].why.startswith("no gain over the others")


def test_a_part_that_conflicts_is_left_out_with_the_reason(bench: Bench) -> None:
    other = action("halve", "sed -i 's/^60$/30/' costs")
    with gate_of(bench, DROP_60, other) as gate:
        synthesis = follow(synthesise(gate.room, gate.tree, parts_of(gate.tree, 5)))
        assert [part.why for part in synthesis.parts[1:]] == ["conflicts in costs"]


def test_a_part_that_a_better_state_holds_already_is_no_part(bench: Bench) -> None:
    task = make_task(bench.target, [DROP_60, DROP_30], nodes=4)
    bench.workers = 1
    task = replace(task, benchmark=replace(task.benchmark, command=BENCHMARK))
    bench.run(task)
    with bench.store() as store:
        parts = bench.parts(store, task, "r1")
        with closing(parts.open_sandbox(9)) as sandbox:
            tree = grown(parts, follow(root_of(parts, sandbox)))
    deep = {node.label for node in tree.nodes if node.label.count(".") == 2}
    found = {node.label for node in parts_of(tree, 5)}
    assert deep and deep & found
    assert not any(label.startswith(f"{each}.") for each in found for label in found)

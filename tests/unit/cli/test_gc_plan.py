"""What `oppie gc` takes: a plan that is carried out as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cli.gc_plan import Policy, best_path, chosen, frontier, over, plan
from runner.model import Decision, NodeView, RunView, Snapshot
from runner.report.shape import Removal
from runner.sandbox import spec
from runner.sandbox.protocol import SHELL, HeldContainer, HeldImage, Leftovers
from runner.store import KnownRun

from .test_outcome import view

STATUSES = {"r4": "stopped", "r3": "interrupted", "r2": "running", "r1": "stopped"}
RUNS = tuple(replace(view(), run_id=run, status=status) for run, status in STATUSES.items())
# label -> gain from the root; None is a node that was discarded
GAINS = {
    "A": 0.0, "A.1": 0.2, "A.1.1": 0.3, "A.1.2": 0.05, "A.2": -0.05, "A.2.1": -0.3, "A.3": None,
}  # fmt: skip


def run_of(run_id: str = "r1", status: str = "stopped", best: str = "A.1.1") -> RunView:
    nodes = tuple(_node(run_id, label, gain) for label, gain in GAINS.items())
    return replace(view(), run_id=run_id, status=status, nodes=nodes, best=best, verified=None)


def _node(run_id: str, label: str, gain: float | None) -> NodeView:
    if gain is None:
        return NodeView(label, label.rpartition(".")[0], "discarded", decision=Decision.DISCARD)
    return NodeView(
        label,
        label.rpartition(".")[0],
        "committed",
        decision=Decision.COMMIT,
        gain=gain,
        snapshot=Snapshot(f"oppie/{run_id}:{label}", digest(run_id, label), "", 2, 10),
        tree_id=f"tree-{label}",
    )


def digest(run_id: str, label: str) -> str:
    return f"sha256:{run_id}-{label}"


def image(run_id: str, label: str, base: str | None = None, **facts: object) -> HeldImage:
    above = label.rpartition(".")[0] if base is None else base
    return HeldImage(
        digest(run_id, label),
        run_id,
        label,
        names=(f"oppie/{run_id}:{label}",),
        size_bytes=1000 + 10 * label.count("."),
        parent_digest=digest(run_id, above) if above else "",
        **facts,  # type: ignore[arg-type]
    )


def held(run_id: str = "r1", *more: HeldImage, containers: Sequence[HeldContainer] = ()) -> Leftovers:
    images = [image(run_id, label) for label, gain in GAINS.items() if gain is not None]
    deepest_first = sorted([*images, *more], key=lambda each: (-each.node.count("."), each.names))
    return Leftovers(tuple(containers), tuple(deepest_first))


def names(removals: Sequence[Removal]) -> list[str]:
    return [each.name.rpartition(":")[2] for each in removals]


def planned(policy: Policy, there: Leftovers | None = None, run: RunView | None = None) -> list[str]:
    run = run or run_of()
    return names(plan({run.run_id: run}, {}, there or held(run.run_id), policy))


@pytest.mark.parametrize(
    ("policy", "runs"),
    [
        (Policy(0), ["r4", "r1"]),
        (Policy(1), ["r1"]),
        (Policy(9), []),
        (Policy(0, interrupted=True), ["r4", "r3", "r1"]),
        (Policy(0, evict=True), ["r4", "r3", "r1"]),
        (Policy(1, evict=True), ["r3", "r1"]),
        (Policy(9, only="r1"), ["r1"]),
        (Policy(0, only="r2"), []),  # a planner is at work on it
        (Policy(0, only="r3"), []),
        (Policy(0, only="r3", evict=True), ["r3"]),
    ],
)
def test_which_runs_snapshots_may_go(policy: Policy, runs: list[str]) -> None:
    assert list(chosen(RUNS, policy)) == runs
    assert list(chosen(RUNS[::-1], policy)) == runs


def test_containers_go_of_runs_that_nobody_goes_on_with() -> None:
    assert set(over(RUNS, Policy(9))) == {"r4", "r1"}
    assert set(over(RUNS, Policy(9, interrupted=True))) == {"r4", "r3", "r1"}
    assert set(over(RUNS, Policy(9, evict=True))) == {"r4", "r1"}


def test_all_of_a_run_goes_children_first() -> None:
    assert planned(Policy(0)) == ["A.1.1", "A.1.2", "A.2.1", "A.1", "A.2", "A"]


def test_what_is_kept_of_a_run() -> None:
    assert planned(Policy(0, keep_best=True)) == ["A.1.2", "A.2.1", "A.2"]
    # A.1.2 and A.2.1 are more than 10 % worse than their parents.
    assert frontier(run_of()) == {"A", "A.1", "A.1.1", "A.2"}
    assert planned(Policy(0, keep_frontier=True)) == ["A.1.2", "A.2.1"]
    both = Policy(0, keep_best=True, keep_frontier=True)
    assert planned(both, run=run_of(best="A.1.2")) == ["A.2.1"]


def test_the_best_is_the_one_that_was_verified() -> None:
    run = run_of()
    assert best_path(run) == {"A", "A.1", "A.1.1"}
    verified = view().verified
    assert verified is not None
    chosen_ = replace(run, verified=replace(verified, label="A.2"))
    assert best_path(chosen_) == {"A", "A.2"}


def test_evicting_keeps_the_root_and_what_has_no_recipe() -> None:
    """An attempt that is open may have committed; what `resume` takes over stays."""
    there = held("r3", image("r3", "A.4", base="A"))
    run = run_of("r3", "interrupted")
    assert planned(Policy(0, evict=True), there, run) == ["A.1.1", "A.1.2", "A.2.1", "A.1", "A.2"]
    with_best = Policy(0, evict=True, keep_best=True)
    assert planned(with_best, there, run) == ["A.1.2", "A.2.1", "A.2"]


def test_what_something_that_stays_is_built_on_stays() -> None:
    """An open shell's image, and all below it; somebody's own image on a snapshot."""
    shell = HeldContainer("oppie-r1-shell-1", "r1", spec.KIND_STEP, SHELL, True, digest("r1", "A.1.2"))
    assert planned(Policy(0), held(containers=[shell])) == ["A.1.1", "A.2.1", "A.2"]
    own = replace(image("r1", "A.2.1"), digest="sha256:own", names=(), other_tags=("mine:1",))
    own = replace(own, parent_digest=digest("r1", "A.2"))
    assert planned(Policy(0), held("r1", own)) == ["A.1.1", "A.1.2", "A.2.1", "A.1"]


def test_an_image_without_a_tag_goes_by_its_digest_once_nothing_is_built_on_it() -> None:
    lost = replace(image("r1", "A.1"), digest="sha256:lost", names=(), inner=True)
    child = replace(image("r1", "A.1.9"), parent_digest="sha256:lost")
    run = run_of()
    removals = names(plan({"r1": run}, {}, held("r1", lost, child), Policy(0)))
    assert removals.index("A.1.9") < removals.index("lost")
    kept = plan({"r1": replace(run, best="A.1.9")}, {}, held("r1", lost, child), Policy(0, True))
    assert not {"lost", "A.1.9"} & set(names(kept))


def test_a_size_is_what_an_image_adds() -> None:
    removals = plan({"r1": run_of()}, {}, held(), Policy(0))
    assert [each.size_bytes for each in removals] == [10, 10, 10, 10, 10, 10]


def test_dead_containers_go_first_with_the_reason() -> None:
    dead = HeldContainer("oppie-r1-A.9-1-act", "r1", spec.KIND_STEP, "A.9-1")
    shell = HeldContainer("oppie-r1-shell-2", "r1", spec.KIND_STEP, SHELL, running=True)
    foreign = HeldContainer("oppie-x-A.1-1-act", "x", spec.KIND_STEP, "A.1-1")
    there = held(containers=[dead, shell, foreign])
    removals = plan({}, {"r1": KnownRun("r1", True)}, there, Policy(9))
    assert [(each.kind, each.name) for each in removals] == [("container", dead.name)]
    assert removals[0].reason


def test_whole_runs_go_last() -> None:
    removals = plan({"r1": run_of()}, {}, held(), Policy(0, evidence=True))
    assert [each.kind for each in removals] == ["image"] * 6 + ["run"]
    assert removals[-1].name == "r1"


def test_other_runs_are_not_touched() -> None:
    both = Leftovers((), (*held("r1").held_images, *held("r9").held_images))
    removals = plan({"r1": run_of()}, {}, both, Policy(0))
    assert {each.run_id for each in removals} == {"r1"}


@given(
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(sorted(label for label, gain in GAINS.items() if gain is not None)),
    st.sets(st.sampled_from(sorted(GAINS))),
)
def test_whatever_is_kept_nothing_loses_what_it_stands_on(
    keep_best: bool, keep_frontier: bool, evict: bool, best: str, used: set[str]
) -> None:
    shells = [
        HeldContainer(f"c-{label}", "r1", spec.KIND_STEP, SHELL, True, digest("r1", label))
        for label in used
    ]
    there = held(containers=shells)
    policy = Policy(0, keep_best, keep_frontier, evict)
    gone = planned(policy, there, run_of(best=best))
    left = {each.node: each for each in there.held_images}
    for label in gone:
        removed = left.pop(label)
        assert removed.digest not in {each.parent_digest for each in left.values()}
    assert not used & set(gone)
    assert not keep_best or best not in gone
    assert not evict or "A" not in gone

"""Runs whose snapshots may take so much, on disks that hold so much."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

import pytest

import runner.search
from benchmarks import bounded_disk
from runner.cli.gc_plan import Policy, plan
from runner.errors import EngineOutOfSpace, ExitCode
from runner.model import Action, ActionKind, Phase, Retried, Stopped, StopReason
from runner.planner.watermarks import DiskRules, Mark
from runner.sandbox.fake import FakeSandbox
from runner.sandbox.room import Room
from runner.task import Task
from tests.runs import Bench, action, make_task, with_actions

SMALL = 256 << 10
_DEFAULT = DiskRules()
ADDS = [action(f"add-{n}", f"head -c 30000 /dev/zero | tr '\\0' {n} > part-{n}") for n in range(8)]


def on_a_disk(folder: Path, disk_bytes: int | None, rules: DiskRules = _DEFAULT) -> Bench:
    """A world whose snapshots share a disk of this size."""
    world = folder / "world"
    base = FakeSandbox(world, "base").base()
    return Bench(
        folder,
        lambda run, slot, off: FakeSandbox(world, run, slot, off, disk_bytes),
        base,
        1,
        rules,
    )


# Amounts, so that the disk of whoever runs this has them.
LOW, HIGH = Mark(1.0, 200 << 10, 0), Mark(1.0, 240 << 10, 0)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two attempts, instead of six with a minute of pauses between them."""
    monkeypatch.setattr(runner.search, "MAX_ATTEMPTS", 2)


def test_a_run_stays_below_its_cap_and_rebuilds_what_it_needs(tmp_path: Path) -> None:
    # Of one worker: how much two of them have under way when nobody looks differs from run to run.
    told = bounded_disk.bounded(bounded_disk.on_the_fake(tmp_path, 1), 40, 8, "r1")
    assert bounded_disk.kept(told), bounded_disk.table(told)
    assert told.all_bytes > 2 * told.cap_bytes
    assert told.rebuilt > 0


@pytest.mark.engine
@pytest.mark.usefixtures("nothing_left_behind")
def test_a_run_on_an_engine_does_too(tmp_path: Path, run_id: str) -> None:
    bench = bounded_disk.on_the_engine(tmp_path, 2)
    try:
        told = bounded_disk.bounded(bench, 25, 7, run_id)
    finally:
        bounded_disk.clean(bench, run_id)
    assert bounded_disk.kept(told), bounded_disk.table(told)


def test_eviction_changes_nothing_of_what_a_search_finds(tmp_path: Path) -> None:
    """One worker, so that the order is the same: the tree is that of a run that keeps everything.

    Patches among the actions need the git of the container they are applied in.
    """
    trees = []
    for name, cap in (("free", None), ("capped", 150_000)):
        bench = on_a_disk(tmp_path / name, None, DiskRules(snapshot_bytes=cap))
        task = with_actions(_broad(_task(bench, 12)), *_patches(bench.target), *ADDS[:3])
        events, _ = bench.run(task)
        trees.append([(n.label, n.actions, n.tree_id, n.outcome, n.visits) for n in bench.result().nodes])
        said = {event.name for event in events if isinstance(event, Phase)}
        assert {"snapshot.evicted", "snapshot.rebuilt"} & said == (
            {"snapshot.evicted", "snapshot.rebuilt"} if cap else set()
        )
    assert trees[0] == trees[1]


def _broad(task: Task) -> Task:
    """One action after another at the root, then below its children in turn."""
    return replace(task, search=replace(task.search, policy="ucb1"))


def _patches(target: Path) -> list[Action]:
    """Each changes a file of its own, in the middle."""
    made = []
    for name in ("one", "two", "three"):
        lines = [f"{n}\n" for n in range(9)]
        (target / name).write_text("".join(lines))
        changed = [*lines[:4], "changed\n", *lines[5:]]
        diff = difflib.unified_diff(lines, changed, f"a/{name}", f"b/{name}")
        made.append(Action(f"patch-{name}", ActionKind.PATCH, "".join(diff).encode()))
    return made


def test_a_run_that_was_evicted_while_it_was_interrupted_goes_on(tmp_path: Path) -> None:
    """Nothing but the root is left of it; the tree becomes the one of a run that nobody disturbed."""
    trees = []
    for name, stop_after in (("whole", None), ("cut", 95)):
        bench = on_a_disk(tmp_path / name, None)
        task = _broad(_task(bench, 12))
        bench.run(task, stop_after=stop_after)
        if stop_after:
            evicted = bench.result()
            assert evicted.status == "interrupted" and evicted.evaluations >= 2
            _evict(bench)
            events, _ = bench.run(task)
            assert any(isinstance(e, Phase) and e.name == "snapshot.rebuilt" for e in events)
        trees.append([(n.label, n.actions, n.tree_id, n.outcome, n.visits) for n in bench.result().nodes])
    assert trees[0] == trees[1]


def _evict(bench: Bench) -> None:
    """What `oppie gc --evict` does."""
    sandbox, run = bench.open_sandbox("r1", 0, lambda: False), bench.result()
    removals = plan({"r1": run}, {}, sandbox.leftovers(), Policy(0, evict=True))
    assert removals
    for removal in removals:
        sandbox.discard(removal.name)


def test_a_disk_that_runs_full_is_kept_free_by_evicting(tmp_path: Path) -> None:
    bench = on_a_disk(tmp_path, 2 * SMALL, DiskRules(LOW, HIGH, Mark(0.0)))
    events, finished = bench.run(_task(bench, 12))
    assert finished.stop.reason is StopReason.NODES
    assert any(isinstance(e, Phase) and e.name == "snapshot.evicted" for e in events)
    assert not any(isinstance(e, Retried) for e in events)


@pytest.mark.usefixtures("impatient")
def test_a_full_disk_ends_a_run_clearly_and_a_larger_one_lets_it_go_on(tmp_path: Path) -> None:
    """Nothing may be evicted: the disk is somebody else's. No attempt is counted for it."""
    bench = on_a_disk(tmp_path, SMALL, DiskRules(Mark(0.0), hard=Mark(1.0, SMALL // 2, 0)))
    task = _task(bench, 10)
    events, finished = bench.run(task)
    assert finished.stop.reason is StopReason.ENVIRONMENT
    assert finished.exit_code is ExitCode.ENVIRONMENT
    said = finished.stop.detail
    assert "the engine's disk" in said and "must be" in said and "oppie gc" in said
    assert isinstance(events[-1], Stopped)
    before = bench.result()
    assert before.status == "interrupted"
    assert all(node.visits == 0 or node.outcome in ("improved", "neutral") for node in before.nodes[1:])
    roomy = on_a_disk(tmp_path, None)
    _, finished = roomy.run(task)
    assert finished.stop.reason is StopReason.NODES
    assert roomy.result().evaluations == 10


@pytest.mark.usefixtures("impatient")
def test_a_commit_that_finds_no_room_is_no_fault_of_the_actions(tmp_path: Path) -> None:
    """The watermarks are blind here: it is the engine itself that runs out of space."""
    blind = DiskRules(Mark(0.0), Mark(0.0), Mark(0.0))
    bench = on_a_disk(tmp_path, 100_000, blind)
    _, finished = bench.run(_task(bench, 10))
    assert finished.stop.reason is StopReason.ENVIRONMENT
    assert "no space left on device" in finished.stop.detail
    assert all(n.outcome in (None, "improved", "neutral") for n in bench.result().nodes[1:])


def test_a_root_that_finds_no_room_is_no_failing_root(tmp_path: Path) -> None:
    bench = on_a_disk(tmp_path, SMALL, DiskRules(hard=Mark(1.0)))
    with pytest.raises(EngineOutOfSpace, match="all but full"):
        bench.run(_task(bench, 2))
    _, finished = on_a_disk(tmp_path, None).run(_task(bench, 2))
    assert finished.stop.reason is StopReason.NODES


def test_a_root_that_failed_on_a_full_disk_is_tried_again(tmp_path: Path) -> None:
    """What failed is not kept: the disk was to blame."""
    spoilt, tried = tmp_path / "spoilt", tmp_path / "tried"
    spoilt.touch()

    class Filling(FakeSandbox):
        """A disk that is full once something was tried on it."""

        def room(self) -> Room | None:
            full = spoilt.exists() and tried.exists()
            return Room("/disk", 0 if full else 1 << 40, 1 << 40)

    base = FakeSandbox(tmp_path / "world", "base").base()
    bench = Bench(tmp_path, lambda run, slot, off: Filling(tmp_path / "world", run, slot, off), base)
    task = replace(_task(bench, 2), setup=(f"touch {tried}; [ ! -e {spoilt} ]",))
    with pytest.raises(EngineOutOfSpace, match="/disk"):
        bench.run(task)
    spoilt.unlink()
    _, finished = bench.run(task)
    assert finished.stop.reason is StopReason.NODES


def _task(bench: Bench, nodes: int) -> Task:
    """A catalogue whose states all cost the same, and are as large as they have actions."""
    task = make_task(bench.target, ADDS, nodes)
    return replace(task, checks=(), benchmark=replace(task.benchmark, pairs=1))

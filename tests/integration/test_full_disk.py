"""The engine's disk runs full in the middle of each thing that is written to it."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from worlds import LIMITS

import runner.search
from runner.errors import EngineOutOfSpace, ExitCode
from runner.model import Outcome, Phase, Retried, StopReason
from runner.planner.watermarks import DiskRules, Mark, shortage
from runner.sandbox import images, snapshots
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.images import Build
from runner.sandbox.protocol import Exit, Leftovers, Step
from runner.task import Task
from tests.faults.daemon import IMAGE, give_image, small_image
from tests.faults.small_disk import SmallDisk, daemon_on_a_small_disk
from tests.runs import Bench, action, make_task

pytestmark = pytest.mark.engine

MIB = 1 << 20
DISK_BYTES = 160 * MIB
WRITES = "head -c {0} /dev/zero >big"


@pytest.fixture(scope="module")
def disk(client: docker.DockerClient, agent_image: str) -> Iterator[SmallDisk]:
    if os.geteuid() != 0 or not shutil.which("dockerd") or not shutil.which("mkfs.ext4"):
        pytest.skip("only root, with dockerd and mkfs.ext4 installed, can start such a daemon")
    root = small_image(client, agent_image)
    with daemon_on_a_small_disk(DISK_BYTES) as disk:
        give_image(disk.daemon, root)
        yield disk


@pytest.fixture
def door(disk: SmallDisk, run_id: str) -> Iterator[EngineSandbox]:
    disk.empty()
    with closing(EngineSandbox(connect(disk.url), run_id, IMAGE)) as door:
        yield door
        disk.empty()
        for container in door.leftovers().containers:
            door.remove(container)
        while found := door.leftovers().images:
            door.discard(found[0])


def step(name: str, script: str, archive: list[bytes] | None = None, image: str = IMAGE) -> Step:
    return Step(name, "A.1-1", image, ("sh", "-c", script), LIMITS, archive=archive)


def ran(door: EngineSandbox, folder: Path, script: str, name: str = "A.1-1-act") -> str:
    """A stopped container in which a script has run."""
    result = door.run(step(name, script), folder / "log")
    assert result.exit is Exit.OK, (folder / "log").read_bytes()
    return result.container


# -- each write --------------------------------------------------------------------------------------


def test_the_room_that_is_told_is_that_of_the_engines_own_disk(
    disk: SmallDisk, door: EngineSandbox
) -> None:
    room = door.room()
    assert room is not None and room.where == str(disk.data)
    assert room.total_bytes < DISK_BYTES
    assert 0 < room.free_inodes < room.total_inodes
    disk.leave(5 * MIB)
    after = door.room()
    assert after is not None and after.free_bytes <= 5 * MIB < room.free_bytes


def test_while_a_container_is_made(disk: SmallDisk, door: EngineSandbox, tmp_path: Path) -> None:
    disk.leave(0)
    with pytest.raises(EngineOutOfSpace, match="no space left on device"):
        door.run(step("A.1-1-act", "true"), tmp_path / "log")
    disk.empty()
    assert door.leftovers() == Leftovers()
    ran(door, tmp_path, "true")


def test_while_there_is_no_inode_left(
    disk: SmallDisk, door: EngineSandbox, tmp_path: Path
) -> None:
    """Most of the bytes are free."""
    container = ran(door, tmp_path, "for n in $(seq 40); do : >file-$n; done")
    disk.leave_inodes(20)
    room = door.room()
    assert room is not None and room.free_inodes <= 20
    assert "20 inodes are free" in shortage(room, Mark(1.0, 0, 1000))
    with pytest.raises(EngineOutOfSpace, match="no space left on device"):
        door.commit(container, "A.1", None, {"attempt": "A.1-1"})
    assert door.leftovers().images == ()
    disk.empty()
    door.commit(container, "A.1", None, {"attempt": "A.1-1"})
    door.remove(container)


def test_while_an_archive_is_put_in(disk: SmallDisk, door: EngineSandbox, tmp_path: Path) -> None:
    ran(door, tmp_path, WRITES.format(20 * MIB))
    archive = b"".join(door.archive(f"oppie-{door._run_id}-A.1-1-act"))
    door.remove(f"oppie-{door._run_id}-A.1-1-act")
    disk.leave(8 * MIB)
    with pytest.raises(EngineOutOfSpace, match="no space left on device"):
        door.run(step("A.1-2-act", "true", [archive]), tmp_path / "log")
    assert door.leftovers().containers == ()


def test_while_a_command_writes(disk: SmallDisk, door: EngineSandbox, tmp_path: Path) -> None:
    """Within its own limits: the command may fail of it, and is not to blame."""
    disk.leave(8 * MIB)
    with pytest.raises(EngineOutOfSpace, match="the engine's disk"):
        door.run(step("A.1-1-act", WRITES.format(20 * MIB)), tmp_path / "log")
    assert b"No space left on device" in (tmp_path / "log").read_bytes()
    assert door.leftovers().containers == ()
    assert disk.free_bytes > 7 * MIB


@pytest.mark.parametrize("flat", [False, True], ids=["commit", "flatten"])
def test_while_a_snapshot_is_made(
    disk: SmallDisk, door: EngineSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flat: bool
) -> None:
    """It is made later, once there is room; nothing is left of the first attempt."""
    if flat:
        monkeypatch.setattr(snapshots, "MAX_DEPTH", 1)
    container = ran(door, tmp_path, WRITES.format(20 * MIB))
    disk.leave(8 * MIB)
    with pytest.raises(EngineOutOfSpace, match="no space left on device"):
        door.commit(container, "A.1", None, {"attempt": "A.1-1"})
    assert door.leftovers().images == ()
    free_bytes = disk.free_bytes
    disk.empty()
    assert free_bytes > 7 * MIB  # what was written of it is gone
    made = door.commit(container, "A.1", None, {"attempt": "A.1-1"})
    assert (made.depth == 1) is flat
    door.remove(container)


@pytest.mark.usefixtures("door")
@pytest.mark.parametrize("by", ["build", "import"])
def test_while_an_image_is_made(disk: SmallDisk, tmp_path: Path, by: str) -> None:
    disk.leave(8 * MIB)
    files = {"Dockerfile": f"FROM {IMAGE}\nCOPY big /big\n".encode(), "big": bytes(20 * MIB)}
    tar = tmp_path / "root.tar"
    _write_tar(tar, 20 * MIB)
    with closing(connect(disk.url)) as client:
        with pytest.raises(EngineOutOfSpace, match="no space left on device"):
            if by == "build":
                list(images.build(client, Build("t:1", files, "Dockerfile")))
            else:
                images.import_root(client, tar, "t:1", ())
        assert images.find(client, "t:1") is None


def _write_tar(path: Path, size_bytes: int) -> None:
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("big")
        member.size = size_bytes
        tar.addfile(member, io.BytesIO(bytes(size_bytes)))


# -- whole searches ----------------------------------------------------------------------------------


def bench_on(disk: SmallDisk, folder: Path, rules: DiskRules) -> Bench:
    return Bench(
        folder,
        lambda run, slot, off: EngineSandbox(connect(disk.url), run, IMAGE, slot, off),
        IMAGE,
        1,
        rules,
    )


def task_of(bench: Bench, size_bytes: int, nodes: int) -> Task:
    """Actions that each write so much, which no evidence is kept of; states that cost the same."""
    adds = [
        action(f"add-{n}", f"echo {n} >part-{n} && head -c {size_bytes} /dev/zero >fill-{n}")
        for n in range(6)
    ]
    (bench.target / ".gitignore").write_text("fill-*\n")
    task = make_task(bench.target, adds, nodes)
    return replace(
        task,
        checks=(),
        setup=(),
        benchmark=replace(task.benchmark, pairs=1),
        search=replace(task.search, policy="ucb1"),
    )


def marks(low: int, high: int, hard: int) -> DiskRules:
    return DiskRules(*(Mark(1.0, each * MIB, 0) for each in (low, high, hard)))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two attempts, instead of six with a minute of pauses between them."""
    monkeypatch.setattr(runner.search, "MAX_ATTEMPTS", 2)


def test_a_search_evicts_and_goes_on(disk: SmallDisk, run_id: str, tmp_path: Path) -> None:
    disk.empty()
    disk.leave(60 * MIB)
    bench = bench_on(disk, tmp_path, marks(30, 40, 12))
    events, finished = bench.run(task_of(bench, 8 * MIB, 8), run_id)
    assert finished.stop.reason is StopReason.NODES, finished.stop
    assert any(isinstance(each, Phase) and each.name == "snapshot.evicted" for each in events)
    assert not any(isinstance(each, Retried) for each in events)
    outcomes = {node.outcome for node in bench.result(run_id).nodes[1:]}
    assert outcomes == {Outcome.NEUTRAL}
    _clear(disk, run_id)


@pytest.mark.usefixtures("impatient")
def test_a_search_that_finds_no_room_stops_clearly_and_goes_on_later(
    disk: SmallDisk, run_id: str, tmp_path: Path
) -> None:
    """The actions write more than there is, within their own limits: that is no fault of theirs."""
    disk.empty()
    bench = bench_on(disk, tmp_path, marks(0, 0, 4))
    task = task_of(bench, 24 * MIB, 4)
    disk.leave(16 * MIB)
    _, finished = bench.run(task, run_id)
    assert finished.exit_code is ExitCode.ENVIRONMENT
    assert finished.stop.reason is StopReason.ENVIRONMENT
    assert "the engine's disk" in finished.stop.detail and str(disk.data) in finished.stop.detail
    view = bench.result(run_id)
    assert view.evaluations == 0 and view.status == "interrupted"
    disk.empty()
    _, finished = bench.run(task, run_id)
    assert finished.stop.reason is StopReason.NODES, finished.stop
    view = bench.result(run_id)
    assert view.evaluations == 4
    assert {node.outcome for node in view.nodes[1:]} == {Outcome.NEUTRAL}
    _clear(disk, run_id)


def _clear(disk: SmallDisk, run_id: str) -> None:
    disk.empty()
    with closing(EngineSandbox(connect(disk.url), run_id, IMAGE)) as door:
        assert door.leftovers().containers == ()
        while found := door.leftovers().images:
            door.discard(found[0])


@pytest.mark.usefixtures("nothing_left_behind")
def test_an_engine_whose_folder_is_not_to_be_seen_is_asked(agent_image: str, run_id: str) -> None:
    """As from within a container, or from another machine: a container there tells the same."""
    with closing(EngineSandbox(connect(), run_id, agent_image)) as door:
        seen = door.room()
        door._disk = None
        told = door.room()
        assert seen is not None and told is not None
        assert told.total_bytes == pytest.approx(seen.total_bytes, rel=0.01)
        assert told.free_bytes == pytest.approx(seen.free_bytes, rel=0.1)
        assert told.total_inodes == seen.total_inodes
        assert door.leftovers() == Leftovers()

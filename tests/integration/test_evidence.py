"""Workspaces as the real engine hands them out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from runner.evidence import Evidence, pack_target
from runner.sandbox import spec

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("nothing_left_behind")]

ACTION = r"""
set -e
cd /workspace
printf 'now\n' > changed.txt
rm gone.txt
ln a.sh hard
ln -s /etc/passwd abs
ln -s sub/b up
chmod -x was-executable
mkfifo pipe
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")'
truncate -s 3M sparse && printf end >> sparse
mkdir -p build sub/.git empty "$(printf 'new\nline')"
touch build/out.o sub/.git/HEAD sub/x.o keep.o "$(printf 'new\nline')/$(printf 'bad\377')"
name=$(printf 'n%.0s' $(seq 200))
mkdir -p $name/$name && printf long > $name/$name/$name
"""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.sh", "changed.txt", "gone.txt", "was-executable", "keep.o", "sub/b", "é"):
        (folder / name).write_text(name)
    (folder / os.fsdecode(b"odd\xfe")).write_text("x")
    (folder / "l").mkdir()
    (folder / "l" / ("m" * 150)).write_text("x")
    (folder / "a.sh").chmod(0o755)
    (folder / "was-executable").chmod(0o755)
    (folder / "link").symlink_to("sub/b")
    (folder / ".gitignore").write_text("*.o\nbuild/\n")
    return folder


@contextmanager
def container(
    client: docker.DockerClient, image: str, run_id: str, command: list[str]
) -> Iterator[Container]:
    made = client.containers.create(
        image, command, labels={spec.RUN: run_id}, network_mode="none", entrypoint=[]
    )
    try:
        yield made
    finally:
        made.remove(force=True)


def test_a_workspace_comes_back_as_it_went(
    client: docker.DockerClient, agent_image: str, run_id: str, target: Path, tmp_path: Path
) -> None:
    evidence = Evidence(tmp_path / "evidence.git")
    before = evidence.record(run_id, "target", "", pack_target(target, lambda _: False), "target")
    with container(client, agent_image, run_id, ["true"]) as made:
        made.put_archive("/", pack_target(target, lambda _: False))
        stream, _ = made.get_archive("/workspace")
        after = evidence.record(run_id, "A", before.commit, stream, "A")
    assert after.tree_id == before.tree_id
    assert after.files_changed == 0
    assert after.skipped == ()


def test_what_a_container_can_do_to_its_workspace(
    client: docker.DockerClient, agent_image: str, run_id: str, target: Path, tmp_path: Path
) -> None:
    evidence = Evidence(tmp_path / "evidence.git")
    root = evidence.record(run_id, "A", "", pack_target(target, lambda _: False), "A")
    rules = evidence.ignore_rules(root.commit)
    with container(client, agent_image, run_id, ["sh", "-c", ACTION]) as made:
        made.put_archive("/", pack_target(target, lambda _: False))
        made.start()
        status = made.wait()
        assert status["StatusCode"] == 0, made.logs().decode()
        stream, _ = made.get_archive("/workspace")
        done = evidence.record(run_id, "A.1", root.commit, stream, "A.1", rules)
    files = evidence.manifest(done.commit)
    bad, long = os.fsdecode(b"new\nline/bad\xff"), "/".join(["n" * 200] * 3)
    assert set(evidence.changed(root.commit, done.commit)) == {
        "changed.txt", "gone.txt", "hard", "abs", "up", "was-executable", "sparse", bad, long,
    }  # fmt: skip
    assert done.files_changed == 9
    assert "gone.txt" not in files
    assert files["hard"] == files["a.sh"]
    assert files["abs"].startswith("120000")
    assert files["was-executable"].startswith("100644")
    assert "keep.o" in files  # ignored, but the target came with it
    assert {"build/out.o", "sub/x.o", "sub/.git/HEAD"}.isdisjoint(files)
    assert [name.partition(":")[0] for name in done.skipped] == ["'pipe'"]
    assert done.parent_tree_id == root.tree_id

    out = tmp_path / "out"
    assert evidence.checkout(run_id, "A.1", out) == ("abs",)
    assert (out / "abs").read_text() == "/etc/passwd"
    assert (out / "sparse").read_bytes() == bytes(3 << 20) + b"end"
    assert (out / long).read_text() == "long"

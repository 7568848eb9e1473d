"""Folder trees: copied, measured, packed, unpacked, removed."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from runner.sandbox.trees import copy_tree, pack, remove_tree, tree_bytes, unpack


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "f").write_bytes(b"x" * 100)
    (root / "d" / "f").chmod(0o640)
    (root / "run").write_bytes(b"#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / "link").symlink_to("d/f")
    (root / "dangling").symlink_to("/no/where")
    (root / "to-dir").symlink_to("d")
    os.utime(root / "run", ns=(10**18, 10**18))
    (root / "d").chmod(0o750)
    return root


def facts(root: Path) -> dict[str, tuple[int, str, bytes]]:
    found = {}
    for path in sorted(root.rglob("*")):
        link = str(path.readlink()) if path.is_symlink() else ""
        content = path.read_bytes() if path.is_file() and not link else b""
        mode = 0 if link else path.stat().st_mode & 0o7777
        found[str(path.relative_to(root))] = (mode, link, content)
    return found


def test_a_copy_is_the_same(tree: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy_tree(tree, copy)
    assert facts(copy) == facts(tree)
    assert (copy / "run").stat().st_mtime_ns == 10**18
    assert (copy / "run").stat().st_ino != (tree / "run").stat().st_ino


def test_a_copy_goes_to_a_place_that_is_free(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        copy_tree(tree, tmp_path)


def test_size_counts_files_and_not_what_links_point_to(tree: Path) -> None:
    assert tree_bytes(tree) == 110
    assert tree_bytes(tree / "no-such-folder") == 0


def test_packed_and_unpacked_it_is_the_same(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    (target / "workspace" / "run").mkdir(parents=True)
    (target / "workspace" / "run" / "in-the-way").touch()
    (target / "workspace" / "link").symlink_to(tmp_path / "must-not-be-written")
    (target / "workspace" / "kept").touch()
    unpack(pack(tree, "workspace"), target)
    (target / "workspace" / "kept").unlink()
    assert facts(target / "workspace") == facts(tree)
    assert not (tmp_path / "must-not-be-written").exists()


def test_a_pack_belongs_to_the_containers_user(tree: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(b"".join(pack(tree, "workspace")))) as tar:
        owners = {(member.uid, member.gid, member.uname) for member in tar}
        assert owners == {(1000, 1000, "")}


def test_closed_folders_are_removed_too(tree: Path) -> None:
    (tree / "d" / "e").chmod(0)
    (tree / "d").chmod(0o500)
    remove_tree(tree)
    assert not tree.exists()
    remove_tree(tree)


def test_a_folder_goes_although_somebody_who_was_killed_still_makes_files(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    endless = 'i=0; while :; do i=$((i+1)); : > "$0/$i"; done'
    with subprocess.Popen(["sh", "-c", endless, folder], stderr=subprocess.DEVNULL) as dying:
        while not any(folder.iterdir()):
            assert dying.poll() is None
        killer = threading.Timer(0.2, dying.kill)
        killer.start()
        remove_tree(folder)
        killer.cancel()
        dying.kill()
    assert not folder.exists()

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from runner.errors import TaskError
from runner.evidence import Evidence, pack_target
from runner.evidence import target as target_module


def git(folder: Path, *args: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=u", "-c", "user.email=u@x", "-c", "protocol.file.allow=always",
         "-C", str(folder), *args],
        check=True, capture_output=True,
    )  # fmt: skip


def packed(target: Path, *excluded: str) -> dict[str, tarfile.TarInfo]:
    data = b"".join(pack_target(target, lambda path: path in excluded))
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        return {info.name.removeprefix("workspace").lstrip("/"): info for info in tar}


def files(target: Path, *excluded: str) -> set[str]:
    return {name for name, info in packed(target, *excluded).items() if not info.isdir()}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(os.fsencode(name))


def test_a_plain_folder_without_what_is_made_by_tools(target: Path) -> None:
    write(
        target, "a.py", "sub/b.py", ".hidden", ".git/config", ".venv/x", "sub/node_modules/y",
        "__pycache__/z.pyc", ".oppie/journal.db",
    )  # fmt: skip
    (target / "empty").mkdir()
    assert files(target) == {"a.py", "sub/b.py", ".hidden"}


def test_headers_are_the_containers_users_and_always_the_same(target: Path) -> None:
    write(target, "sub/a")
    (target / "sub" / "a").chmod(0o700)
    write(target, "b")
    (target / "b").chmod(0o600)
    members = packed(target)
    assert list(members)[:1] == [""]
    assert {(info.uid, info.gid) for info in members.values()} == {(1000, 1000)}
    assert {info.mtime for info in members.values()} == {target_module.MTIME_S}
    assert members["sub/a"].mode == 0o755
    assert members["b"].mode == 0o644
    assert members["sub"].isdir()
    before = b"".join(pack_target(target, lambda _: False))
    os.utime(target / "b", (5, 5))
    assert b"".join(pack_target(target, lambda _: False)) == before


def test_a_git_work_tree_as_it_is_now(target: Path) -> None:
    git(target, "init", "-q")
    write(target, "kept", "changed", "deleted", "logs/forced.log", ".gitignore")
    (target / ".gitignore").write_text("*.log\n.venv/\n")
    git(target, "add", "-f", ".")
    git(target, "commit", "-qm", "x")
    (target / "deleted").unlink()
    (target / "changed").write_text("now")
    write(target, "untracked", "noise.log", ".venv/x", ".oppie/journal.db", "sub/__pycache__/y")
    assert files(target) == {
        "kept", "changed", "untracked", "logs/forced.log", ".gitignore", "sub/__pycache__/y",
    }  # fmt: skip
    data = b"".join(pack_target(target, lambda _: False))
    assert b"now" in data


def test_a_subfolder_of_a_repository(target: Path) -> None:
    git(target, "init", "-q")
    write(target, "outside", "proj/in", "proj/skip.log", ".gitignore")
    (target / ".gitignore").write_text("*.log\nignored/\n")
    write(target, "ignored/a.py", "ignored/b.log")
    git(target, "add", "proj/in")
    assert files(target / "proj") == {"in"}
    # The outer repository knows nothing of this folder, so it is taken as it is.
    assert files(target / "ignored") == {"a.py", "b.log"}


def test_nested_repositories_are_taken_along(target: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q")
    write(library, "lib.c")
    git(library, "add", ".")
    git(library, "commit", "-qm", "x")
    git(target, "init", "-q")
    git(target, "submodule", "add", "-q", str(library), "vendor/library")
    write(target, "main.c", "nested/x.c")
    git(target / "nested", "init", "-q")
    assert files(target) == {".gitmodules", "vendor/library/lib.c", "main.c", "nested/x.c"}


def test_odd_files(target: Path) -> None:
    write(target, "a")
    os.mkfifo(target / "pipe")
    (target / "abs").symlink_to("/etc/passwd")
    (target / "up").symlink_to("../../x")
    (target / "dir").mkdir()
    (target / "to-dir").symlink_to("dir")
    os.link(target / "a", target / "hard")
    name = os.fsdecode(b"bad\xff")
    write(target, name, "l" * 200 + "/" + "m" * 200, "new\nline")
    members = packed(target)
    assert "pipe" not in members
    assert members["abs"].linkname == "/etc/passwd"
    assert members["up"].linkname == "../../x"
    assert members["to-dir"].issym()
    assert members["hard"].isreg()
    assert {name, "new\nline", "l" * 200 + "/" + "m" * 200} <= members.keys()


def test_odd_names_reach_the_evidence(target: Path, evidence: Evidence) -> None:
    name = os.fsdecode(b"bad\xff")
    write(target, name, "é", "new\nline")
    done = evidence.record("r", "target", "", pack_target(target, lambda _: False), "x")
    assert set(evidence.manifest(done.commit)) == {name, "é", "new\nline"}
    assert done.skipped == ()


def test_excluded_paths_are_relative(target: Path) -> None:
    write(target, "a", "data/big.bin")
    assert files(target, "data/big.bin") == {"a"}


def test_an_empty_folder_is_an_empty_workspace(target: Path) -> None:
    assert list(packed(target)) == [""]


def test_a_file_that_cannot_be_read_is_named() -> None:
    # Even root can't read the first byte of its own memory.
    with pytest.raises(TaskError, match="'mem': Input/output error"):
        list(target_module._members(Path("/proc/self"), ["mem"]))


def test_a_small_file_that_never_holds_still_is_named() -> None:
    # Its size is told as 0, whatever is read of it.
    with pytest.raises(TaskError, match="'version' changed while it was being read"):
        list(target_module._members(Path("/proc"), ["version"]))


@pytest.mark.parametrize("size", [1, 5 << 20])
def test_a_large_file_that_changes_is_named(target: Path, size: int) -> None:
    (target / "big").write_bytes(bytes(target_module.WHOLE_BYTES + (2 << 20)))
    stream = pack_target(target, lambda _: False)
    next(stream)
    with (target / "big").open("r+b") as out:
        out.truncate(size)
    with pytest.raises(TaskError, match="'big' changed while it was being read"):
        list(stream)


def test_a_large_file_is_whole(target: Path) -> None:
    data = os.urandom(target_module.WHOLE_BYTES + 12345)
    (target / "big").write_bytes(data)
    stream = b"".join(pack_target(target, lambda _: False))
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        found = tar.extractfile("workspace/big")
        assert found is not None
        assert found.read() == data


def test_a_target_that_is_not_there(target: Path) -> None:
    with pytest.raises(TaskError, match="No such file"):
        packed(target / "nowhere")

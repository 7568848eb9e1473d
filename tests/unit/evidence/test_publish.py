from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runner.evidence import Evidence, Refused, apply, pack_target, publish

from .tars import Member, chunks, file, symlink, tar

RUN = "20261121-024017-ab12"
BRANCH = "oppie/best"


def git(folder: Path, *args: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=u", "-c", "user.email=u@x", "-C", str(folder), *args],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A user's repository, the target in a folder of it."""
    folder = tmp_path / "repo"
    (folder / "my proj").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "README").write_text("outside\n")
    (folder / "my proj" / "a.py").write_text("".join(f"line {i}\n" for i in range(40)))
    (folder / "my proj" / "b.bin").write_bytes(b"\0\1\2")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def changed(text: str = "line 7\n", into: str = "better 7\n") -> str:
    return "".join(f"line {i}\n" for i in range(40)).replace(text, into)


def record(evidence: Evidence, target: Path, *members: Member) -> None:
    root = evidence.record(RUN, "A", "", pack_target(target, lambda _: False), "root")
    evidence.record(RUN, "A.1", root.commit, chunks(tar(*members)), "A.1")


def snapshot(repo: Path) -> tuple[str, str, str, bytes]:
    return (
        git(repo, "status", "--porcelain"),
        git(repo, "rev-parse", "HEAD"),
        git(repo, "for-each-ref"),
        (repo / ".git" / "index").read_bytes(),
    )


def test_a_branch_from_a_subfolder(repo: Path, evidence: Evidence) -> None:
    target = repo / "my proj"
    record(
        evidence, target, file("a.py", changed()), file("b.bin", b"\0\1\3"),
        file("new/c", "x", mode=0o755), symlink("l", "a.py"),
    )  # fmt: skip
    status, head, refs, index = snapshot(repo)
    commit = publish(evidence, target, RUN, "A.1", BRANCH, "faster\n\nVerified.\n")
    assert (git(repo, "status", "--porcelain"), git(repo, "rev-parse", "HEAD")) == (status, head)
    assert (repo / ".git" / "index").read_bytes() == index
    assert git(repo, "rev-parse", BRANCH) == commit
    assert git(repo, "rev-parse", f"{BRANCH}^") == head
    assert git(repo, "log", "-1", "--format=%an %s", BRANCH) == "oppie faster"
    assert git(repo, "show", f"{BRANCH}:my proj/a.py") == changed().strip()
    assert git(repo, "show", f"{BRANCH}:README") == "outside"
    assert git(repo, "diff", "--name-only", "main", BRANCH).splitlines() == [
        "my proj/a.py", "my proj/b.bin", "my proj/l", "my proj/new/c",
    ]  # fmt: skip
    assert refs in git(repo, "for-each-ref")


def test_uncommitted_changes_elsewhere_are_merged(repo: Path, evidence: Evidence) -> None:
    target = repo / "my proj"
    mine = changed("line 30\n", "mine 30\n")
    (target / "a.py").write_text(mine)
    record(evidence, target, file("a.py", mine.replace("line 7\n", "better 7\n")),
           file("b.bin", b"\0\1\2"))  # fmt: skip
    publish(evidence, target, RUN, "A.1", BRANCH, "x")
    assert git(repo, "show", f"{BRANCH}:my proj/a.py") == changed().strip()
    assert (target / "a.py").read_text() == mine


def test_a_change_that_does_not_apply_is_refused(repo: Path, evidence: Evidence) -> None:
    target = repo / "my proj"
    (target / "a.py").write_text("all new\n")
    record(evidence, target, file("a.py", "all newer\n"), file("b.bin", b"\0\1\2"))
    before = snapshot(repo)
    with pytest.raises(Refused, match="does not apply to HEAD"):
        publish(evidence, target, RUN, "A.1", BRANCH, "x")
    assert snapshot(repo) == before


def test_an_existing_branch_is_not_moved(repo: Path, evidence: Evidence) -> None:
    target = repo / "my proj"
    record(evidence, target, file("a.py", changed()), file("b.bin", b"\0\1\2"))
    with pytest.raises(Refused, match="'main' exists"):
        publish(evidence, target, RUN, "A.1", "main", "x")
    first = publish(evidence, target, RUN, "A.1", BRANCH, "x")
    assert publish(evidence, target, RUN, "A.1", BRANCH, "x") == first
    with pytest.raises(Refused, match="can't be made"):
        publish(evidence, target, RUN, "A.1", f"{BRANCH}/deeper", "x")
    with pytest.raises(Refused, match="does not allow this name"):
        publish(evidence, target, RUN, "A.1", "bad..name", "x")


def test_places_that_cannot_take_a_branch(tmp_path: Path, evidence: Evidence) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "a").write_text("1")
    record(evidence, plain, file("a", "2"))
    with pytest.raises(Refused, match="in no git repository"):
        publish(evidence, plain, RUN, "A.1", BRANCH, "x")
    git(plain, "init", "-q")
    with pytest.raises(Refused, match="no commit yet"):
        publish(evidence, plain, RUN, "A.1", BRANCH, "x")
    with pytest.raises(Refused, match="in no git repository"):
        publish(evidence, tmp_path / "nowhere", RUN, "A.1", BRANCH, "x")


def test_a_target_that_the_repository_ignores(repo: Path, evidence: Evidence) -> None:
    (repo / ".gitignore").write_text("scratch/\n")
    target = repo / "scratch"
    target.mkdir()
    (target / "a").write_text("1\n")
    record(evidence, target, file("a", "2\n"))
    with pytest.raises(Refused, match="does not apply"):
        publish(evidence, target, RUN, "A.1", BRANCH, "x")


def test_no_change_is_a_branch_without_one(repo: Path, evidence: Evidence) -> None:
    record(evidence, repo / "my proj", file("a.py", changed("", "")), file("b.bin", b"\0\1\2"))
    publish(evidence, repo / "my proj", RUN, "A.1", BRANCH, "x")
    assert git(repo, "diff", "main", BRANCH) == ""


def test_hooks_of_the_repository_do_not_run(repo: Path, evidence: Evidence) -> None:
    for name in ("reference-transaction", "post-checkout", "post-index-change"):
        hook = repo / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch '{repo}/hooked'\n")
        hook.chmod(0o755)
    record(evidence, repo / "my proj", file("a.py", changed()), file("b.bin", b"\0\1\2"))
    publish(evidence, repo / "my proj", RUN, "A.1", BRANCH, "x")
    assert not (repo / "hooked").exists()


def test_apply_switches_to_the_branch(repo: Path, evidence: Evidence) -> None:
    target = repo / "my proj"
    (repo / "untracked").write_text("mine")
    record(evidence, target, file("a.py", changed()), file("b.bin", b"\0\1\2"))
    commit = apply(evidence, target, RUN, "A.1", BRANCH, "x")
    assert git(repo, "rev-parse", "HEAD") == commit
    assert git(repo, "branch", "--show-current") == BRANCH
    assert (target / "a.py").read_text() == changed()
    assert (repo / "untracked").read_text() == "mine"
    assert git(repo, "status", "--porcelain") == "?? untracked"


def test_apply_refuses_a_dirty_tree(repo: Path, evidence: Evidence) -> None:
    target = repo / "my proj"
    record(evidence, target, file("a.py", changed()), file("b.bin", b"\0\1\2"))
    (repo / "README").write_text("mine\n")
    before = snapshot(repo)
    with pytest.raises(Refused, match=r"uncommitted changes \(README\)"):
        apply(evidence, target, RUN, "A.1", BRANCH, "x")
    assert snapshot(repo) == before


def test_apply_leaves_nothing_behind_when_a_file_is_in_the_way(
    repo: Path, evidence: Evidence
) -> None:
    target = repo / "my proj"
    record(evidence, target, file("a.py", changed()), file("b.bin", b"\0\1\2"), file("new", "1"))
    (target / "new").write_text("mine, untracked")
    before = snapshot(repo)
    with pytest.raises(Refused, match="can't be switched"):
        apply(evidence, target, RUN, "A.1", BRANCH, "x")
    assert snapshot(repo) == before
    assert (target / "new").read_text() == "mine, untracked"


def test_apply_is_the_users_own_git(
    repo: Path, evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    git_config = home / ".gitconfig"
    git_config.write_text('[filter "loud"]\n\tsmudge = tr a-z A-Z\n\tclean = tr A-Z a-z\n')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    target = repo / "my proj"
    attributes = "*.txt filter=loud\n"
    record(
        evidence, target, file("a.py", changed("", "")), file("b.bin", b"\0\1\2"),
        file(".gitattributes", attributes), file("new.txt", "quiet\n"),
    )  # fmt: skip
    apply(evidence, target, RUN, "A.1", BRANCH, "x")
    assert (target / "new.txt").read_text() == "QUIET\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository away")
def test_a_repository_of_another_user(repo: Path, evidence: Evidence) -> None:
    for path in (repo, *repo.rglob("*")):
        os.lchown(path, 12345, 12345)
    target = repo / "my proj"
    record(evidence, target, file("a.py", changed()), file("b.bin", b"\0\1\2"))
    publish(evidence, target, RUN, "A.1", BRANCH, "x")
    assert (repo / ".git" / "refs" / "heads" / BRANCH).exists()

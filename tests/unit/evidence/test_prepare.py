from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from runner.evidence import Conflicting, Evidence, Prepared, Refused, prefix_of, prepare

from .repos import (
    RUN,
    commit,
    git,
    lines,
    make_repo,
    programs,
    record_node,
    record_root,
    state,
    write,
)
from .tars import file

FILES = {"README": "outside\n", "my proj/a.py": lines(), "my proj/b.py": "b\n"}


@pytest.fixture(autouse=True)
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", FILES)


@pytest.fixture
def target(repo: Path) -> Path:
    return repo / "my proj"


def text(evidence: Evidence, commit_id: str, path: str) -> str:
    return git(evidence.folder, "show", f"{commit_id}:{path}")


def faster(evidence: Evidence, target: Path, **more: str) -> None:
    """The usual run: `A.1` made line 7 faster."""
    record_root(evidence, target)
    record_node(evidence, "A.1", {"a.py": lines(n7="faster"), **more})


def test_the_branch_as_it_is_now(repo: Path, target: Path, evidence: Evidence) -> None:
    faster(evidence, target)
    began = git(repo, "rev-parse", "HEAD")
    write(repo, {"my proj/a.py": lines(n30="moved on"), "README": "other\n", "my proj/new": "1\n"})
    head = commit(repo)
    before = state(repo)
    objects = git(repo, "count-objects", "-v")
    made = prepare(evidence, target, RUN, "A.1")
    assert (made.branch, made.merge.head, made.merge.fork) == ("main", head, began)
    assert (made.place.top, made.place.prefix) == (repo, "my proj/")
    assert made.paths == ("my proj/a.py",)
    assert made.notes == ()
    assert text(evidence, made.before, "a.py") == lines(n30="moved on").strip()
    assert text(evidence, made.after, "a.py") == lines(n7="faster", n30="moved on").strip()
    assert sorted(evidence.manifest(made.after)) == ["a.py", "b.py", "new"]
    assert b"workspace/a.py" in b"".join(evidence.archive(made.after))
    assert evidence.commit(RUN, "A.1-merge-1/branch") == made.before
    assert evidence.commit(RUN, "A.1-merge-1/merged") == made.after
    assert git(evidence.folder, "log", "-1", "--format=%P", made.after).split() == [
        made.before, evidence.commit(RUN, "A.1"),
    ]  # fmt: skip
    git(evidence.folder, "fsck", "--full", "--strict")
    assert state(repo) == before
    assert git(repo, "count-objects", "-v") == objects


def test_prepared_twice_is_the_same_under_another_number(target: Path, evidence: Evidence) -> None:
    faster(evidence, target)
    first, again = (prepare(evidence, target, RUN, "A.1") for _ in range(2))
    assert again == first
    assert evidence.commit(RUN, "A.1-merge-2/merged") == first.after


def test_a_conflict_names_the_files(repo: Path, target: Path, evidence: Evidence) -> None:
    faster(evidence, target)
    write(repo, {"my proj/a.py": lines(n7="another way")})
    commit(repo)
    before = state(repo)
    with pytest.raises(
        Conflicting, match=r"A\.1 conflicts with branch 'main'.*my proj/a\.py"
    ) as at:
        prepare(evidence, target, RUN, "A.1")
    assert at.value.paths == ("my proj/a.py",)
    assert state(repo) == before
    with pytest.raises(Exception, match="no evidence"):
        evidence.commit(RUN, "A.1-merge-1/branch")


def test_a_file_that_the_branch_renamed(repo: Path, target: Path, evidence: Evidence) -> None:
    faster(evidence, target)
    git(repo, "mv", "my proj/a.py", "my proj/renamed.py")
    commit(repo)
    made = prepare(evidence, target, RUN, "A.1")
    assert made.paths == ("my proj/renamed.py",)
    assert text(evidence, made.after, "renamed.py") == lines(n7="faster").strip()


def test_another_branch_by_name(repo: Path, target: Path, evidence: Evidence) -> None:
    """The node's own commit stands where the branches part: nothing else of `main` comes along."""
    git(repo, "branch", "release")
    write(repo, {"my proj/b.py": "only on main\n"})
    commit(repo)
    faster(evidence, target)
    made = prepare(evidence, target, RUN, "A.1", "release")
    assert made.paths == ("my proj/a.py",)
    assert made.merge.fork == git(repo, "rev-parse", "release")
    assert text(evidence, made.after, "b.py") == "b"
    assert prepare(evidence, target, RUN, "A.1", "refs/heads/release").branch == "release"


def test_a_change_that_stands_on_uncommitted_ones(
    repo: Path, target: Path, evidence: Evidence
) -> None:
    write(repo, {"my proj/a.py": lines(n20="mine, uncommitted")})
    record_root(evidence, target)
    record_node(evidence, "A.1", {"a.py": lines(n7="faster", n20="mine, uncommitted")})
    record_node(evidence, "A.2", {"a.py": lines(n20="mine, and faster")})
    with pytest.raises(Refused, match=r"changes where the merge would write.*a\.py"):
        prepare(evidence, target, RUN, "A.1")
    git(repo, "stash", "-q")
    made = prepare(evidence, target, RUN, "A.1")
    assert text(evidence, made.after, "a.py") == lines(n7="faster").strip()
    with pytest.raises(Conflicting, match=r"a\.py"):
        prepare(evidence, target, RUN, "A.2")
    git(repo, "stash", "pop", "-q")
    commit(repo)
    assert prepare(evidence, target, RUN, "A.2").paths == ("my proj/a.py",)


def test_files_that_only_the_search_saw(repo: Path, target: Path, evidence: Evidence) -> None:
    """What git doesn't track, and what was excluded, is neither deleted nor taken for renamed."""
    write(repo, {"my proj/data/big": lines(n1="data"), "my proj/docs/x": lines(n2="doc")})
    git(repo, "add", "my proj/docs")
    git(repo, "commit", "-qm", "docs")
    record_root(evidence, target, frozenset({"docs/x"}))
    record_node(evidence, "A.1", {"a.py": lines(n7="faster"), "data/big": lines(n1="data", n9="x")})
    with pytest.raises(Conflicting, match="data/big"):
        prepare(evidence, target, RUN, "A.1")
    record_node(evidence, "A.2", {"a.py": lines(n7="faster")})
    made = prepare(evidence, target, RUN, "A.2", excluded={"docs/x"}.__contains__)
    assert made.paths == ("my proj/a.py",)
    assert sorted(evidence.manifest(made.before)) == ["a.py", "b.py"]
    assert "docs/x" in evidence.manifest(prepare(evidence, target, RUN, "A.2").before)


def test_an_excluded_path_that_the_node_made_is_checked(target: Path, evidence: Evidence) -> None:
    faster(evidence, target, generated="by the node\n")
    made = prepare(evidence, target, RUN, "A.1", excluded={"generated"}.__contains__)
    assert "generated" in evidence.manifest(made.after)
    assert "generated" not in evidence.manifest(made.before)


def test_a_target_at_the_top(tmp_path: Path, evidence: Evidence) -> None:
    repo = make_repo(tmp_path / "top", {"a.py": lines(), ".oppie/state": "tracked by mistake\n"})
    faster(evidence, repo)
    made = prepare(evidence, repo, RUN, "A.1")
    assert made.place.prefix == ""
    assert sorted(evidence.manifest(made.after)) == ["a.py"]


def test_a_branch_that_has_the_change_already(repo: Path, target: Path, evidence: Evidence) -> None:
    faster(evidence, target)
    write(repo, {"my proj/a.py": lines(n7="faster")})
    commit(repo)
    with pytest.raises(Refused, match=r"'main' has the change of A\.1 already"):
        prepare(evidence, target, RUN, "A.1")
    with pytest.raises(Refused, match="'main' has the change of A already"):
        prepare(evidence, target, RUN, "A")


def test_a_branch_without_the_target(repo: Path, target: Path, evidence: Evidence) -> None:
    faster(evidence, target)
    record_node(evidence, "A.2", {}, file("new", "1\n"))
    tree = git(repo, "mktree", stdin="")
    git(repo, "update-ref", "refs/heads/empty", git(repo, "commit-tree", "-m", "x", tree))
    with pytest.raises(Conflicting, match=r"my proj/a\.py"):
        prepare(evidence, target, RUN, "A.1", "empty")
    made = prepare(evidence, target, RUN, "A.2", "empty")
    assert (evidence.manifest(made.before), [*evidence.manifest(made.after)]) == ({}, ["new"])


def test_where_a_folder_lies(repo: Path, target: Path, tmp_path: Path) -> None:
    assert (prefix_of(target), prefix_of(repo), prefix_of(tmp_path)) == ("my proj/", "", "")


def test_places_that_cannot_be_merged_into(tmp_path: Path, evidence: Evidence) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "a.py").write_text(lines())
    faster(evidence, plain)
    with pytest.raises(Refused, match="in no git repository"):
        prepare(evidence, plain, RUN, "A.1")
    with pytest.raises(Refused, match="in no git repository"):
        prepare(evidence, tmp_path / "nowhere", RUN, "A.1")
    git(plain, "init", "-q", "-b", "main")
    with pytest.raises(Refused, match="no commit yet"):
        prepare(evidence, plain, RUN, "A.1")
    commit(plain)
    head = git(plain, "rev-parse", "HEAD")
    git(plain, "checkout", "-q", "--detach")
    with pytest.raises(Refused, match="no branch checked out"):
        prepare(evidence, plain, RUN, "A.1")
    assert prepare(evidence, plain, RUN, "A.1", "main").merge.head == head
    git(plain, "clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    with pytest.raises(Refused, match="is a bare repository"):
        prepare(evidence, tmp_path / "bare", RUN, "A.1")


@pytest.mark.parametrize("name", ["bad..name", "-x", "a b", "", "x.lock", "@{-1}", "a\nb"])
def test_names_that_git_does_not_allow(target: Path, evidence: Evidence, name: str) -> None:
    faster(evidence, target)
    with pytest.raises(Refused, match="does not allow this name"):
        prepare(evidence, target, RUN, "A.1", name)


@pytest.mark.parametrize("name", ["HEAD", "heads/main", "größe/ü", "a'b$(x)", "v1", "@home"])
def test_odd_names_of_branches(repo: Path, target: Path, evidence: Evidence, name: str) -> None:
    git(repo, "tag", "v1")
    faster(evidence, target)
    head = commit_on(repo, name)
    made = prepare(evidence, target, RUN, "A.1", name)
    assert (made.branch, made.merge.head) == (name, head)
    assert text(evidence, made.before, "b.py") == "on it"


def commit_on(repo: Path, name: str) -> str:
    git(repo, "checkout", "-q", "--detach")
    write(repo, {"my proj/b.py": "on it\n"})
    head = commit(repo)
    git(repo, "update-ref", f"refs/heads/{name}", head)
    git(repo, "checkout", "-q", "refs/heads/main")
    return head


def test_a_branch_that_is_not_there_or_only_a_name(
    repo: Path, target: Path, evidence: Evidence
) -> None:
    faster(evidence, target)
    git(repo, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    git(repo, "tag", "v1")
    for name in ("gone", "v1"):
        with pytest.raises(Refused, match="there is no such branch"):
            prepare(evidence, target, RUN, "A.1", name)
    with pytest.raises(Refused, match="another name of 'main'"):
        prepare(evidence, target, RUN, "A.1", "alias")


def test_a_shallow_clone(repo: Path, tmp_path: Path, evidence: Evidence) -> None:
    write(repo, {"my proj/b.py": "second\n"})
    commit(repo)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repo}", str(shallow))
    faster(evidence, shallow / "my proj")
    made = prepare(evidence, shallow / "my proj", RUN, "A.1")
    assert text(evidence, made.after, "b.py") == "second"


def test_an_origin_that_the_repository_does_not_know(
    repo: Path, target: Path, evidence: Evidence
) -> None:
    """The history was rewritten and the old one pruned: the branch itself is stood on."""
    write(repo, {"my proj/b.py": "soon gone\n"})
    commit(repo)
    faster(evidence, target)
    git(repo, "reset", "-q", "--hard", "HEAD^")
    git(repo, "reflog", "expire", "--expire=all", "--all")
    git(repo, "gc", "-q", "--prune=now")
    made = prepare(evidence, target, RUN, "A.1")
    assert made.merge.fork == made.merge.head
    assert text(evidence, made.after, "b.py") == "b"


def test_a_run_that_does_not_know_where_it_began(target: Path, evidence: Evidence) -> None:
    record_root(evidence, target)
    evidence.record(RUN, "target", "", [b"\0" * 1024], "target: as it was found\n")
    record_node(evidence, "A.1", {"a.py": lines(n7="faster")})
    made = prepare(evidence, target, RUN, "A.1")
    assert made.merge.fork == made.merge.head


def test_ids_of_another_kind(tmp_path: Path, evidence: Evidence) -> None:
    repo = tmp_path / "sha256"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main", "--object-format=sha256")
    write(repo, {"a.py": lines()})
    commit(repo)
    faster(evidence, repo)
    with pytest.raises(Refused, match="sha256 ids"):
        prepare(evidence, repo, RUN, "A.1")


def test_a_partial_clone_asks_nobody(repo: Path, tmp_path: Path, evidence: Evidence) -> None:
    write(repo, {"my proj/c.py": "c\n"})
    commit(repo)
    git(repo, "config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    where = ("--filter=blob:none", "--no-checkout", f"file://{repo}", str(partial))
    git(tmp_path, "clone", "-q", *where)
    git(partial, "checkout", "-q", "main", "--", "my proj/a.py")
    record_root(evidence, partial / "my proj")
    record_node(evidence, "A.1", {"a.py": lines(n7="faster")})
    with pytest.raises(Refused, match=r"A\.1 can't be merged into 'main'"):
        prepare(evidence, partial / "my proj", RUN, "A.1")
    assert "?" in git(partial, "rev-list", "--objects", "--all", "--missing=print")


class TestSubmodules:
    @pytest.fixture
    def repo(self, tmp_path: Path) -> Path:
        library = make_repo(tmp_path / "library", {"lib.py": lines(), "deep/x": "1\n"})
        repo = make_repo(tmp_path / "repo", FILES)
        allow = ("-c", "protocol.file.allow=always")
        git(repo, *allow, "submodule", "add", "-q", str(library), "my proj/sub")
        commit(repo, "with a submodule")
        return repo

    def test_its_files_are_in_what_is_checked(self, target: Path, evidence: Evidence) -> None:
        faster(evidence, target)
        assert "sub/lib.py" in evidence.manifest(evidence.commit(RUN, "A.1"))
        made = prepare(evidence, target, RUN, "A.1")
        assert made.paths == ("my proj/a.py",)
        assert made.notes == ()
        assert text(evidence, made.after, "sub/deep/x") == "1"
        assert "my proj/sub" not in made.paths

    def test_its_own_files_are_not_to_be_changed_from_here(
        self, target: Path, evidence: Evidence
    ) -> None:
        faster(evidence, target, **{"sub/lib.py": "changed\n"})
        with pytest.raises(Refused, match=r"'my proj/sub/lib\.py' in the submodule 'my proj/sub'"):
            prepare(evidence, target, RUN, "A.1")

    def test_one_that_is_not_here_is_told(
        self, repo: Path, target: Path, evidence: Evidence
    ) -> None:
        faster(evidence, target)
        git(repo, "submodule", "--quiet", "deinit", "-f", "--all")
        made = prepare(evidence, target, RUN, "A.1")
        assert "sub/lib.py" not in evidence.manifest(made.after)
        assert len(made.notes) == 1
        assert made.notes[0].startswith("submodule 'sub' is left out of what is checked")

    def test_a_target_inside_of_it(self, target: Path, evidence: Evidence) -> None:
        inner = target / "sub"
        git(inner, "checkout", "-q", "-B", "work")
        record_root(evidence, inner)
        record_node(evidence, "A.1", {"lib.py": lines(n7="faster")})
        made = prepare(evidence, inner, RUN, "A.1")
        assert (made.place.top, made.branch, made.paths) == (inner, "work", ("lib.py",))


def test_nothing_that_the_repository_names_is_run(
    repo: Path, target: Path, evidence: Evidence, tmp_path: Path
) -> None:
    faster(evidence, target)
    write(repo, {"my proj/a.py": lines(n30="moved on")})
    commit(repo)
    marker = tmp_path / "was run"
    programs(repo, marker, "README")
    os.utime(repo / "README", (1, 1))
    made = prepare(evidence, target, RUN, "A.1")
    assert text(evidence, made.after, "a.py") == lines(n7="faster", n30="moved on").strip()
    assert not marker.exists(), marker.read_text()


def test_an_executable_and_a_link(repo: Path, target: Path, evidence: Evidence) -> None:
    record_root(evidence, target)
    record_node(evidence, "A.1", {"a.py": None}, file("run", "#!/bin/sh\n", mode=0o755))
    made: Prepared = prepare(evidence, target, RUN, "A.1")
    assert made.paths == ("my proj/a.py", "my proj/run")
    assert evidence.manifest(made.after)["run"].startswith("100755")
    assert subprocess.run(["git", "-C", str(repo), "cat-file", "-e", made.merge.tree],
                          capture_output=True).returncode != 0  # fmt: skip


class TestPointers:
    """A repository with git LFS, whose filter is not run here: commits hold pointers."""

    @pytest.fixture
    def data(self) -> bytes:
        return bytes(range(256)) * 20

    @pytest.fixture
    def repo(self, tmp_path: Path, data: bytes) -> Path:
        files = {**FILES, "my proj/data.bin": pointer(data), "my proj/other.bin": pointer(b"x")}
        return make_repo(tmp_path / "repo", files)

    def test_contents_take_their_place(
        self, repo: Path, target: Path, evidence: Evidence, data: bytes
    ) -> None:
        (target / "data.bin").write_bytes(data)
        (target / "other.bin").write_bytes(b"y")
        faster(evidence, target)
        git(repo, "checkout", "-q", ".")
        made = prepare(evidence, target, RUN, "A.1")
        assert made.paths == ("my proj/a.py",)
        files, root = (evidence.manifest(each) for each in (made.after, evidence.commit(RUN, "A")))
        assert files["data.bin"] == root["data.bin"]
        assert files["other.bin"] != root["other.bin"]
        assert made.notes == ("'other.bin': only the git LFS pointer is in what is checked",)
        assert evidence.manifest(made.before)["data.bin"] == root["data.bin"]

    def test_what_the_branch_points_to_now(
        self, repo: Path, target: Path, evidence: Evidence, data: bytes
    ) -> None:
        (target / "data.bin").write_bytes(data)
        faster(evidence, target)
        write(repo, {"my proj/data.bin": pointer(data + b"more")})
        commit(repo)
        made = prepare(evidence, target, RUN, "A.1")
        assert text(evidence, made.after, "data.bin").startswith("version https://git-lfs")
        assert made.notes == ("'data.bin': only the git LFS pointer is in what is checked",)


def pointer(data: bytes) -> str:
    oid = hashlib.sha256(data).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n"

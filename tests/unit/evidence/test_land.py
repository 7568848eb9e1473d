from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from worlds import wait_for

from runner.evidence import BranchMoved, Evidence, Prepared, Refused, land, move, prepare
from runner.evidence.checked_out import CheckedOut

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

FILES = {
    "README": "outside\n", ".gitignore": "*.ignored\n",
    "my proj/a.py": lines(), "my proj/b.py": "b\n", "my proj/gone.py": "gone\n",
}  # fmt: skip
KEPT = f"refs/oppie/{RUN}/A.1-landing"
MESSAGE = "Merge A.1 into main\n\n+20.0 % [+18.0, +22.0], 16 pairs\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", FILES)


@pytest.fixture
def prepared(repo: Path, evidence: Evidence) -> Prepared:
    return run_in(evidence, repo)


def run_in(evidence: Evidence, repo: Path, into: str | None = None) -> Prepared:
    """A run whose `A.1` changes a file, removes one and adds one; its merge, prepared."""
    target = repo / "my proj"
    record_root(evidence, target)
    changed = {"a.py": lines(n7="faster"), "gone.py": None}
    record_node(evidence, "A.1", changed, file("new/run", "#!/bin/sh\n", mode=0o755))
    return prepare(evidence, target, RUN, "A.1", into)


def refused(evidence: Evidence, prepared: Prepared, repo: Path, words: str) -> None:
    """The merge is refused with ``words``, even before it is checked; all is as it was."""
    before = state(repo)
    with pytest.raises(Refused, match=words):
        land(evidence, prepared, MESSAGE)
    place = prepared.place
    with pytest.raises(Refused, match=words):
        prepare(evidence, place.top / place.prefix, RUN, "A.1", prepared.branch)
    assert state(repo) == before


def kept(repo: Path) -> str:
    return git(repo, "for-each-ref", "--format=%(objectname)", KEPT)


def landed(repo: Path, prepared: Prepared, merge: str, branch: str = "main") -> None:
    """The branch holds the merge of the node's own commit, and nothing else was left behind."""
    assert git(repo, "rev-parse", f"refs/heads/{branch}") == merge
    assert git(repo, "rev-parse", f"{merge}^{{tree}}") == prepared.merge.tree
    head, own = git(repo, "log", "-1", "--format=%P", merge).split()
    assert head == prepared.merge.head
    assert git(repo, "rev-parse", f"{own}^", f"{own}^{{tree}}").split() == [
        prepared.merge.fork, prepared.merge.node_tree,
    ]  # fmt: skip
    assert kept(repo) == ""
    git(repo, "fsck", "--full", "--strict", "--no-dangling")


def test_a_merge_brings_the_work_tree_along(
    repo: Path, prepared: Prepared, evidence: Evidence
) -> None:
    merge = land(evidence, prepared, MESSAGE, "faster\n")
    landed(repo, prepared, merge)
    assert git(repo, "status", "--porcelain") == ""
    assert git(repo, "symbolic-ref", "HEAD") == "refs/heads/main"
    target = repo / "my proj"
    assert (target / "a.py").read_text() == lines(n7="faster")
    assert not (target / "gone.py").exists()
    assert os.access(target / "new" / "run", os.X_OK)
    assert git(repo, "log", "-1", "--format=%B", merge) == MESSAGE.strip()
    assert git(repo, "log", "-1", "--format=%s", f"{merge}^2") == "faster"
    assert git(repo, "reflog", "-1", "main", "--format=%gs") == "oppie: merge A.1"


def test_it_is_the_users_commit(repo: Path, prepared: Prepared, evidence: Evidence) -> None:
    merge = land(evidence, prepared, MESSAGE)
    for each in (merge, f"{merge}^2"):
        assert git(repo, "log", "-1", "--format=%an <%ae> %cn <%ce>", each) == (
            "Ada <ada@example.org> Ada <ada@example.org>"
        )
        assert git(repo, "log", "-1", "--format=%s", each) == "Merge A.1 into main"
        age = git(repo, "log", "-1", "--format=%cr", each)
        assert "second" in age


def test_a_user_whom_git_does_not_know(
    repo: Path, prepared: Prepared, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repo, "config", "--unset", "user.email")
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, "/nonexistent")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    refused(evidence, prepared, repo, "git doesn't know who commits")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "ada@variable.example")
    merge = land(evidence, prepared, MESSAGE)
    assert git(repo, "log", "-1", "--format=%ae", merge) == "ada@variable.example"


def test_a_branch_that_moved(repo: Path, prepared: Prepared, evidence: Evidence) -> None:
    write(repo, {"README": "meanwhile\n"})
    head = commit(repo)
    before = state(repo)
    with pytest.raises(BranchMoved, match=f"moved from {prepared.merge.head} to {head}") as at:
        land(evidence, prepared, MESSAGE)
    assert (at.value.before, at.value.after) == (prepared.merge.head, head)
    assert state(repo) == before
    again = prepare(evidence, repo / "my proj", RUN, "A.1")
    landed(repo, again, land(evidence, again, MESSAGE))
    assert (repo / "README").read_text() == "meanwhile\n"


def test_a_branch_that_moves_at_the_last_moment(
    repo: Path, prepared: Prepared, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After all has been looked at, and before the branch is locked."""
    look = CheckedOut.demand_clean

    def look_and_move(self: CheckedOut, old: str, new: str) -> None:
        look(self, old, new)
        write(repo, {"README": "meanwhile\n"})
        commit(repo)

    monkeypatch.setattr(CheckedOut, "demand_clean", look_and_move)
    with pytest.raises(BranchMoved):
        land(evidence, prepared, MESSAGE)
    assert git(repo, "log", "--format=%s", "main").splitlines() == ["more", "first"]
    assert git(repo, "status", "--porcelain") == ""
    assert (repo / "my proj" / "a.py").read_text() == lines()
    assert git(repo, "rev-parse", f"{kept(repo)}^{{tree}}") == prepared.merge.tree


def test_a_branch_that_is_gone(repo: Path, evidence: Evidence) -> None:
    git(repo, "branch", "release")
    prepared = run_in(evidence, repo, "release")
    git(repo, "branch", "-qD", "release")
    with pytest.raises(BranchMoved, match="no longer there"):
        land(evidence, prepared, MESSAGE)


def test_a_branch_that_is_checked_out_nowhere(repo: Path, evidence: Evidence) -> None:
    git(repo, "branch", "release")
    prepared = run_in(evidence, repo, "release")
    write(repo, {"my proj/a.py": "mine\n", "my proj/new/run": "mine\n"})
    git(repo, "add", "my proj/a.py")
    before = state(repo)
    landed(repo, prepared, land(evidence, prepared, MESSAGE), "release")
    assert state(repo)[1:] == before[1:]
    assert git(repo, "rev-parse", "main") == prepared.merge.head


class TestWorkTree:
    def test_changes_elsewhere_stay(
        self, repo: Path, prepared: Prepared, evidence: Evidence
    ) -> None:
        write(repo, {"README": "mine\n", "my proj/b.py": "staged\n", "untracked": "mine\n"})
        git(repo, "add", "my proj/b.py")
        merge = land(evidence, prepared, MESSAGE)
        landed(repo, prepared, merge)
        status = git(repo, "status", "--porcelain").splitlines()
        assert status == ["M README", 'M  "my proj/b.py"', "?? untracked"]
        assert (repo / "README").read_text() == "mine\n"

    def test_a_change_in_a_file_that_the_merge_writes(
        self, repo: Path, prepared: Prepared, evidence: Evidence
    ) -> None:
        write(repo, {"my proj/a.py": lines(n30="mine")})
        refused(evidence, prepared, repo, r"changes where the merge would write.*my proj/a\.py")
        assert git(repo, "rev-parse", f"{kept(repo)}^{{tree}}") == prepared.merge.tree
        with pytest.raises(Refused, match=f"The merge is kept as {KEPT}"):
            land(evidence, prepared, MESSAGE)
        git(repo, "add", ".")
        refused(evidence, prepared, repo, r"my proj/a\.py")
        git(repo, "checkout", "-q", "HEAD", "--", ".")
        landed(repo, prepared, land(evidence, prepared, MESSAGE))

    def test_a_file_that_the_merge_removes(
        self, repo: Path, prepared: Prepared, evidence: Evidence
    ) -> None:
        write(repo, {"my proj/gone.py": "still needed\n"})
        refused(evidence, prepared, repo, r"my proj/gone\.py")

    @pytest.mark.parametrize("kind", ["file", "ignored", "folder", "above", "link"])
    def test_an_untracked_file_in_the_way(
        self, repo: Path, prepared: Prepared, evidence: Evidence, kind: str
    ) -> None:
        way = repo / "my proj" / "new"
        match kind:
            case "file":
                write(way, {"run": "mine\n"})
            case "ignored":
                write(way, {"run": "mine\n"})
                write(repo, {".git/info/exclude": "run\n"})
            case "folder":
                write(way, {"run/deep": "mine\n"})
            case "above":
                way.write_text("mine\n")
            case "link":
                way.mkdir()
                (way / "run").symlink_to("/nowhere")
        refused(evidence, prepared, repo, "my proj/new")

    def test_files_that_were_only_touched(
        self, repo: Path, prepared: Prepared, evidence: Evidence
    ) -> None:
        for path in (repo / "my proj").iterdir():
            os.utime(path, (1, 1))
        landed(repo, prepared, land(evidence, prepared, MESSAGE))
        assert git(repo, "status", "--porcelain") == ""

    def test_hidden_changes(self, repo: Path, prepared: Prepared, evidence: Evidence) -> None:
        git(repo, "update-index", "--assume-unchanged", "my proj/a.py")
        write(repo, {"my proj/a.py": "mine, hidden\n"})
        refused(evidence, prepared, repo, r"my proj/a\.py")
        assert (repo / "my proj" / "a.py").read_text() == "mine, hidden\n"

    @pytest.mark.parametrize("what", ["merge", "cherry-pick", "revert"])
    def test_something_under_way(
        self, repo: Path, prepared: Prepared, evidence: Evidence, what: str
    ) -> None:
        name = f"{what.replace('-', '_').upper()}_HEAD"
        (repo / ".git" / name).write_text(prepared.merge.head + "\n")
        refused(evidence, prepared, repo, f"a {what} is under way")

    def test_a_rebase(self, repo: Path, evidence: Evidence) -> None:
        git(repo, "checkout", "-q", "-b", "topic")
        write(repo, {"README": "topic\n"})
        commit(repo)
        git(repo, "checkout", "-q", "main")
        prepared = run_in(evidence, repo, "topic")
        write(repo, {"README": "main\n"})
        commit(repo)
        with pytest.raises(subprocess.CalledProcessError):
            git(repo, "rebase", "main", "topic")
        refused(evidence, prepared, repo, "'topic' is being rebased")

    def test_another_work_tree_has_the_branch(
        self, repo: Path, tmp_path: Path, evidence: Evidence
    ) -> None:
        other = tmp_path / "other tree"
        git(repo, "worktree", "add", "-q", "-b", "release", str(other))
        prepared = run_in(evidence, repo, "release")
        write(other, {"my proj/a.py": "mine\n"})
        refused(evidence, prepared, other, r"other tree.*my proj/a\.py")
        git(other, "checkout", "-q", "--", ".")
        before = state(repo)
        landed(repo, prepared, land(evidence, prepared, MESSAGE), "release")
        assert (other / "my proj" / "a.py").read_text() == lines(n7="faster")
        assert git(other, "status", "--porcelain") == ""
        assert state(repo)[1:] == before[1:]

    def test_a_target_in_a_linked_work_tree_of_a_bare_repository(
        self, repo: Path, tmp_path: Path, evidence: Evidence
    ) -> None:
        bare, tree = tmp_path / "bare.git", tmp_path / "tree"
        git(tmp_path, "clone", "-q", "--bare", str(repo), str(bare))
        git(bare, "config", "user.name", "Ada")
        git(bare, "config", "user.email", "ada@example.org")
        git(bare, "worktree", "add", "-q", "-b", "topic", str(tree), "main")
        prepared = run_in(evidence, tree)
        assert prepared.branch == "topic"
        landed(bare, prepared, land(evidence, prepared, MESSAGE), "topic")
        assert git(tree, "status", "--porcelain") == ""
        onto = prepare(evidence, tree / "my proj", RUN, "A.1", "main")
        landed(bare, onto, land(evidence, onto, MESSAGE))

    def test_a_work_tree_that_is_not_there(
        self, repo: Path, tmp_path: Path, evidence: Evidence
    ) -> None:
        away = tmp_path / "stick"
        git(repo, "worktree", "add", "-q", "-b", "release", str(away))
        git(repo, "worktree", "lock", str(away))
        prepared = run_in(evidence, repo, "release")
        away.rename(tmp_path / "unplugged")
        refused(evidence, prepared, repo, "stick, which isn't there")
        landed(repo, made := run_in(evidence, repo), land(evidence, made, MESSAGE))

    def test_a_branch_that_is_checked_out_twice(
        self, repo: Path, tmp_path: Path, evidence: Evidence
    ) -> None:
        prepared = run_in(evidence, repo)
        git(repo, "worktree", "add", "-q", "--force", str(tmp_path / "twin"), "main")
        refused(evidence, prepared, repo, "checked out more than once")

    def test_a_sparse_checkout(self, repo: Path, evidence: Evidence) -> None:
        prepared = run_in(evidence, repo)
        write(repo, {"other/x": "1\n"})
        git(repo, "sparse-checkout", "set", "--no-cone", "/*", "!/my proj/a.py", "!/my proj/new/")
        assert not (repo / "my proj" / "a.py").exists()
        landed(repo, prepared, land(evidence, prepared, MESSAGE))
        assert not (repo / "my proj" / "a.py").exists()
        assert not (repo / "my proj" / "new").exists()
        assert not (repo / "my proj" / "gone.py").exists()
        assert git(repo, "status", "--porcelain") == "?? other/"

    def test_a_clone_without_files(self, repo: Path, evidence: Evidence) -> None:
        prepared = run_in(evidence, repo)
        git(repo, "read-tree", "--empty")
        refused(evidence, prepared, repo, "would write")

    def test_an_index_that_someone_has_locked(
        self, repo: Path, prepared: Prepared, evidence: Evidence
    ) -> None:
        (repo / ".git" / "index.lock").touch()
        with pytest.raises(Refused, match=r"index\.lock"):
            land(evidence, prepared, MESSAGE)
        (repo / ".git" / "index.lock").unlink()
        assert git(repo, "rev-parse", "main") == prepared.merge.head
        assert git(repo, "status", "--porcelain") == ""

    def test_a_branch_that_someone_has_locked(
        self, repo: Path, prepared: Prepared, evidence: Evidence
    ) -> None:
        lock = repo / ".git" / "refs" / "heads" / "main.lock"
        lock.touch()
        with pytest.raises(Refused, match=r"'main' can't be moved.*main\.lock"):
            land(evidence, prepared, MESSAGE)
        lock.unlink()
        assert git(repo, "status", "--porcelain") == ""
        landed(repo, prepared, land(evidence, prepared, MESSAGE))


class TestPrograms:
    def test_none_is_run(self, repo: Path, evidence: Evidence, tmp_path: Path) -> None:
        marker = tmp_path / "were run"
        git(repo, "branch", "release")
        prepared = run_in(evidence, repo, "release")
        programs(repo, marker)
        merge = land(evidence, prepared, MESSAGE)
        assert not marker.exists(), marker.read_text()
        landed(repo, prepared, merge, "release")

    def test_none_is_run_in_the_work_tree(
        self, repo: Path, evidence: Evidence, tmp_path: Path
    ) -> None:
        """The filter is for another file, which looks changed; nobody asks it."""
        marker = tmp_path / "were run"
        programs(repo, marker, "README")
        prepared = run_in(evidence, repo)
        os.utime(repo / "README", (1, 1))
        merge = land(evidence, prepared, MESSAGE)
        assert not marker.exists(), marker.read_text()
        landed(repo, prepared, merge)
        assert (repo / "my proj" / "a.py").read_text() == lines(n7="faster")

    def test_a_file_that_a_filter_would_write(self, repo: Path, evidence: Evidence) -> None:
        prepared = run_in(evidence, repo)
        git(repo, "config", "filter.lfs.smudge", "false")
        (repo / ".git" / "info" / "attributes").write_text("*.py filter=lfs\n")
        before = git(repo, "rev-parse", "main")
        with pytest.raises(Refused, match=r"my proj/(a|gone)\.py' goes through the filter 'lfs'"):
            land(evidence, prepared, MESSAGE)
        assert git(repo, "rev-parse", "main") == before
        git(repo, "config", "--unset", "filter.lfs.smudge")
        landed(repo, prepared, land(evidence, prepared, MESSAGE))

    def test_line_ends_are_the_users(self, repo: Path, evidence: Evidence) -> None:
        (repo / ".gitattributes").write_text("*.py text eol=crlf\n")
        target = repo / "my proj"
        (target / "a.py").write_bytes(windows(lines()))
        commit(repo)
        assert git(repo, "status", "--porcelain") == ""
        record_root(evidence, target)
        changed = windows(lines(n7="faster"))
        record_node(evidence, "A.1", {"c.py": "one\ntwo\n", "a.py": None}, file("a.py", changed))
        write(repo, {"my proj/b.py": "b\r\n"})
        (target / "a.py").write_bytes(windows(lines(n30="moved on")))
        commit(repo)
        prepared = prepare(evidence, target, RUN, "A.1")
        landed(repo, prepared, land(evidence, prepared, MESSAGE))
        assert (target / "c.py").read_bytes() == b"one\r\ntwo\r\n"
        assert (target / "a.py").read_bytes() == windows(lines(n7="faster", n30="moved on"))
        assert git(repo, "status", "--porcelain") == ""
        size_bytes = int(git(repo, "cat-file", "-s", "HEAD:my proj/a.py"))
        assert size_bytes == len(lines(n7="faster", n30="moved on"))

    def test_signed_when_asked(
        self, repo: Path, prepared: Prepared, evidence: Evidence, tmp_path: Path
    ) -> None:
        gpg = tmp_path / "gpg"
        gpg.write_text(
            "#!/bin/sh\ncat >/dev/null\nprintf '\\n[GNUPG:] SIG_CREATED \\n' >&2\n"
            "printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n'\n"
        )
        gpg.chmod(0o755)
        git(repo, "config", "gpg.program", str(gpg))
        git(repo, "config", "commit.gpgSign", "true")
        merge = land(evidence, prepared, MESSAGE, sign=True)
        landed(repo, prepared, merge)
        for each in (merge, f"{merge}^2"):
            assert "gpgsig" in git(repo, "cat-file", "commit", each)

    def test_not_signed_unless_asked(
        self, repo: Path, prepared: Prepared, evidence: Evidence
    ) -> None:
        git(repo, "config", "commit.gpgSign", "true")
        git(repo, "config", "gpg.program", "/nonexistent/gpg")
        with pytest.raises(Refused, match="can't be signed"):
            land(evidence, prepared, MESSAGE, sign=True)
        merge = land(evidence, prepared, MESSAGE)
        assert "gpgsig" not in git(repo, "cat-file", "commit", merge)


def windows(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


class TestCrash:
    """What is found after the process died, and what the next try makes of it."""

    @pytest.fixture(params=["before", "after", "commit"])
    def crashed(
        self, request: pytest.FixtureRequest, repo: Path, prepared: Prepared, evidence: Evidence
    ) -> str:
        """A child is killed before or after the work tree was written, or after the branch moved."""
        child = os.fork()
        if child == 0:
            _die(request.param)
            land(evidence, prepared, MESSAGE)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        # Its git may live for a moment longer than it did.
        wait_for(lambda: not list((repo / ".git").rglob("main.lock")), "the branch's lock to go")
        return str(request.param)

    def test_old_or_new(
        self, repo: Path, prepared: Prepared, evidence: Evidence, crashed: str
    ) -> None:
        head = git(repo, "rev-parse", "main")
        if crashed == "commit":
            assert git(repo, "rev-parse", f"{head}^{{tree}}") == prepared.merge.tree
            assert git(repo, "status", "--porcelain") == ""
            with pytest.raises(Refused, match=r"has the change of A\.1 already"):
                prepare(evidence, repo / "my proj", RUN, "A.1")
            return
        assert head == prepared.merge.head
        assert git(repo, "rev-parse", f"{kept(repo)}^{{tree}}") == prepared.merge.tree
        landed(repo, prepared, land(evidence, prepared, MESSAGE))
        assert git(repo, "status", "--porcelain") == ""


def _die(when: str) -> None:
    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    write_files, commit_it = CheckedOut.write, move._Commit.__call__

    def write_and_die(self: CheckedOut, old: str, new: str) -> None:
        write_files(self, old, new)
        die()

    def commit_and_die(self: move._Commit) -> None:
        commit_it(self)
        die()

    match when:
        case "before":
            CheckedOut.write = die  # type: ignore[method-assign]
        case "after":
            CheckedOut.write = write_and_die  # type: ignore[method-assign]
        case "commit":
            move._Commit.__call__ = commit_and_die  # type: ignore[method-assign]


def test_an_interruption_takes_the_work_tree_back(
    repo: Path, prepared: Prepared, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: move._Commit) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(move._Commit, "__call__", interrupted)
    before = state(repo)
    with pytest.raises(KeyboardInterrupt):
        land(evidence, prepared, MESSAGE)
    assert state(repo) == before

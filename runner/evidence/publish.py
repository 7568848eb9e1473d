"""Brings a node into the user's own repository, as a branch."""

from __future__ import annotations

from pathlib import Path

from runner.errors import EvidenceError
from runner.evidence.errors import Refused
from runner.evidence.git import Git, git_version, stderr_tail
from runner.evidence.place import HEADS, Place, commit_at, find_place
from runner.evidence.repository import Evidence
from runner.evidence.scratch import scratch_in
from runner.evidence.trees import entries_of
from runner.model import ROOT


def publish(
    evidence: Evidence, repo_dir: Path, run_id: str, label: str, branch: str, message: str
) -> str:
    """Make ``branch``: what ``label`` changed since the root, as one commit on HEAD; its id.

    ``repo_dir`` is the target's folder, which may lie below the top of its repository. The user's
    files, index and current branch stay as they are. A branch that holds just this commit's tree
    on the same HEAD is left alone and returned. Raises Refused, having changed nothing, where
    the folder is in no repository with a commit, the branch exists, the name is no branch name,
    or the change does not apply to HEAD.
    """
    place = find_place(repo_dir)
    git, head = Git("-C", str(place.top)), place.head()
    if git.attempt("check-ref-format", "--branch", branch).returncode != 0:
        raise Refused(f"branch {branch!r}: git does not allow this name")
    tree = _tree_on_head(evidence, place, head, run_id, label)
    if there := commit_at(git, HEADS + branch):
        if _made_of(git, there) == f"{tree} {head}":
            return there
        raise Refused(f"branch {branch!r} exists in {place.top}; name another")
    commit = git.run("commit-tree", tree, "-p", head, stdin=message.encode()).decode().strip()
    # An empty old value makes git refuse to overwrite a branch that someone made meanwhile.
    created = git.attempt("update-ref", HEADS + branch, commit, "")
    if created.returncode != 0:
        raise Refused(f"branch {branch!r} can't be made: {stderr_tail(created.stderr)}")
    return commit


def apply(
    evidence: Evidence, repo_dir: Path, run_id: str, label: str, branch: str, message: str
) -> str:
    """``publish``, then switch the user's work tree to the branch; the commit's id.

    Raises Refused for a work tree with uncommitted changes to tracked files, and for one in which
    an untracked file is in the way; the work tree is then as it was, and so are the branches.
    The switch is the user's own git's, with their filters and hooks.
    """
    place = find_place(repo_dir)
    git = Git.of_user("-C", str(place.top))
    dirty = git.run("status", "--porcelain", "--untracked-files=no").decode("utf-8", "replace")
    if dirty:
        names = ", ".join(line[3:] for line in dirty.splitlines()[:5])
        raise Refused(f"{place.top} has uncommitted changes ({names}); commit or stash them first")
    existed = commit_at(git, HEADS + branch)
    commit = publish(evidence, repo_dir, run_id, label, branch, message)
    switched = git.attempt("checkout", "--quiet", branch, "--")
    if switched.returncode != 0:
        if not existed:
            git.run("update-ref", "-d", HEADS + branch, commit)
        raise Refused(f"{place.top} can't be switched: {stderr_tail(switched.stderr)}")
    return commit


def uncommitted(evidence: Evidence, repo_dir: Path, measured: str) -> tuple[str, ...]:
    """The files of the commit ``measured`` that HEAD of the user's repository has not, or has
    otherwise: a branch on HEAD lacks them. Raises Refused where there is no repository."""
    place = find_place(repo_dir)
    committed = entries_of(place.git(), place.head())
    return tuple(
        path
        for path, identity in evidence.manifest(measured).items()
        if committed.get(place.prefix + path) != identity
    )


def _tree_on_head(evidence: Evidence, place: Place, head: str, run_id: str, label: str) -> str:
    """HEAD's tree with the node's changes, made in an index of its own."""
    with scratch_in(evidence.folder) as scratch:
        patch = Path(scratch) / "patch"
        evidence.write_patch(run_id, ROOT, label, patch)
        git = Git("-C", str(place.top), env={"GIT_INDEX_FILE": str(Path(scratch) / "index")})
        git.run("read-tree", head)
        if patch.stat().st_size > 0:
            where = (f"--directory={place.prefix}",) if place.prefix else ()
            applied = git.attempt(
                "apply", "--cached", *_merging(), "--whitespace=nowarn", *where, str(patch)
            )
            if applied.returncode != 0:
                raise Refused(
                    f"{label} does not apply to HEAD of {place.top}: {stderr_tail(applied.stderr)}"
                )
        try:
            return git.run("write-tree").decode().strip()
        except EvidenceError as error:
            raise Refused(f"{label} does not apply to HEAD of {place.top}: {error}") from error


def _merging() -> tuple[str, ...]:
    # Before 2.32 git could do this only together with the work tree, which is none of ours.
    return ("--3way",) if git_version() >= (2, 32) else ()


def _made_of(git: Git, commit: str) -> str:
    return git.run("log", "-1", "--format=%T %P", commit).decode().strip()

"""Merges the states of two nodes, without a work tree and without anybody's configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runner.errors import EvidenceError
from runner.evidence.git import Git, git_version, stderr_tail
from runner.evidence.repository import EMPTY_TREE, Evidence, Recorded
from runner.evidence.trees import commit_of, edited

NEEDED = (2, 38)  # the first git with `merge-tree --write-tree`
_EXIT_CONFLICT = 1
_WORDS_LIMIT = 5


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge without conflicts; the tree is in the repository, held by no ref yet."""

    tree_id: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """What git could not merge. ``paths`` are all files concerned, sorted; ``words`` are git's own
    on the first few, one line each."""

    paths: tuple[str, ...]
    words: tuple[str, ...]


def merge_trees(
    evidence: Evidence,
    base_commit: str,
    ours_commit: str,
    theirs_commit: str,
    names: tuple[str, str] = ("ours", "theirs"),
) -> Merged | Conflict:
    """What two states become together that both come from ``base_commit`` (commits or trees).

    The base is what it is said to be, whatever the commits' parents are. Files, symbolic links and
    modes are merged as ``git merge`` would, renames included. A conflict's words call the sides by
    ``names``. Raises EvidenceError when git fails or is older than 2.38.
    """
    return merge_in(evidence.folder, base_commit, (ours_commit, theirs_commit), names)


def merge_in(
    repository: Path, base: str, sides: tuple[str, str], names: tuple[str, str]
) -> Merged | Conflict:
    """``merge_trees`` in any bare repository that has nothing but our own configuration."""
    demand_git()
    # Commits of their own, since only git 2.40 can be told the base: these two have just this one.
    root = commit_of(repository, f"{base}^{{tree}}", ())
    ours, theirs = (
        commit_of(repository, f"{side}^{{tree}}", (root,), name)
        for side, name in zip(sides, ("ours", "theirs"), strict=True)
    )
    git = Git(f"--git-dir={repository}")
    done = git.attempt("merge-tree", "--write-tree", "-z", "--name-only", ours, theirs)
    if done.returncode == 0:
        return Merged(done.stdout.partition(b"\0")[0].decode("ascii").strip())
    if done.returncode != _EXIT_CONFLICT:
        raise EvidenceError(f"git merge-tree failed: {stderr_tail(done.stderr)}")
    conflict = _conflict(done.stdout)
    called = zip((ours, theirs), names, strict=True)
    words = conflict.words
    for commit, name in called:
        words = tuple(said.replace(commit, name) for said in words)
    return Conflict(conflict.paths, words)


def demand_git() -> None:
    """Raises EvidenceError for a git that can't merge without a work tree."""
    if git_version()[:2] < NEEDED:
        found = ".".join(str(part) for part in git_version())
        raise EvidenceError(f"merging needs git 2.38 or newer; this is git {found}")


def record_tree(
    evidence: Evidence,
    run_id: str,
    label: str,
    tree_id: str,
    parents: tuple[str, ...],
    message: str,
) -> Recorded:
    """Keep a tree as the commit of ``refs/oppie/<run_id>/<label>``, with all its parents.

    ``files_changed`` counts against the first parent. The same tree, parents and message give the
    same commit. Raises EvidenceError for a tree or parent that isn't there.
    """
    git = Git(f"--git-dir={evidence.folder}")
    commit = commit_of(evidence.folder, tree_id, parents, message)
    parent_tree_id = tree_of(evidence.folder, parents[0]) if parents else ""
    changed = evidence.changed(parent_tree_id or EMPTY_TREE, tree_id)
    git.run("update-ref", evidence.ref(run_id, label), commit)
    return Recorded(commit, tree_id, parent_tree_id, len(changed))


def overlay(evidence: Evidence, commit: str, onto: str, paths: Iterable[str]) -> str:
    """The id of ``commit``'s tree with ``paths`` as ``onto`` has them; absent there is removed.

    ``Evidence.archive``, ``manifest`` and ``changed`` take it as they take a commit.
    """
    there = evidence.manifest(onto)
    return edited(evidence.folder, commit, {path: there.get(path, "") for path in paths})


def tree_of(repository: Path, commit: str) -> str:
    """The tree's id. Raises EvidenceError where there is no such commit or tree."""
    git = Git(f"--git-dir={repository}")
    return git.run("rev-parse", "--verify", f"{commit}^{{tree}}").decode("ascii").strip()


def _conflict(output: bytes) -> Conflict:
    """Reads ``<tree> NUL (<path> NUL)* NUL (<count> NUL (<path> NUL)* <kind> NUL <words> NUL)*``,
    which is documented in git-merge-tree(1) under OUTPUT."""
    fields = output.split(b"\0")[1:]
    end = fields.index(b"")
    paths = sorted({os.fsdecode(path) for path in fields[:end]})
    rest = fields[end + 1 :]
    words = []
    while len(rest) > 2:
        amount = int(rest[0])
        kind, said = rest[amount + 1], rest[amount + 2]
        if kind.startswith(b"CONFLICT"):
            words.append(os.fsdecode(said).strip())
        rest = rest[amount + 3 :]
    return Conflict(tuple(paths), tuple(words[:_WORDS_LIMIT]))

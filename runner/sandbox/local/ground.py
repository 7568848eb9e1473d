"""Where the files of a node under way lie: a git worktree of its own, or a copy."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import assert_never

from runner.evidence.git import Git


class Kind(StrEnum):
    """What a sandbox without an engine can be."""

    WORKTREE = "worktree"
    TEMPDIR = "tempdir"


def lay(kind: Kind, repository: Path, commit: str, tree: Path) -> None:
    """Make the folder ``tree`` with the files of a commit. Raises EvidenceError, StateError."""
    bare = f"--git-dir={repository}"
    match kind:
        case Kind.WORKTREE:
            Git(bare).run("worktree", "add", "--quiet", "--detach", str(tree), commit)
        case Kind.TEMPDIR:
            tree.mkdir()
            index = tree.with_name("index")
            copy = Git(bare, f"--work-tree={tree}", env={"GIT_INDEX_FILE": str(index)})
            copy.run("read-tree", commit)
            copy.run("checkout-index", "--all", "--quiet")
            index.unlink()
        case _:
            assert_never(kind)

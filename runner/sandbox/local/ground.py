"""Where the files of a node under way lie: a git worktree of its own, or a copy."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from runner.evidence.git import Git
from runner.model import SandboxKind


def lay(kind: SandboxKind, repository: Path, commit: str, tree: Path) -> None:
    """Make the folder ``tree`` with the files of a commit.

    Raises EvidenceError, StateError, and ``ValueError`` for a kind that isn't of this house.
    """
    bare = f"--git-dir={repository}"
    match kind:
        case SandboxKind.WORKTREE:
            Git(bare).run("worktree", "add", "--quiet", "--detach", str(tree), commit)
        case SandboxKind.TEMPDIR:
            tree.mkdir()
            index = tree.with_name("index")
            copy = Git(bare, f"--work-tree={tree}", env={"GIT_INDEX_FILE": str(index)})
            copy.run("read-tree", commit)
            copy.run("checkout-index", "--all", "--quiet")
            index.unlink()
        case SandboxKind.CONTAINER:
            raise ValueError("containers need an engine")
        case _:
            assert_never(kind)

"""Where the files of a node under way lie: a git worktree of its own, or a copy."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import assert_never

from runner.evidence.git import Git
from runner.keeping import keeping
from runner.model import SandboxKind

_WORKTREES = "worktrees"  # in a repository: of each, what git knows of it (gitrepository-layout)


def lay(kind: SandboxKind, repository: Path, commit: str, tree: Path) -> None:
    """Make the folder ``tree``, in a container's, with the files of a commit.

    Raises EvidenceError, StateError, and ``ValueError`` for a kind that isn't of this house.
    """
    write = ("read-tree", "--reset", "-u", commit)
    match kind:
        case SandboxKind.WORKTREE:
            _register(repository, commit, tree)
            Git("-C", str(tree)).run(*write)
            _overlook(tree)
        case SandboxKind.TEMPDIR:
            index = tree.with_name("index")
            with keeping("make", tree):
                tree.mkdir()
            where = (f"--git-dir={repository}", f"--work-tree={tree}")
            Git(*where, env={"GIT_INDEX_FILE": str(index)}).run(*write)
            index.unlink()
        case SandboxKind.CONTAINER:
            raise ValueError("containers need an engine")
        case _:
            assert_never(kind)


def _overlook(tree: Path) -> None:
    """Let git not miss what is going to get its own name back (``names``)."""
    git = Git("-C", str(tree))
    renamed = git.run("ls-files", "-z", "--", ":(glob)**/.git%/**")
    if renamed:
        git.run("update-index", "--skip-worktree", "-z", "--stdin", stdin=renamed)


def forget(repository: Path, container: str) -> None:
    """Let git forget the worktree of a container whose files are gone; one that it doesn't know is
    fine. Raises StateError."""
    known = repository / _WORKTREES / container
    with (
        keeping("remove", known),
        tempfile.TemporaryDirectory(dir=repository) as scratch,
        contextlib.suppress(FileNotFoundError),
    ):
        known.rename(Path(scratch) / container)


def _register(repository: Path, commit: str, tree: Path) -> None:
    """Make an empty worktree, named after its container.

    As ``git worktree add`` does it, of which no two may run at a time, nor any be killed: one that is
    half-made breaks all others. Here it is there whole, by a rename, or not at all.
    """
    container = tree.parent.name
    forget(repository, container)
    known = repository / _WORKTREES / container
    with keeping("make", tree), tempfile.TemporaryDirectory(dir=repository) as scratch:
        tree.mkdir()
        (tree / ".git").write_text(f"gitdir: {known}\n")
        made = Path(scratch) / container
        made.mkdir()
        (made / "HEAD").write_text(f"{commit}\n")
        (made / "commondir").write_text("../..\n")
        (made / "gitdir").write_text(f"{tree / '.git'}\n")
        known.parent.mkdir(exist_ok=True)
        made.rename(known)

"""Trees read, and made in an index of their own: no work tree, and nobody's index, is touched."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from runner.evidence.git import FIXED_DATE, Git
from runner.evidence.scratch import scratch_in

GITLINK = "160000"
REGULAR = ("100644 ", "100755 ")
_NO_ENTRY = b"0 " + b"0" * 40
# Equal trees with equal parents are equal commits, whenever they are made.
DATED = {"GIT_AUTHOR_DATE": FIXED_DATE, "GIT_COMMITTER_DATE": FIXED_DATE}


@contextmanager
def scratch_index(repository: Path, tree: str = "") -> Iterator[Git]:
    """git in a bare repository, with an index that holds ``tree`` ("" is nothing) and is gone
    afterwards. Raises EvidenceError where there is no such tree."""
    with scratch_in(repository) as scratch:
        index = str(Path(scratch) / "index")
        git = Git(f"--git-dir={repository}", env={"GIT_INDEX_FILE": index})
        git.run("read-tree", tree or "--empty")
        yield git


def set_entries(git: Git, entries: Mapping[str, str]) -> None:
    """Put paths into git's index, each as ``<mode> <object id>``, or take them out where that is "".

    A file replaces the folder of its name, and the other way round.
    """
    rows = [
        (b"%s\t" % (entry.encode("ascii") or _NO_ENTRY)) + os.fsencode(path)
        for path, entry in entries.items()
    ]
    if rows:
        stdin = b"\0".join(rows) + b"\0"
        git.run("update-index", "-z", "--replace", "--index-info", stdin=stdin)


def written(git: Git) -> str:
    """The tree of git's index. Objects may be missing, as in a partial clone: whoever needs them
    will say so."""
    return git.run("write-tree", "--missing-ok").decode("ascii").strip()


def edited(repository: Path, tree: str, entries: Mapping[str, str]) -> str:
    """``tree`` with some paths set or taken out, see ``set_entries``; the new tree's id."""
    with scratch_index(repository, tree) as git:
        set_entries(git, entries)
        return written(git)


def commit_of(repository: Path, tree: str, parents: tuple[str, ...], message: str = "") -> str:
    """A commit of ``oppie``'s with the fixed date, which no ref holds yet; its id."""
    git = Git(f"--git-dir={repository}", env=DATED)
    return commit_tree(git, tree, parents, message)


def commit_tree(git: Git, tree: str, parents: tuple[str, ...], message: str, *how: str) -> str:
    """A commit by whoever ``git``'s environment says; ``how`` are options such as ``-S``."""
    # Told twice, a parent would be counted twice; a commit's encoding is always git's default.
    above = [part for parent in dict.fromkeys(parents) for part in ("-p", parent)]
    text = message.encode("utf-8", "replace")
    args = ("commit-tree", *how, *above, tree)
    return git.run("-c", "i18n.commitEncoding=UTF-8", *args, stdin=text).decode("ascii").strip()


def changed_in(git: Git, a: str, b: str) -> tuple[str, ...]:
    """The paths that differ between two commits or trees."""
    rows = git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", a, b)
    return tuple(os.fsdecode(path) for path in rows.split(b"\0") if path)


def entries_of(git: Git, tree: str) -> dict[str, str]:
    """Path to ``<mode> <object id>`` for every file of a commit or tree, submodules included.

    A path that isn't UTF-8 carries its odd bytes as surrogates, as ``os.fsdecode`` makes them.
    """
    rows = git.run("ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0")
    fields = (row.partition(b"\t") for row in rows if row)
    return {os.fsdecode(path): _mode_and_id(about) for about, _, path in fields}


def _mode_and_id(about: bytes) -> str:
    mode, _, object_id = about.decode("ascii").split(" ")
    return f"{mode} {object_id}"

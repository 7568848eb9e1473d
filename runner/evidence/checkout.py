"""Writes a recorded tree to a folder of the user's, in which nothing may bite."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from runner.evidence.errors import Refused
from runner.evidence.git import Git

_SYMLINK = b"120000 "


def write_tree(repository: Path, commit: str, folder: Path) -> tuple[str, ...]:
    """Write a commit's files, byte by byte as they were recorded, into ``folder``.

    Only a missing or empty folder will do (Refused). There are no hooks and no filters; no
    repository is made. A link that leads out of the folder, directly or over other links, is
    written as a file that holds its target, and returned: whoever looks around in a stranger's
    tree must not come to edit, or send away, files of their own.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise Refused(f"{folder}: is no folder; name a missing or empty one")
    if folder.is_dir() and any(folder.iterdir()):
        raise Refused(f"{folder}: is not empty; name a missing or empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        git = Git(
            "-C", str(folder.absolute()), f"--git-dir={repository}",
            f"--work-tree={folder.absolute()}",
            env={"GIT_INDEX_FILE": str(Path(scratch) / "index")},
        )  # fmt: skip
        git.run("read-tree", commit)
        git.run("checkout-index", "--all", "--force")
    rows = Git(f"--git-dir={repository}").run("ls-tree", "-r", "-z", "--full-tree", commit)
    links = [row.partition(b"\t")[2] for row in rows.split(b"\0") if row.startswith(_SYMLINK)]
    return _disarm(folder.resolve(), [os.fsdecode(link) for link in links])


def _disarm(folder: Path, links: list[str]) -> tuple[str, ...]:
    # All are judged before the first is replaced, since one may lead over another.
    outward = tuple(link for link in links if not _stays(folder, folder / link))
    for link in outward:
        path = folder / link
        target = os.fsencode(path.readlink())
        path.unlink()
        path.write_bytes(target)
    return outward


def _stays(folder: Path, link: Path) -> bool:
    if link.readlink().is_absolute():
        return False
    try:
        return link.resolve().is_relative_to(folder)
    except (OSError, RuntimeError):  # a loop of links leads nowhere
        return False

"""The work tree that has a branch checked out, and bringing it along when the branch moves.

Programs that the user's repository names don't run here: no hooks, no file system monitor, no
filters. So a file that a filter would have to write (git LFS) is a reason not to begin.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.evidence.errors import Refused
from runner.evidence.git import Git, stderr_tail
from runner.evidence.place import HEADS, Place, quoted
from runner.evidence.trees import changed_in, entries_of

# What git leaves in a work tree's own folder while something takes several steps.
_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}
_REBASED = ("rebase-merge/head-name", "rebase-apply/head-name")
_NAMED = 5


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """A work tree; ``private`` is its own folder of git's, ``environment`` turns all filters off."""

    folder: Path
    private: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def git(self, index: Path | None = None) -> Git:
        own = {"GIT_INDEX_FILE": str(index)} if index else {}
        quiet = ("-c", "submodule.recurse=false")
        return Git(*quiet, "-C", str(self.folder), env={**self.environment, **own})

    def demand_clean(self, old: str, new: str) -> None:
        """Raises Refused if going from ``old`` to ``new`` would touch anything of the user's."""
        paths = changed_in(self.git(), old, new)
        self._demand_nothing_under_way()
        self._demand_no_filter(new, paths)
        with tempfile.TemporaryDirectory() as scratch:
            index = Path(scratch) / "index"
            if (self.private / "index").is_file():
                shutil.copyfile(self.private / "index", index)
            self._demand_nothing_in_the_way(index, old, paths)
            self._read(self.git(index), old, new, "-n")

    def write(self, old: str, new: str) -> None:
        """Bring files and index from one commit to another. Raises Refused, having changed nothing,
        for what ``demand_clean`` finds."""
        self._read(self.git(), old, new)

    def _read(self, git: Git, old: str, new: str, *how: str) -> None:
        git.attempt("update-index", "-q", "--refresh")  # a file may only have been touched
        done = git.attempt("read-tree", "-m", "-u", *how, old, new)
        if done.returncode != 0:
            raise Refused(
                f"{self.folder} has changes where the merge would write; commit, stash or move them "
                f"first: {stderr_tail(done.stderr)}"
            )

    def _demand_nothing_under_way(self) -> None:
        for name, what in _UNDER_WAY.items():
            if (self.private / name).exists():
                raise Refused(f"{what} is under way in {self.folder}; finish or abort it first")

    def _demand_nothing_in_the_way(self, index: Path, old: str, paths: tuple[str, ...]) -> None:
        """Ignored files are the user's, too, although git would overwrite them."""
        git = self.git(index)
        known = {os.fsdecode(path) for path in git.run("ls-files", "-z").split(b"\0")}
        known.update(entries_of(git, old))
        there = [path for path in paths if path not in known and _exists(self.folder / path)]
        if there:
            raise Refused(
                f"{self.folder}: files that git doesn't track are where the merge would write "
                f"({_names(there)}); move them first"
            )

    def _demand_no_filter(self, new: str, paths: tuple[str, ...]) -> None:
        known = Git.of_user("-C", str(self.folder))
        for name, path in {name: path for path, name in self._filters(new, paths)}.items():
            keys = (f"filter.{name}.{step}" for step in ("smudge", "process"))
            if any(known.attempt("config", "--get", key).returncode == 0 for key in keys):
                raise Refused(
                    f"{path!r} goes through the filter {name!r}, which isn't run here; switch "
                    f"{self.folder} to another branch, merge again, and switch back"
                )

    def _filters(self, new: str, paths: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """The paths that have a filter by the attributes of ``new``, and its name."""
        with tempfile.TemporaryDirectory() as scratch:
            git = self.git(Path(scratch) / "index")
            git.run("read-tree", new)
            stdin = b"".join(os.fsencode(path) + b"\0" for path in paths)
            said = git.run("check-attr", "--cached", "-z", "--stdin", "filter", stdin=stdin)
        fields = said.split(b"\0")
        for path, value in zip(fields[0::3], fields[2::3], strict=False):
            if value not in (b"unspecified", b"unset", b"set"):
                yield os.fsdecode(path), os.fsdecode(value)


def holder_of(place: Place, branch: str, objects: Path | None = None) -> CheckedOut | None:
    """The work tree that has ``branch`` checked out; it also sees the ``objects`` of another folder.

    Raises Refused where there are several, for one that isn't there, and for a branch that is being
    rebased.
    """
    environment = _without_filters(place)
    if objects:
        environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = quoted(objects)
    holders = []
    for folder, private, head in _work_trees(place):
        for name in _REBASED:
            if _text(private / name) == HEADS + branch:
                raise Refused(f"branch {branch!r} is being rebased in {folder}; finish that first")
        if head == HEADS + branch:
            if not folder.is_dir():
                raise Refused(f"branch {branch!r} is checked out in {folder}, which isn't there")
            holders.append(CheckedOut(folder, private, environment))
    if len(holders) > 1:
        names = ", ".join(str(holder.folder) for holder in holders)
        raise Refused(f"branch {branch!r} is checked out more than once: {names}")
    return holders[0] if holders else None


def _work_trees(place: Place) -> Iterator[tuple[Path, Path, str]]:
    """Folder, private folder and checked out branch ("" for none) of each, the target's first."""
    private = _private(place.top)
    head = place.git().attempt("symbolic-ref", "--quiet", "HEAD").stdout
    yield place.top, private, os.fsdecode(head).strip()
    for record in place.git().run("worktree", "list", "--porcelain", "-z").split(b"\0\0"):
        fields = dict(field.partition(b" ")[::2] for field in record.split(b"\0") if field)
        if b"worktree" not in fields or b"bare" in fields or b"prunable" in fields:
            continue
        folder = Path(os.fsdecode(fields[b"worktree"]))
        branch = os.fsdecode(fields.get(b"branch", b""))
        own = _private(folder) if folder.is_dir() else folder
        if own != private:
            yield folder, own, branch


def _private(folder: Path) -> Path:
    shown = Git("-C", str(folder)).run("rev-parse", "--absolute-git-dir")
    return Path(os.fsdecode(shown).removesuffix("\n"))


def _without_filters(place: Place) -> dict[str, str]:
    """Settings that leave each filter of the repository's configuration without a program."""
    found = place.git().attempt("config", "-z", "--name-only", "--get-regexp", r"^filter\.")
    keys = {os.fsdecode(key).rpartition(".")[0] for key in found.stdout.split(b"\0") if key}
    settings = [
        (f"{key}.{name}", "false" if name == "required" else "")
        for key in sorted(keys)
        for name in ("clean", "smudge", "process", "required")
    ]
    environment = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="surrogateescape").strip()
    except OSError:
        return ""


def _names(paths: list[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more

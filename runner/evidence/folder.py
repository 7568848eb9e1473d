"""The target's folder as commits of the user's repository have it, kept in the evidence."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.errors import EvidenceError
from runner.evidence.bench import borrow, carry, objects_of
from runner.evidence.errors import Refused
from runner.evidence.git import Git
from runner.evidence.place import Place, commit_at, find_place
from runner.evidence.pointers import contents
from runner.evidence.repository import Evidence
from runner.evidence.target import NEVER
from runner.evidence.trees import (
    GITLINK,
    commit_of,
    entries_of,
    scratch_index,
    set_entries,
    written,
)
from runner.model import ROOT


@dataclass(frozen=True, slots=True)
class FolderView:
    """How the target's folder is looked at: as ``pack_target`` packed it, but from commits.

    ``found`` are the files with which the search began, see ``Evidence.manifest``.
    """

    evidence: Evidence
    place: Place
    bench: Path
    excluded: Callable[[str], bool]
    found: Mapping[str, str]

    def keep(
        self, run_id: str, label: str, head: str, tree: str, touched: tuple[str, ...]
    ) -> tuple[str, str, tuple[str, ...]]:
        """Keep the folder in ``head`` and in ``tree`` as ``<label>-merge-<n>/branch`` and
        ``/merged``, with a number that is free. Returns the two commits, and what a person should
        know of them. ``touched`` are paths of the repository that are never left out.

        Raises EvidenceError where the repository lacks an object.
        """
        told = frozenset(path.removeprefix(self.place.prefix) for path in touched)
        branch, some = self._seen(head, told)
        merged, more = self._seen(tree, told)
        root, node = (self.evidence.commit(run_id, each) for each in (ROOT, label))
        before = commit_of(self.bench, branch, (), f"the branch, at {head}\n")
        after = commit_of(self.bench, merged, (before, node), f"{label}, merged into it\n")
        evidence = Git(f"--git-dir={self.evidence.folder}")
        carry(self.bench, evidence, [before, after], [root, node])
        stem = self._free(evidence, run_id, label)
        made = f"create {stem}/branch {before}\ncreate {stem}/merged {after}\n"
        evidence.run("update-ref", "--stdin", stdin=made.encode())
        return before, after, tuple(dict.fromkeys((*some, *more)))

    def _seen(self, commit: str, touched: frozenset[str]) -> tuple[str, list[str]]:
        """The folder's tree in a commit or tree, and notes."""
        with scratch_index(self.bench, self._subtree(commit)) as git:
            notes = self._expand(git)
            gone = [path for path, _ in _listed(git) if path not in touched and self._out(path)]
            set_entries(git, dict.fromkeys(gone, ""))
            resolved, missing = contents(self.bench, dict(_listed(git)), self.found)
            set_entries(git, resolved)
            if missing:
                more = f" and {len(missing) - 1} more" if missing[1:] else ""
                notes.append(
                    f"{missing[0]!r}{more}: only the git LFS pointer is in what is checked"
                )
            return written(git), notes

    def _subtree(self, commit: str) -> str:
        """A name of the target's folder in a commit; "" where it isn't there."""
        if not self.place.prefix:
            return f"{commit}^{{tree}}"
        git = Git(f"--git-dir={self.bench}")
        name = f"{commit}:{self.place.prefix.rstrip('/')}"
        kind = git.attempt("cat-file", "-t", name).stdout.strip()
        return name if kind == b"tree" else ""

    def _out(self, path: str) -> bool:
        return bool(NEVER.intersection(path.split("/"))) or self.excluded(path)

    def _expand(self, git: Git) -> list[str]:
        """Put the files of submodules, and of theirs, in the places of their links."""
        notes = []
        while links := [(path, entry) for path, entry in _listed(git) if entry.startswith(GITLINK)]:
            for path, entry in links:
                commit = entry.split(" ")[1]
                set_entries(git, {path: ""})
                if problem := self._fill(git, path, commit):
                    notes.append(f"submodule {path!r} is left out of what is checked: {problem}")
        return notes

    def _fill(self, git: Git, path: str, commit: str) -> str:
        folder = self.place.top / self.place.prefix / path
        try:
            place = find_place(folder)
            if place.top.resolve() != folder.resolve():
                return "it isn't checked out here"
            borrow(self.bench, objects_of(place))
        except (Refused, EvidenceError, OSError) as error:
            return str(error)
        if not commit_at(git, commit):
            return f"its commit {commit} isn't here"
        inner = entries_of(git, commit)
        set_entries(git, {f"{path}/{name}": entry for name, entry in inner.items()})
        return ""

    def _free(self, evidence: Git, run_id: str, label: str) -> str:
        """The name of a pair of refs that doesn't exist yet."""
        stem = f"{self.evidence.ref(run_id, label)}-merge-"
        refs = evidence.run("for-each-ref", "--format=%(refname)", f"{stem}*/branch").decode()
        numbers = [int(ref.removeprefix(stem).split("/")[0]) for ref in refs.split()]
        return f"{stem}{max(numbers, default=0) + 1}"


def _listed(git: Git) -> Iterator[tuple[str, str]]:
    """Each path of git's index with ``<mode> <object id>``."""
    for row in git.run("ls-files", "--stage", "-z").split(b"\0"):
        if row:
            about, _, path = row.partition(b"\t")
            yield os.fsdecode(path), about.decode("ascii").rpartition(" ")[0]

"""What a node changed, and putting it on another commit than the one it was made on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.evidence.errors import Refused
from runner.evidence.git import Git
from runner.evidence.merge import Conflict, merge_in
from runner.evidence.repository import Evidence
from runner.evidence.trees import GITLINK, REGULAR, edited, entries_of


@dataclass(frozen=True, slots=True)
class Change:
    """Both maps have the same paths, each with its ``<mode> <object id>``, "" where it is absent."""

    label: str
    before: Mapping[str, str]
    after: Mapping[str, str]

    def onto(self, folder: Path, fork: str, prefix: str, names: tuple[str, str]) -> str | Conflict:
        """The tree of the commit ``fork`` with this change below ``prefix``, merged on the bench
        ``folder``.

        All three sides are ``fork``'s outside of the changed paths. So what only the target's folder
        had when it was found (files that git doesn't track, what the set-up made) and what was kept
        out of it are nobody's deletions, and nobody's renames. Raises Refused for a change inside a
        submodule.
        """
        git = Git(f"--git-dir={folder}")
        there = entries_of(git, fork)
        self._demand_no_submodule(there, prefix)
        base, theirs = (
            edited(folder, fork, {prefix + path: entry for path, entry in side.items()})
            for side in self._in_line_ends_of(git, there, prefix)
        )
        merged = merge_in(folder, base, (fork, theirs), names)
        return merged if isinstance(merged, Conflict) else merged.tree_id

    def _demand_no_submodule(self, there: Mapping[str, str], prefix: str) -> None:
        links = {path for path, entry in there.items() if entry.startswith(GITLINK)}
        for path in self.before if links else ():
            parts = (prefix + path).split("/")
            for end in range(1, len(parts) + 1):
                if (link := "/".join(parts[:end])) in links:
                    raise Refused(
                        f"{self.label} changes {prefix + path!r} in the submodule {link!r}, which is "
                        "a repository of its own; bring the change there"
                    )

    def _in_line_ends_of(
        self, git: Git, there: Mapping[str, str], prefix: str
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Both sides, with the line ends that the repository keeps. The search began with the files
        of a work tree, to which git may have given other ones."""
        before, after = dict(self.before), dict(self.after)
        for path, entry in self.before.items():
            kept = there.get(prefix + path, "")
            sides = (entry, self.after[path])
            if kept == entry or not all(side.startswith(REGULAR) for side in (kept, *sides)):
                continue
            if _has_unix_ends(git, kept) and _has_windows_ends(git, entry):
                before[path], after[path] = (_with_unix_ends(git, side) for side in sides)
        return before, after


def _has_unix_ends(git: Git, entry: str) -> bool:
    return b"\r" not in _content(git, entry)


def _has_windows_ends(git: Git, entry: str) -> bool:
    content = _content(git, entry)
    return b"\r\n" in content and b"\0" not in content


def _with_unix_ends(git: Git, entry: str) -> str:
    content = _content(git, entry).replace(b"\r\n", b"\n")
    made = git.run("hash-object", "-w", "--stdin", stdin=content).decode("ascii").strip()
    return f"{entry.partition(' ')[0]} {made}"


def _content(git: Git, entry: str) -> bytes:
    return git.run("cat-file", "blob", entry.partition(" ")[2])


def change_of(evidence: Evidence, run_id: str, a: str, b: str) -> Change:
    """What differs between two nodes of a run. Raises TaskError for a node without evidence."""
    commits = evidence.commit(run_id, a), evidence.commit(run_id, b)
    before, after = (evidence.manifest(commit) for commit in commits)
    paths = evidence.changed(*commits)
    return Change(
        b,
        {path: before.get(path, "") for path in paths},
        {path: after.get(path, "") for path in paths},
    )

"""What a node changed, and putting it on another commit than the one it was made on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.evidence.errors import Refused
from runner.evidence.git import Git
from runner.evidence.merge import Conflict, entries_of, merge_in
from runner.evidence.repository import Evidence
from runner.evidence.trees import GITLINK, edited


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
        self._demand_no_submodule(folder, fork, prefix)
        base, theirs = (
            edited(folder, fork, {prefix + path: entry for path, entry in side.items()})
            for side in (self.before, self.after)
        )
        merged = merge_in(folder, base, (fork, theirs), names)
        return merged if isinstance(merged, Conflict) else merged.tree_id

    def _demand_no_submodule(self, folder: Path, fork: str, prefix: str) -> None:
        entries = entries_of(Git(f"--git-dir={folder}"), fork)
        links = {path for path, entry in entries.items() if entry.startswith(GITLINK)}
        for path in self.before if links else ():
            parts = (prefix + path).split("/")
            for end in range(1, len(parts) + 1):
                if (link := "/".join(parts[:end])) in links:
                    raise Refused(
                        f"{self.label} changes {prefix + path!r} in the submodule {link!r}, which is "
                        "a repository of its own; bring the change there"
                    )


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

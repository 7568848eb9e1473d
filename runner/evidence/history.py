"""What the recent history of a folder says of its files: who changed them, how often, how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.evidence.git import Git

COMMITS = 300  # that are looked at, the newest first; merges don't count
_MOST_BYTES = 8 << 20  # of git's answer
_COMMIT = "\1"


@dataclass(frozen=True, slots=True)
class History:
    """Each looked-at commit as its author and the lines that it changed in each file (added and
    removed), by path relative to the folder. Empty outside of git, and before the first commit."""

    commits: tuple[tuple[str, Mapping[str, int]], ...] = ()
    churn: Counter[str] = field(default_factory=Counter)

    def of(self, paths: Collection[str]) -> tuple[int, int, int]:
        """Commits that changed one of these files, their authors, and the lines they changed."""
        chosen = set(paths)
        found = [
            (author, sum(lines for path, lines in changed.items() if path in chosen))
            for author, changed in self.commits
            if not chosen.isdisjoint(changed)
        ]
        return len(found), len({author for author, _ in found}), sum(lines for _, lines in found)


def history(folder: Path) -> History:
    """Read the recent history of a folder in a git work tree. Nothing of it is run or written."""
    told = Git("-C", str(folder)).head(
        *("log", f"--max-count={COMMITS}", "--no-merges", "--no-renames", "--relative"),
        *("--numstat", "--no-ext-diff", "--no-textconv", f"--format={_COMMIT}%aE", "--", "."),
        limit_bytes=_MOST_BYTES,
    )
    commits: list[tuple[str, dict[str, int]]] = []
    churn: Counter[str] = Counter()
    for line in told.decode("utf-8", "replace").split("\n"):
        if line.startswith(_COMMIT):
            commits.append((line[1:].lower(), {}))
        elif commits and line.count("\t") == 2:
            added, removed, path = line.split("\t")
            lines = sum(int(part) for part in (added, removed) if part.isdecimal())
            commits[-1][1][path] = lines
            churn[path] += lines
    return History(tuple(commits), churn)

"""The evidence's refs, as a whole: what there is, and the few ways to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Set
from pathlib import Path

from runner.evidence.git import Git
from runner.evidence.repository import Evidence
from runner.evidence.scratch import PREFIX

CRASH_REPORT = "fast_import_crash_"  # what `git fast-import` leaves when it loses its input


def refs_of(evidence: Evidence, run_id: str = "") -> dict[str, str]:
    """The full names and commits of a run's refs, or of all. Raises EvidenceError."""
    where = f"refs/oppie/{run_id}/" if run_id else "refs/oppie/"
    rows = _git(evidence).run("for-each-ref", "--format=%(refname) %(objectname)", where)
    return dict(row.rsplit(" ", 1) for row in rows.decode("utf-8", "replace").splitlines())


def with_commits(evidence: Evidence, commits: Iterable[str]) -> Set[str]:
    """Those of the commits that the repository has, whatever leads to them."""
    asked = sorted(commits)
    if not asked:
        return frozenset()
    rows = _git(evidence).run(
        "cat-file", "--batch-check", stdin="".join(f"{commit}\n" for commit in asked).encode()
    )
    return {row.split()[0].decode() for row in rows.splitlines() if row.split()[1:2] == [b"commit"]}


def set_ref(evidence: Evidence, ref: str, commit: str) -> None:
    """Let a ref lead to a commit. Raises EvidenceError."""
    _git(evidence).run("update-ref", ref, commit)


def drop_ref(evidence: Evidence, ref: str) -> None:
    """Remove a ref; what it led to stays until the evidence of a run is dropped."""
    _git(evidence).run("update-ref", "-d", ref)


def unfinished_in(evidence: Evidence) -> list[Path]:
    """Locks, and files in the making, that a git which was killed has left in the repository.

    Those of a git that is at work look the same: only who knows that none is may remove them.
    """
    folder = evidence.folder
    patterns = (
        "*.lock",
        f"{CRASH_REPORT}*",
        "objects/pack/tmp_*",
        "objects/pack/.tmp-*",
        "objects/[0-9a-f][0-9a-f]/tmp_obj_*",
        "oppie-rules/tmp*",
        f"{PREFIX}*",
    )
    found = {path for pattern in patterns for path in folder.glob(pattern)}
    return sorted(found | set((folder / "refs").rglob("*.lock")))


def _git(evidence: Evidence) -> Git:
    return Git(f"--git-dir={evidence.folder}")

"""The files of a recorded state, to be read."""

from __future__ import annotations

import os
from collections.abc import Mapping

from runner.evidence.git import Git
from runner.evidence.repository import Evidence


def sizes_of(evidence: Evidence, commit: str) -> Mapping[str, int]:
    """Path to size in bytes, for each regular file of a commit. Raises ``EvidenceError``."""
    rows = _git(evidence).run("ls-tree", "-r", "-l", "-z", "--full-tree", commit).split(b"\0")
    found = (row.partition(b"\t") for row in rows if row.startswith(b"100"))
    return {os.fsdecode(path): int(about.split()[3]) for about, _, path in found}


def content_of(evidence: Evidence, commit: str, path: str) -> bytes:
    """The content of one file of a commit. Raises ``EvidenceError``."""
    return _git(evidence).run("cat-file", "blob", f"{commit}:{path}")


def _git(evidence: Evidence) -> Git:
    return Git(f"--git-dir={evidence.folder}")

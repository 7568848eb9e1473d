"""Which project a run belongs to: what it learns is the project's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from runner.evidence.git import Git


def project_key(task: str, target: Path) -> str:
    """``<task>-<12 hex digits>``, where the digits are those of what the target is.

    In a git repository with commits that is its first commit, and where in it the target is: the same
    for every clone, wherever it lies. Otherwise, and in a shallow clone, whose first commit isn't the
    repository's, it is the folder's path.
    """
    digest = hashlib.sha256(_identity(target.resolve()).encode("utf-8", "surrogateescape"))
    return f"{task}-{digest.hexdigest()[:12]}"


def _identity(target: Path) -> str:
    git = Git("-C", str(target))
    if _said(git, "rev-parse", "--is-shallow-repository") == "false":
        roots = sorted(_said(git, "rev-list", "--max-parents=0", "HEAD").split())
        if roots:
            return f"{roots[0]} {_said(git, 'rev-parse', '--show-prefix')}"
    return str(target)


def _said(git: Git, *args: str) -> str:
    """What git said, or "" if it failed."""
    done = git.attempt(*args)
    return done.stdout.decode("utf-8", "surrogateescape").strip() if done.returncode == 0 else ""

"""A branch stands on HEAD; what was measured may not."""

from __future__ import annotations

import subprocess
from pathlib import Path

from runner.evidence import Evidence, pack_target, uncommitted


def git(folder: Path, *args: str) -> None:
    identity = ("-c", "user.name=me", "-c", "user.email=me@example.com")
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True)


def test_what_head_lacks_is_named(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    target = repository / "inner"
    target.mkdir(parents=True)
    (target / "same").write_text("same\n")
    (target / "edited").write_text("before\n")
    (repository / "outside").write_text("no part of the target\n")
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "begin")
    evidence = Evidence(tmp_path / "evidence.git")
    clean = evidence.record("r", "A", "", pack_target(target, lambda _: False), "m\n")
    assert uncommitted(evidence, target, clean.commit) == ()
    (target / "edited").write_text("after\n")
    (target / "new").write_text("new\n")
    dirty = evidence.record("r", "B", "", pack_target(target, lambda _: False), "m\n")
    assert uncommitted(evidence, target, dirty.commit) == ("edited", "new")

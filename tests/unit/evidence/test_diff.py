from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runner.errors import TaskError
from runner.evidence import Evidence

from .tars import Member, chunks, file, symlink, tar

RUN = "20261121-024017-ab12"


def record(evidence: Evidence, label: str, parent: str, *members: Member) -> str:
    return evidence.record(RUN, label, parent, chunks(tar(*members)), label).commit


@pytest.fixture
def pair(evidence: Evidence) -> Evidence:
    root = record(
        evidence, "A", "", file("a.txt", "one\ntwo\n"), file("bin", b"\0\1"), file("gone", "x"),
        file(".gitattributes", "*.txt -diff\n"),
    )  # fmt: skip
    record(
        evidence, "A.1", root, file("a.txt", "one\n2\n"), file("bin", b"\0\2"),
        file("new dir/n\nl", "x", mode=0o755), symlink("link", "a.txt"),
        file(".gitattributes", "*.txt -diff\n"),
    )  # fmt: skip
    return evidence


def test_the_patch_leads_from_one_to_the_other(pair: Evidence, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    pair.checkout(RUN, "A", folder)
    patch = tmp_path / "p.patch"
    pair.write_patch(RUN, "A", "A.1", patch)
    assert patch.read_bytes() == pair.diff(RUN, "A", "A.1")
    subprocess.run(["git", "apply", str(patch)], cwd=folder, check=True)
    other = tmp_path / "b"
    pair.checkout(RUN, "A.1", other)
    subprocess.run(["diff", "-r", str(folder), str(other)], check=True)


def test_a_patch_that_fails_leaves_no_file(pair: Evidence, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"A\.7"):
        pair.write_patch(RUN, "A", "A.7", tmp_path / "p.patch")
    assert list(tmp_path.glob("*.patch")) == []
    assert list(tmp_path.glob("tmp*")) == []


def test_stat_names_the_files(pair: Evidence) -> None:
    text = pair.stat(RUN, "A", "A.1")
    assert "a.txt" in text
    assert "gone" in text
    assert ".gitattributes" not in text


def test_numstat_counts_lines(pair: Evidence) -> None:
    counts = {each.path: (each.added, each.removed) for each in pair.numstat(RUN, "A", "A.1")}
    assert counts["gone"] == (0, 1)
    assert counts["bin"] == (None, None)
    assert counts["new dir/n\nl"] == (1, 0)


def test_deleting_a_run_keeps_the_others(evidence: Evidence) -> None:
    shared = record(evidence, "A", "", file("a", "1"))
    mine = record(evidence, "A.1", shared, file("a", "only here"))
    evidence.record("other", "A", "", chunks(tar(file("a", "1"))), "A")
    evidence.delete_run(RUN)
    with pytest.raises(TaskError):
        evidence.commit(RUN, "A")
    assert evidence.manifest(evidence.commit("other", "A")).keys() == {"a"}
    found = subprocess.run(
        ["git", f"--git-dir={evidence.folder}", "cat-file", "-e", mine], capture_output=True
    )
    assert found.returncode != 0


def test_a_run_without_evidence_can_be_deleted(evidence: Evidence) -> None:
    evidence.delete_run("never")

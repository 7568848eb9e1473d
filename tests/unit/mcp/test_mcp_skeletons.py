"""Skeletons: in each language valid, and failing until somebody completes them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from runner.detect.table import BY_NAME
from runner.mcp.desk import DeskError
from runner.mcp.results import Suite
from runner.mcp.skeletons import FRAMEWORKS, skeleton_of

HOSTILE = (
    'x"); import os; os.system("id") #',
    "'; DROP TABLE tests; --",
    "${evil} $(id) `id` \\ \n */ ?> %>",
    "../../etc/passwd",
    "名前",
    "9 lives",
    "",
)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("subject", HOSTILE)
def test_nothing_of_a_subject_but_words_is_taken_over(framework: str, subject: str) -> None:
    plain, hostile = (skeleton_of(framework, each, ()) for each in ("WORD", subject))
    words = re.findall(r"[A-Za-z0-9]+", subject.translate({ord(c): " " for c in "_"}))
    for text in (hostile.text, hostile.path):
        assert "$" not in text.replace("$this", "")
        assert not re.search(r"/\.\.|^/|^\.\.", text)
    shape = re.compile(r"[A-Za-z0-9_ ]+")
    assert set(shape.sub("", hostile.text)) <= set(shape.sub("", plain.text)), words
    assert re.fullmatch(r"[A-Za-z0-9_/.]+", hostile.path)


@pytest.mark.parametrize("framework", ["pytest", "unittest"])
def test_python_skeletons_fail_by_design(framework: str, tmp_path: Path) -> None:
    made = skeleton_of(framework, "commit_path of the WAL", ())
    assert made.path == "tests/test_commit_path_of_the_wal.py"
    ast.parse(made.text)
    file = tmp_path / "test_it.py"
    file.write_text(made.text)
    ran = subprocess.run(
        [sys.executable, "-m", framework, str(file) if framework == "pytest" else "test_it"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert "say what is wanted of commit path of the WAL" in ran.stdout + ran.stderr


def test_the_repositorys_own_framework_is_the_first_choice() -> None:
    suites = (
        Suite("CTest", "ctest", "native"),
        Suite("nextest", "cargo nextest run", "crates/core"),
        Suite("pytest", "python3 -m pytest"),
    )
    made = skeleton_of("", "fsync", suites)
    assert (made.framework, made.path) == ("Cargo", "crates/core/tests/fsync.rs")
    assert made.command == "cargo nextest run"
    assert skeleton_of("PyTest", "fsync", suites).command == "python3 -m pytest"
    assert skeleton_of("go", "fsync", suites).path == "fsync_test.go"


def test_what_has_none_is_told_what_has() -> None:
    with pytest.raises(DeskError, match=r"^'CTest' has no skeleton; there are some for pytest, "):
        skeleton_of("CTest", "x", ())
    with pytest.raises(DeskError, match=r"^none of CTest here has a skeleton; there are some for"):
        skeleton_of("", "x", (Suite("CTest", "ctest"),))
    with pytest.raises(DeskError, match=r"^no framework here has a skeleton"):
        skeleton_of("", "x", ())


def test_skeletons_are_for_frameworks_that_are_known() -> None:
    assert set(FRAMEWORKS) <= set(BY_NAME)
    assert {
        *("pytest", "unittest", "Jest", "Vitest", "Mocha", "node:test"),
        *("Go", "Cargo", "RSpec", "PHPUnit"),
    } <= set(FRAMEWORKS)

"""Hooks are told facts, and their failure is said in one line."""

from __future__ import annotations

import json
from pathlib import Path

from runner.expand.hooks import call_hook


def test_no_hook_is_no_failure(tmp_path: Path) -> None:
    assert call_hook((), {}, tmp_path, 1.0) == ""


def test_a_hook_gets_the_facts_and_its_folder(tmp_path: Path) -> None:
    command = ("sh", "-c", "cat > facts.json")
    assert call_hook(command, {"node": "A.1"}, tmp_path, 10.0) == ""
    assert json.loads((tmp_path / "facts.json").read_text()) == {"node": "A.1"}


def test_a_failing_hook_says_its_exit_and_its_words(tmp_path: Path) -> None:
    trouble = call_hook(("sh", "-c", "echo not today >&2; exit 4"), {}, tmp_path, 10.0)
    assert trouble == "hook sh: exit 4: not today"


def test_a_hook_that_does_not_end_is_killed(tmp_path: Path) -> None:
    assert call_hook(("sleep", "60"), {}, tmp_path, 0.1) == "hook sleep: no end after 0.1 s"


def test_a_hook_that_is_not_there_is_said(tmp_path: Path) -> None:
    trouble = call_hook(("./nothing",), {}, tmp_path, 1.0)
    assert trouble == "hook ./nothing: No such file or directory"


def test_a_hook_that_does_not_read_is_fine(tmp_path: Path) -> None:
    assert call_hook(("true",), {"x": "y" * 1_000_000}, tmp_path, 10.0) == ""

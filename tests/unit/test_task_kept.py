from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import TaskError
from runner.model import Action, ActionKind
from runner.task import keep_task, kept_task, load_task

TEXT = """
name = "t"
target = "."
protected = ["oppie.toml"]
[[actions]]
name = "a"
command = "true"
[[checks]]
name = "c"
command = "true"
[benchmark]
command = "b"
metrics = [{name = "m", goal = "max", unit = "s"}]
[budget]
target = ["m > 5"]
[hooks]
backtrack = ["true"]
"""


def test_a_run_finds_its_task_again_whatever_bytes_its_patches_hold(tmp_path: Path) -> None:
    (tmp_path / "oppie.toml").write_text(TEXT)
    task = load_task(tmp_path)
    patch = Action("p", ActionKind.PATCH, bytes(range(1, 256)))
    task = replace(task, actions=(*task.actions, patch))
    keep_task(task, "sha256:1", tmp_path / "run")
    (tmp_path / "oppie.toml").unlink()
    assert kept_task(tmp_path / "run") == (task, "sha256:1")


@pytest.mark.parametrize("text", [None, "", "{}", "[1, 2]"])
def test_a_copy_that_cannot_be_read_is_told(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "task.json").write_text(text)
    with pytest.raises(TaskError, match="the run's own copy of its task can't be read"):
        kept_task(tmp_path)

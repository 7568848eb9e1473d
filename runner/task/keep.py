"""A run's own copy of its task: it goes on with what it began with, whatever became of the file."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from runner.errors import TaskError
from runner.keeping import keep_whole, keeping
from runner.task.spec import Task

NAME = "task.json"

# The tuple carries the setting (a dataclass may not), because patches need not be UTF-8.
_ADAPTER = TypeAdapter(
    tuple[Task, str], config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
)


def keep_task(task: Task, image: str, folder: Path) -> None:
    """Write the task, and the image that it was started with, into a run's folder, which is made.
    Raises ``StateError``."""
    with keeping("make", folder):
        folder.mkdir(parents=True, exist_ok=True)
    keep_whole(folder / NAME, _ADAPTER.dump_json((task, image)))


def kept_task(folder: Path) -> tuple[Task, str]:
    """What ``keep_task`` wrote. Raises ``TaskError`` if it can't be read."""
    path = folder / NAME
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except (OSError, ValidationError, json.JSONDecodeError) as error:
        raise TaskError(f"{path}: the run's own copy of its task can't be read: {error}") from error

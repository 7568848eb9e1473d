"""Reading a task file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from runner.errors import TaskError
from runner.task.build import build_task
from runner.task.file import TaskFile
from runner.task.problems import raise_problems, shape_problems
from runner.task.spec import Task

FILE_NAME = "oppie.toml"
MAX_BYTES = 1 << 20


def load_task(path: Path) -> Task:
    """The task of a file, or of the ``oppie.toml`` in a folder. Starts nothing, writes nothing.

    Raises ``TaskError`` with one message for all that is wrong: the file, each key and value, and
    what is allowed instead.
    """
    path = (path / FILE_NAME if path.is_dir() else path).absolute()
    try:
        file = TaskFile.model_validate(_parse(path))
    except ValidationError as error:
        raise_problems(path, shape_problems(error))
        raise
    problems: list[str] = []
    task = build_task(path, file, problems)
    raise_problems(path, problems)
    return task


def _parse(path: Path) -> dict[str, object]:
    data = _read(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TaskError(f"{path}:{line}: is not UTF-8, as TOML must be") from error
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise TaskError(f"{path}: is not valid TOML: {error}") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise TaskError(f"{path}: there is no such task file") from error
    except OSError as error:
        raise TaskError(f"{path}: can't be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise TaskError(f"{path}: has over {MAX_BYTES} bytes, more than a task file may have")
    return data

"""The values of a task's secrets, which are in this machine's environment and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

from runner.errors import TaskError
from runner.task.spec import Task

FEWEST_CHARS = 8


def secrets_of(task: Task, find: Callable[[str], str | None]) -> dict[str, str]:
    """The task's secrets by name; ``find`` gives a variable's value, ``None`` for one that isn't set.

    Raises ``TaskError`` for one that is missing, or that can't be told from other text: it is looked
    for in whatever a container prints and leaves.
    """
    found, problems = {}, []
    for name in task.secrets:
        value = find(name)
        if problem := _problem(value):
            problems.append(f'{task.path}: sandbox.secrets = "{name}": {problem}')
        else:
            found[name] = value or ""
    if problems:
        raise TaskError("\n".join(problems))
    return found


def _problem(value: str | None) -> str:
    if value is None:
        return "there is no such variable in this machine's environment"
    if len(value) < FEWEST_CHARS:
        return (
            f"the variable holds {len(value)} characters; a secret has {FEWEST_CHARS} or more, or "
            "it couldn't be told from other text"
        )
    if any(char in value for char in "\r\n"):
        return "the variable holds a line break; a secret is one line"
    return ""

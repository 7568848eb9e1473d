"""The task file: ``oppie.toml`` becomes a ``Task``, or one message that says what is wrong."""

from runner.measure.judge import Benchmark, Check
from runner.task.keep import keep_task, kept_task
from runner.task.load import FILE_NAME, load_task
from runner.task.secrets import secrets_of
from runner.task.spec import Hooks, ImageSpec, Task, UpstreamSpec

__all__ = [
    "FILE_NAME",
    "Benchmark",
    "Check",
    "Hooks",
    "ImageSpec",
    "Task",
    "UpstreamSpec",
    "keep_task",
    "kept_task",
    "load_task",
    "secrets_of",
]

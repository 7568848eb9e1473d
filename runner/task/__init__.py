"""The task file: ``oppie.toml`` becomes a ``Task``, or one message that says what is wrong."""

from runner.measure.judge import Benchmark, Check
from runner.task.spec import Hooks, ImageSpec, Task

__all__ = ["Benchmark", "Check", "Hooks", "ImageSpec", "Task"]

"""What judges a task's target, told to agents."""

from __future__ import annotations

from runner.detect import Detection
from runner.mcp.results import CheckInfo, Setup, Suite
from runner.task import Task


def setup_of(task: Task, detection: Detection) -> Setup:
    """The task's checks, the frameworks that the target's files speak of, and what is protected."""
    checks = tuple(
        CheckInfo(check.name, check.command, check.timeout_s, bool(check.results))
        for check in task.checks
    )
    suites = tuple(
        Suite(each.framework, each.command, each.folder, each.notes)
        for each in (*detection.tests, *detection.alternatives)
    )
    return Setup(checks, suites, task.protected)

"""What judges a task's target, told to agents."""

from __future__ import annotations

from runner.detect import Tree, detect_in
from runner.mcp.results import CheckInfo, Setup, Suite
from runner.task import Task


def setup_of(task: Task) -> Setup:
    """The task's checks, the frameworks that the target's files speak of by themselves, and what is
    protected. Raises ``TaskError`` for a target that is gone."""
    checks = tuple(
        CheckInfo(check.name, check.command, check.timeout_s, bool(check.results))
        for check in task.checks
    )
    found = detect_in(Tree(task.target), task=False)
    suites = tuple(
        Suite(each.framework, each.command, each.folder, each.notes)
        for each in (*found.tests, *found.alternatives)
    )
    return Setup(checks, suites, task.protected)

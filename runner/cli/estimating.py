"""How complex a task looks, from its folder and from what earlier runs over it were like."""

from __future__ import annotations

from collections.abc import Sequence

from runner.evidence import surroundings
from runner.measure.protected import matches
from runner.model import ActionKind
from runner.planner.complexity import Complexity, Features, complexity, enough_of
from runner.task import Task


def estimated(task: Task, earlier: Sequence[Sequence[float | None]] = ()) -> Complexity:
    """Estimate a task's complexity before anything of it is run.

    ``earlier`` are runs over the same target, each as the gains of its evaluations over the root, in
    the order in which they were completed. Raises TaskError where the target can't be read.
    """
    agents = [action for action in task.actions if action.kind is ActionKind.AGENT]
    found = surroundings(
        task.target,
        [f"{agent.body.decode('utf-8', 'replace')} {agent.description}" for agent in agents],
        lambda path: matches((*task.exclude, *task.protected), path),
    )
    record = [enough_of(gains) for gains in earlier]
    return complexity(
        Features(
            files=len(found.files),
            folders=found.folders,
            lines=found.lines,
            tests=found.tests,
            commits=found.commits,
            authors=found.authors,
            churn_lines=found.churn_lines,
            agents=len(agents),
            wins=record.count(True),
            losses=record.count(False),
            how=found.how,
        )
    )

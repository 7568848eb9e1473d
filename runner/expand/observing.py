"""What an agent is told of the state that it left."""

from __future__ import annotations

from runner.expand.attempt import log_lines
from runner.expand.judging import Failure, Trial
from runner.measure.checks import CheckRun
from runner.model import Measurement
from runner.prompts import Essence, essence, gain_essence


def observed(trial: Trial, result: Failure | Measurement) -> Essence:
    """The essence of a round's result: the failed check's, or that of the numbers."""
    task = trial.context.task
    if isinstance(result, Measurement):
        threshold = task.search.thresholds.min_gain
        return gain_essence(result, task.benchmark.objective, threshold)
    if not result.step:
        return essence(result.reason, ())
    run = trial.attempt.kept(f"run-{result.step}", CheckRun)
    return essence(result.reason, log_lines(trial.attempt.log(result.step)), run)

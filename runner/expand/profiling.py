"""Where the parent spends its time, for an agent to read."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator

from runner.expand.attempt import log_lines
from runner.expand.judging import Trial
from runner.expand.room import run_step
from runner.model import Phase, Snapshot
from runner.sandbox.protocol import StepResult

_PROFILE = "profile"
_LINES = 200


def profile_of(trial: Trial, image: Snapshot) -> Generator[Phase, None, str]:
    """The last lines that the task's profiling command prints in a state; "" if it has none.

    A profile is a help: one that fails or takes too long is told as far as it came.
    """
    benchmark, attempt = trial.context.task.benchmark, trial.attempt
    if not benchmark.profile:
        return ""
    log = attempt.log(_PROFILE)
    step = trial.step(_PROFILE, image.digest, benchmark.profile, benchmark.timeout_s)
    result = attempt.once(
        _PROFILE, StepResult, lambda: run_step(trial.context, trial.sandbox, step, log)
    )
    trial.meter.container_s += result.seconds
    trial.sandbox.remove(result.container)
    yield Phase(trial.label, "profile.taken", {"exit": str(result.exit), "seconds": result.seconds})
    lines = deque(log_lines(log), maxlen=_LINES)
    return b"".join(lines).decode("utf-8", "replace")

"""The user's programs on the host, told of a node's facts as JSON on their stdin."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator, Mapping
from pathlib import Path

from runner.model import Decision, Expansion, Job, Phase
from runner.task import Task

_WORDS = 200


def call_hook(
    command: tuple[str, ...], facts: Mapping[str, object], cwd: Path, timeout_s: float
) -> str:
    """Run a hook to its end; returns why it failed, or "" if it did not (or there is none)."""
    if not command:
        return ""
    try:
        done = subprocess.run(
            command,
            input=json.dumps(facts).encode(),
            cwd=cwd,
            timeout=timeout_s,
            capture_output=True,
            check=False,
            start_new_session=True,  # a Ctrl-C is for the planner to hear, not for the hook
        )
    except subprocess.TimeoutExpired:
        return f"hook {command[0]}: no end after {timeout_s:g} s"
    except OSError as error:
        return f"hook {command[0]}: {error.strerror}"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode("utf-8", "replace").strip()[-_WORDS:]
    return f"hook {command[0]}: exit {done.returncode}" + (f": {said}" if said else "")


def tell_hooks(task: Task, job: Job, expansion: Expansion) -> Generator[Phase, None, None]:
    """Tell the user's programs what came of a node; their failure is theirs and stops nothing."""
    hooks, cwd = task.hooks, task.path.parent
    facts = facts_of(job) | {
        "outcome": str(expansion.outcome),
        "decision": str(expansion.decision),
        "reward": expansion.reward,
        "gain": expansion.measurement.gain if expansion.measurement else None,
        "reason": expansion.reason,
    }
    called = [hooks.post_execution]
    if expansion.decision is Decision.DISCARD:
        called.append(hooks.backtrack)
    for hook in called:
        trouble = call_hook(hook, facts, cwd, hooks.timeout_s)
        if trouble:
            yield Phase(job.label, "hook.failed", {"reason": trouble})


def facts_of(job: Job) -> dict[str, object]:
    """What a hook is told of a node."""
    return {
        "node": job.label,
        "attempt": job.attempt_id,
        "kind": str(job.kind),
        "parent": job.origin.label,
        "parent_snapshot": job.origin.snapshot.digest if job.origin.snapshot else None,
        "actions": [action.key for action in job.actions],
        "expected_gain": job.expected_gain,
    }

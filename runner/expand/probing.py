"""What the agents' programs say of themselves, asked before the first of them is started."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from functools import partial

from runner.agents.adapters import by_name
from runner.agents.protocol import Flags
from runner.errors import TaskError
from runner.expand.agency import Agency
from runner.expand.agent_step import upstream_for
from runner.expand.context import snapshot_of
from runner.expand.judging import Trial
from runner.expand.root import Root
from runner.model import AgentSpec, Phase
from runner.sandbox.protocol import StepResult
from runner.task import Task

_PROBE_S = 120.0
_MOST_BYTES = 1 << 20


def agents_of(task: Task) -> tuple[AgentSpec, ...]:
    """All agents that a task uses, the reviewer last."""
    specs = [action.agent for action in task.actions if action.agent]
    return tuple(specs + ([task.aids.reviewer] if task.aids.reviewer else []))


def demand_models(agency: Agency, specs: Iterable[AgentSpec]) -> None:
    """Raises ``TaskError`` for an agent whose model no upstream of the task has."""
    for spec in specs:
        adapter = by_name(spec.adapter)
        if adapter.dialects and not upstream_for(adapter, spec.model, agency):
            wanted = " or ".join(adapter.dialects)
            raise TaskError(
                f"agent {spec.adapter}: needs one of [[gateway.upstreams]] of the dialect {wanted}"
                + (f" that has the model {spec.model!r}" if spec.model else "")
            )


def probed(
    trial: Trial, root: Root, specs: Iterable[AgentSpec]
) -> Generator[Phase, None, dict[str, Flags]]:
    """Ask the program of each adapter for its version and its help, in a container of the root.

    Raises ``TaskError`` if one isn't there or lacks what its adapter needs; ``EngineError``.
    """
    found: dict[str, Flags] = {}
    image = snapshot_of(root.state.snapshot, root.state.label).digest
    for name in sorted({spec.adapter for spec in specs}):
        adapter = by_name(name)
        text = ""
        if adapter.probe:
            step_name = f"probe-{name}"
            log = trial.attempt.log(step_name)
            step = trial.step(step_name, image, adapter.probe, _PROBE_S)
            run = partial(trial.sandbox.run, step, log)
            result = trial.attempt.once(step_name, StepResult, run)
            trial.sandbox.remove(result.container)
            text = log.read_bytes()[:_MOST_BYTES].decode("utf-8", "replace")
        found[name] = adapter.read_probe(text)
        yield Phase(trial.label, "agent.probed", {"agent": name, "version": found[name].version})
    return found

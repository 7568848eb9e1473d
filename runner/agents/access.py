"""What an adapter may ask of an assignment."""

from __future__ import annotations

from runner.agents.protocol import Access, Adapter, Assignment
from runner.errors import TaskError


def needed_access(adapter: Adapter, assignment: Assignment) -> Access:
    """The way to models.

    Raises ``TaskError`` if there is none, or it speaks what the agent doesn't.
    """
    access = assignment.access
    allowed = " or ".join(adapter.dialects)
    if access is None:
        raise TaskError(
            f"agent {adapter.name}: needs a model; [[gateway.upstreams]] must list one of the "
            f"dialect {allowed}"
        )
    if access.dialect not in adapter.dialects:
        raise TaskError(f"agent {adapter.name}: speaks {allowed}, not {access.dialect}")
    return access


def needed_model(adapter: Adapter, assignment: Assignment) -> str:
    """The model's name.

    Raises ``TaskError`` if there is none, for agents that have none of their own.
    """
    if not assignment.model:
        raise TaskError(f'agent {adapter.name}: needs a model\'s name: model = "…"')
    return assignment.model

"""The agents that can be asked for, by name."""

from __future__ import annotations

from runner.agents.adapters.aider import Aider
from runner.agents.adapters.chat import Chat
from runner.agents.adapters.claude import Claude
from runner.agents.adapters.codex import Codex
from runner.agents.adapters.command import Command
from runner.agents.adapters.gemini import Gemini
from runner.agents.adapters.mini import Mini
from runner.agents.adapters.opencode import OpenCode
from runner.agents.adapters.scripted import Scripted
from runner.agents.protocol import Adapter
from runner.errors import TaskError

_ALL: tuple[Adapter, ...] = (
    Claude(),
    Codex(),
    Gemini(),
    OpenCode(),
    Aider(),
    Mini(),
    Command(),
    Scripted(),
    Chat(),
)
ADAPTERS = {adapter.name: adapter for adapter in _ALL}


def by_name(name: str) -> Adapter:
    """The adapter of this name. Raises ``TaskError`` that lists those that there are."""
    if adapter := ADAPTERS.get(name):
        return adapter
    raise TaskError(f"{name!r} is no agent that is known; there are: {', '.join(ADAPTERS)}")

"""The coding agents that an image can have, and the name of the image that has them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from runner.errors import TaskError
from runner.images.sources import AGENT

AGENTS = ("aider", "claude", "codex", "gemini", "mini", "opencode")
"""Those that ``images/agents.sh`` can install."""

LATEST = "latest"
# What a registry and the tag of an image both take.
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,31}")


def agents_of(wanted: Iterable[str]) -> tuple[str, ...]:
    """The agents that are wanted, ordered: "claude", or "claude@2.1.330" for one version.

    Raises ``TaskError`` for an agent that can't be installed, that is named twice, or whose version
    is none.
    """
    found: dict[str, str] = {}
    for agent in wanted:
        name, at, version = agent.strip().partition("@")
        if name not in AGENTS:
            raise TaskError(
                f"agents: there is no agent {name!r} to install; allowed: {', '.join(AGENTS)}"
            )
        if name in found:
            raise TaskError(f"agents: {name} is named twice; an image has one version of an agent")
        if at and not _VERSION.fullmatch(version):
            raise TaskError(
                f"agents: {agent.strip()!r} names no version; allowed: {name}, {name}@1.2.3"
            )
        found[name] = "" if version == LATEST else version
    return tuple(f"{name}@{found[name]}" if found[name] else name for name in sorted(found))


def name_of(agents: tuple[str, ...]) -> str:
    """The name of the image with these agents, which are as ``agents_of`` gives them.

    ``oppie/agent-claude-codex:latest`` has the versions of the day on which it was built,
    ``oppie/agent-claude-codex:2.1.330-latest`` has this Claude Code.
    """
    if not agents:
        return AGENT
    parts = [agent.partition("@") for agent in agents]
    repository = "-".join((AGENT.partition(":")[0], *(name for name, _, _ in parts)))
    versions = [version or LATEST for _, _, version in parts]
    return f"{repository}:{LATEST if set(versions) == {LATEST} else '-'.join(versions)}"

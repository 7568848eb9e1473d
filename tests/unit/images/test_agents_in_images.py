"""Which agents an image can have, and what it is called then."""

from __future__ import annotations

import pytest

from runner import images
from runner.errors import TaskError
from runner.images.agents import AGENTS
from runner.images.recipe import CHECKOUT, recipe


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ((), "oppie/agent:latest"),
        (("claude",), "oppie/agent-claude:latest"),
        (("codex", " claude "), "oppie/agent-claude-codex:latest"),
        (("claude@latest",), "oppie/agent-claude:latest"),
        (("claude@2.1.330",), "oppie/agent-claude:2.1.330"),
        (("codex", "claude@2.1.330"), "oppie/agent-claude-codex:2.1.330-latest"),
    ],
)
def test_an_image_is_called_after_what_is_in_it(wanted: tuple[str, ...], name: str) -> None:
    assert images.name_of(images.agents_of(wanted)) == name


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (["clod"], "no agent 'clod' to install; allowed: aider, claude, codex, gemini, mini, open"),
        ([""], "no agent ''"),
        (["claude", "claude@1"], "claude is named twice"),
        (["claude@"], "'claude@' names no version; allowed: claude, claude@1.2.3"),
        (["claude@$(id)"], r"'claude@\$\(id\)' names no version"),
    ],
)
def test_what_cannot_be_installed_is_said(wanted: list[str], why: str) -> None:
    with pytest.raises(TaskError, match=f"^agents: .*{why}"):
        images.agents_of(wanted)


def test_other_agents_are_another_recipe() -> None:
    assert len({recipe(), recipe(("claude",)), recipe(("claude@1",)), recipe(("codex",))}) == 4


def test_the_script_installs_each_of_them() -> None:
    script = (CHECKOUT / "images/agents.sh").read_text()
    assert all(f"\ninstall_{agent}() {{\n" in script for agent in AGENTS)
    assert " | ".join(sorted(AGENTS)) in script

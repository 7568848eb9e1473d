"""What the page on agents says is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from recordings import CLIS, FOLDER, probed

from runner.agents.adapters import ADAPTERS, by_name
from runner.agents.adapters.command import __doc__ as command_doc
from runner.agents.phases import PHASES
from runner.model import AgentStatus

PAGE = (Path(__file__).parents[3] / "docs" / "agents.md").read_text()


def row(name: str, table: str) -> list[str]:
    """The cells of an agent's row in the table under a heading."""
    part = PAGE.split(f"\n## {table}\n")[1].split("\n## ")[0]
    (line,) = [line for line in part.splitlines() if line.startswith(f"| `{name}` |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_each_agent_is_described_as_it_is(name: str) -> None:
    adapter, cells = by_name(name), row(name, "Which agents there are")
    spoken = {"openai": "OpenAI", "anthropic": "Anthropic", "gemini": "Gemini"}
    assert all(spoken[dialect] in cells[2] for dialect in adapter.dialects)
    assert cells[3].startswith("yes") is adapter.resumes
    assert cells[7].startswith("yes") is adapter.tools


@pytest.mark.parametrize("name", CLIS)
def test_the_versions_are_those_of_the_recordings(name: str) -> None:
    assert row(name, "What was tried")[1] == by_name(name).read_probe(probed(name)).version


def test_no_recording_is_of_an_agent_that_isnt_there() -> None:
    assert {path.name.partition(".")[0] for path in FOLDER.iterdir()} == set(CLIS)


def test_all_words_are_there() -> None:
    assert all(f"`{phase}`" in PAGE for phase in PHASES)
    assert all(f"`{status}`" in PAGE for status in AgentStatus)
    variables = set(re.findall(r"OPPIE_[A-Z_]+", command_doc or ""))
    assert len(variables) == 9
    assert all(f"`{variable}`" in PAGE for variable in variables)

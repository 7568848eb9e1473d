"""``docs/agents-in-practice.md`` against the code: each of its task files, whole or in part, is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import DOCS, files_of

from runner.agents.adapters import by_name
from runner.model import Mode
from runner.task import Task, load_task

PAGE = "agents-in-practice.md"
FILES = files_of(PAGE)
PARTS = re.findall(r"^```toml\n(.*?)^```$", (DOCS / PAGE).read_text(), re.M | re.S)
BENCHMARK = '\n[benchmark]\ncommand = "true"\nmetrics = [{ name = "m" }]\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with what the task files name."""
    for name in ("tests/test_a.py", "bench.py", "catalogue/p.patch"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("--- a/x\n")
    return tmp_path


def read(project: Path, text: str) -> Task:
    (project / "oppie.toml").write_text(text)
    return load_task(project)


def names_of(task: Task) -> list[str]:
    return [action.agent.adapter for action in task.actions if action.agent]


def test_claude_code_as_one_line_and_in_full(project: Path) -> None:
    full = read(project, FILES["claude/oppie.toml"])
    assert names_of(full) == ["claude"]
    assert full.image.agents == ("claude",)
    assert (full.models.node_usd, full.models.day_usd, full.budget.cost_usd) == (2.0, 25.0, 10.0)
    short = read(project, f'name = "t"\n{PARTS[0]}{BENCHMARK}')
    assert names_of(short) == ["claude"]
    assert short.image.agents == ("claude",)
    assert short.models.upstreams == full.models.upstreams
    assert short.models.node_usd == 5.0


def test_a_local_model_has_no_key_and_costs_nothing(project: Path) -> None:
    task = read(project, FILES["local/oppie.toml"])
    assert names_of(task) == ["chat"]
    assert task.image.agent
    assert task.mode.mode is Mode.MCTS
    (upstream,) = task.models.upstreams
    assert (upstream.dialect, upstream.key) == ("openai", "")
    assert upstream.prices is not None
    assert (upstream.prices.input, upstream.prices.output) == (0.0, 0.0)


def test_programs_with_a_local_model(project: Path) -> None:
    task = read(project, f'name = "t"\n{PARTS[1]}{BENCHMARK}')
    assert names_of(task) == ["aider", "mini", "codex"]
    assert task.image.agents == ("aider", "codex", "mini")
    for action in task.actions:
        assert action.agent is not None
        assert "openai" in by_name(action.agent.adapter).dialects


def test_a_runner_without_a_network_needs_neither_model_nor_key(project: Path) -> None:
    task = read(project, FILES["offline/oppie.toml"])
    assert not names_of(task)
    assert not task.hosts
    assert not task.models.upstreams
    assert task.image.agent


def test_no_task_file_of_the_page_is_left_out() -> None:
    assert sorted(FILES) == ["claude/oppie.toml", "local/oppie.toml", "offline/oppie.toml"]
    assert len(PARTS) == 2

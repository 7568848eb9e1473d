"""``docs/task-file.md`` against the code: its keys, its defaults, its example."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from runner.settings import PREFIX, Settings
from runner.task import agent_file, load_task
from runner.task import file as shape

PAGE = (Path(__file__).parents[2] / "docs/task-file.md").read_text(encoding="utf-8")

# The heading above a section's table, the model behind it, and its table in TOML.
SECTIONS: list[tuple[str, type[BaseModel], str]] = [
    ("## At the top", shape.TaskFile, ""),
    ("## `[image]`", shape.ImageSection, "image"),
    ("## `[[actions]]`", shape.ActionSection, "actions"),
    ("## `[[checks]]`", shape.CheckSection, "checks"),
    ("## `[benchmark]`", shape.BenchmarkSection, "benchmark"),
    ("### `metrics`", shape.MetricSection, "metrics"),
    ("## `[limits]`", shape.LimitsSection, "limits"),
    ("## `[sandbox]`", shape.SandboxSection, "sandbox"),
    ("### `mounts`", shape.MountSection, "sandbox.mounts"),
    ("## `[trials]`", shape.TrialsSection, "trials"),
    ("## `[search]`", shape.SearchSection, "search"),
    ("### `[search.thresholds]`", shape.ThresholdsSection, "search.thresholds"),
    ("## `[budget]`", shape.BudgetSection, "budget"),
    ("## `[loaders]`", shape.LoadersSection, "loaders"),
    ("## `[sealed]`", shape.SealedSection, "sealed"),
    ("## `[tests_first]`", shape.TestsFirstSection, "tests_first"),
    ("## `[gateway]`", agent_file.GatewaySection, "gateway"),
    ("### `upstreams`", agent_file.UpstreamSection, "gateway.upstreams"),
    ("## `[mcp]`", agent_file.McpSection, "mcp"),
    ("## `[knowledge]`", agent_file.KnowledgeSection, "knowledge"),
    ("## `[prompts]`", agent_file.PromptsSection, "prompts"),
    ("## `[hooks]`", shape.HooksSection, "hooks"),
]
MINIMAL = {
    "": 'name = "t"\n',
    "actions": '[[actions]]\nname = "a"\ncommand = "true"\n',
    "checks": '[[checks]]\nname = "c"\ncommand = "true"\n',
    "metrics": '[[benchmark.metrics]]\nname = "m"\n',
    "benchmark": '[benchmark]\ncommand = "true"\n',
}


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading."""
    _, found, below = PAGE.partition(f"\n{heading}\n")
    assert found, heading
    table = re.split(r"\n#", below)[0].partition("\n|---")[2].partition("\n")[2]
    lines = table.split("\n\n")[0].strip().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def keys(heading: str) -> list[str]:
    return [row[0].strip("`") for row in rows(heading)]


@pytest.mark.parametrize(("heading", "model", "table"), SECTIONS)
def test_the_page_has_exactly_the_keys_of_the_file(
    heading: str, model: type[BaseModel], table: str
) -> None:
    sections = {section.split(".")[0] for _, _, section in SECTIONS} | {"thresholds", "review"}
    within = ("benchmark", "sealed")  # their keys have names that other sections have too
    own = [key for key in model.model_fields if key not in sections or table in within]
    assert sorted(keys(heading)) == sorted(own)


def defaults(heading: str) -> list[tuple[str, str]]:
    """Keys and defaults, as TOML, where the default is a value and not words."""
    found = []
    for row in rows(heading):
        literal = re.fullmatch(r"`([^`]+)`", row[2])
        if literal and row[2] != "`limits.time`":
            found.append((row[0].strip("`"), literal[1]))
    return found


def test_writing_the_documented_defaults_changes_nothing(tmp_path: Path) -> None:
    plain = "".join(MINIMAL.values())
    (tmp_path / "oppie.toml").write_text(plain)
    expected = load_task(tmp_path)
    written = 0
    text = ""
    order = sorted(SECTIONS, key=lambda section: section[2] != "")
    for heading, _, table in order:
        if table in ("image", "tests_first", "sandbox.mounts", "gateway.upstreams", "prompts"):
            continue  # their keys have no default: the sections have
        head = MINIMAL.get(table, f"[{table}]\n")
        values = [(key, value) for key, value in defaults(heading) if f"{key} =" not in head]
        written += len(values)
        text += head + "".join(f"{key} = {value}\n" for key, value in values)
    (tmp_path / "oppie.toml").write_text(text)
    assert written > 30
    assert load_task(tmp_path) == expected


def test_the_example_on_the_page_is_a_task(tmp_path: Path) -> None:
    example = PAGE.partition("```toml\n")[2].partition("```")[0]
    tomllib.loads(example)
    (tmp_path / "tests").mkdir()
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "tests/test_a.py").touch()
    (tmp_path / "bench.py").touch()
    (tmp_path / "catalogue/p.patch").write_text("--- a/x\n")
    (tmp_path / "oppie.toml").write_text(example)
    assert [action.key for action in load_task(tmp_path).actions] == ["p", "black"]


def test_the_page_has_exactly_the_settings_of_the_machine() -> None:
    expected = [PREFIX + name.upper() for name in Settings.model_fields]
    assert keys("## What isn't in this file") == expected

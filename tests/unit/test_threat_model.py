"""``docs/threat-model.md`` against the suite of cheats, the rules, and the code that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cheats.suite import ALL, BY_TASK

from runner.measure.loader_rules import INSTALLED, RULES, SHADOWS

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/threat-model.md").read_text(encoding="utf-8")
ROW = re.compile(r"\| `(?P<key>[a-z0-9-]+)` \|(?P<what>[^|]+)\|(?P<why>[^|]+)\| (?P<ends>[^|]+) \|")


def test_the_page_lists_exactly_the_cheats_of_the_suite_and_how_each_ends() -> None:
    told = [(row["key"], row["ends"]) for row in ROW.finditer(PAGE)]
    assert len(told) == len(dict(told))
    assert dict(told) == {cheat.key: cheat.told for cheat in ALL}


def test_there_are_enough_of_them_and_each_is_one_of_its_own() -> None:
    assert len(ALL) >= 24
    assert (
        len({cheat.key for cheat in ALL}) == len({cheat.action.body for cheat in ALL}) == len(ALL)
    )
    assert all(cheats for cheats in BY_TASK.values())


@pytest.mark.parametrize(("what", "globs"), [*RULES, *INSTALLED, *SHADOWS])
def test_the_page_lists_each_file_that_loads_others(what: str, globs: tuple[str, ...]) -> None:
    section = PAGE.split("## Files that load others")[1].split("\n## ")[0]
    (row,) = (line for line in section.splitlines() if f"`{globs[0].removeprefix('**/')}`" in line)
    listed = set(re.findall("`([^`]+)`", row))
    assert {glob.removeprefix("**/") for glob in globs} <= listed
    if (what, globs) not in SHADOWS:
        assert row.startswith(f"| {what} |")


@pytest.mark.parametrize("path", re.findall(r"`((?:runner|tests)/[\w./]+)`", PAGE))
def test_the_files_that_it_names_are_there(path: str) -> None:
    assert (REPOSITORY / path).exists()

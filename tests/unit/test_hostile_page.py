"""``docs/hostile-actions.md`` against the suite of attacks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hostile.attack import Attack
from hostile.suite import ALL

from runner.model import Outcome

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/hostile-actions.md").read_text(encoding="utf-8")
ROW = re.compile(r"\| `(?P<key>[a-z0-9-]+)` \|(?P<what>[^|]+)\|(?P<why>[^|]+)\| (?P<ends>[^|]+) \|")


def test_the_page_lists_exactly_the_attacks_and_how_each_ends() -> None:
    told = [(row["key"], row["ends"]) for row in ROW.finditer(PAGE)]
    assert len(told) == len(dict(told))
    assert dict(told) == {attack.key: attack.told for attack in ALL}


def test_each_attack_is_one_of_its_own() -> None:
    scripts = {attack.script for attack in ALL}
    assert len({attack.key for attack in ALL}) == len(scripts) == len(ALL)


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.key)
def test_no_attack_ends_as_the_engines_fault_or_as_a_gain(attack: Attack) -> None:
    assert not {Outcome.INFRA, Outcome.IMPROVED} & set(attack.ends)


@pytest.mark.parametrize("path", re.findall(r"`((?:runner|tests)/[\w./]+)`", PAGE))
def test_the_files_that_it_names_are_there(path: str) -> None:
    assert (REPOSITORY / path).exists()

"""Kills at every step of a run, and at any moment, over the fake sandbox: 60 seeds of many."""

from __future__ import annotations

from pathlib import Path

from tests.crash.campaign import SHORT_SCENES, Campaign

SEEDS = range(60)
AT_ONCE = 3


def test_however_often_it_is_killed_a_run_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    ordeals = list(Campaign(tmp_path, SHORT_SCENES).ordeals(SEEDS, AT_ONCE))
    wrong = [f"{each.again}: {'; '.join(each.wrong)}" for each in ordeals if each.wrong]
    assert wrong == []
    assert sum(len(each.kills) for each in ordeals) >= len(SEEDS)

"""Kills at the steps of a run, and at any moment, on a real engine: a few seeds of many."""

from __future__ import annotations

import pytest

from tests.crash.campaign import SHORT_ENGINE_SCENES, quick_folder
from tests.crash.on_engine import on_engine
from tests.crash.witness import Starts

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("nothing_left_behind")]

SEEDS = range(4)


def test_however_often_it_is_killed_a_run_ends_as_if_nothing_had_happened(
    agent_image: str, run_id: str
) -> None:
    with quick_folder() as folder, Starts.watched() as starts:
        campaign = on_engine(folder, SHORT_ENGINE_SCENES, starts, agent_image, run_id)
        ordeals = list(campaign.ordeals(SEEDS))
    wrong = [f"{each.again}: {'; '.join(each.wrong)}" for each in ordeals if each.wrong]
    assert wrong == []
    assert sum(len(each.kills) for each in ordeals) >= len(SEEDS)

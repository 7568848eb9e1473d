"""Each cheat is a real action on a real engine; none is ever verified, and honest work is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cheats.arena import COMMENT, FASTER, Ended, arena, is_verified, judged, task_with
from cheats.cheat import Cheat
from cheats.suite import BY_TASK

from runner.model import Outcome

pytestmark = pytest.mark.engine

EACH = [
    pytest.param(task, cheat, id=cheat.key) for task, cheats in BY_TASK.items() for cheat in cheats
]


def _trials(
    name: str, image: str, places: pytest.TempPathFactory, lanes: int = 2
) -> Iterator[dict[str, Ended]]:
    """How all actions of a task ended, by key: the cheats, and the honest ones among them."""
    task = task_with(name, [cheat.action for cheat in BY_TASK[name]])
    with arena(task, image, places.mktemp(name), lanes) as parts:
        yield judged(parts)


@pytest.fixture(scope="module")
def plain(agent_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ended]]:
    yield from _trials("plain", agent_image, tmp_path_factory)


@pytest.fixture(scope="module")
def sealed(
    agent_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Ended]]:
    yield from _trials("sealed", agent_image, tmp_path_factory)


@pytest.fixture(scope="module")
def clock(agent_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ended]]:
    """Here the honest gain is a few times the noise, and what runs beside it would add to that."""
    yield from _trials("clock", agent_image, tmp_path_factory, lanes=1)


@pytest.mark.parametrize(("task", "cheat"), EACH)
def test_a_cheat_ends_as_what_it_is(
    request: pytest.FixtureRequest, task: str, cheat: Cheat
) -> None:
    ended: Ended = request.getfixturevalue(task)[cheat.key]
    assert not is_verified(ended), str(ended)
    assert ended.word in cheat.ends, str(ended)


@pytest.mark.parametrize("task", BY_TASK)
def test_a_true_improvement_is_verified_beside_them(
    request: pytest.FixtureRequest, task: str
) -> None:
    ended: Ended = request.getfixturevalue(task)[FASTER]
    assert ended.node.outcome is Outcome.IMPROVED, str(ended)
    assert is_verified(ended), str(ended)


@pytest.mark.parametrize("task", BY_TASK)
def test_work_that_changes_nothing_is_not_verified(
    request: pytest.FixtureRequest, task: str
) -> None:
    ended: Ended = request.getfixturevalue(task)[COMMENT]
    assert ended.node.outcome in (Outcome.NEUTRAL, Outcome.IMPROVED, Outcome.REGRESSED), str(ended)
    assert not is_verified(ended), str(ended)

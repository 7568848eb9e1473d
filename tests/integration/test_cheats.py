"""Each cheat is a real action on a real engine; none is ever verified, and honest work is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from cheats.arena import COMMENT, FASTER, Ended, arena, is_verified, judged, task_with
from cheats.cheat import Cheat
from cheats.suite import BY_TASK

from runner.model import Outcome

pytestmark = pytest.mark.engine

Trials = Callable[[str], dict[str, Ended]]
EACH = [
    pytest.param(task, cheat, id=cheat.key) for task, cheats in BY_TASK.items() for cheat in cheats
]


@pytest.fixture(scope="module")
def trials(agent_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    """How all actions of a task ended: the cheats, and the honest ones among them."""
    ended: dict[str, dict[str, Ended]] = {}

    def of(name: str) -> dict[str, Ended]:
        if name not in ended:
            task = task_with(name, [cheat.action for cheat in BY_TASK[name]])
            with arena(task, agent_image, tmp_path_factory.mktemp(name)) as parts:
                ended[name] = judged(parts)
        return ended[name]

    yield of


@pytest.mark.parametrize(("task", "cheat"), EACH)
def test_a_cheat_ends_as_what_it_is(trials: Trials, task: str, cheat: Cheat) -> None:
    ended = trials(task)[cheat.key]
    assert not is_verified(ended), ended
    assert ended.word in cheat.ends, ended


@pytest.mark.parametrize("task", BY_TASK)
def test_a_true_improvement_is_verified_beside_them(trials: Trials, task: str) -> None:
    ended = trials(task)[FASTER]
    assert ended.node.outcome is Outcome.IMPROVED, ended
    assert is_verified(ended), ended


@pytest.mark.parametrize("task", BY_TASK)
def test_work_that_changes_nothing_is_not_verified(trials: Trials, task: str) -> None:
    ended = trials(task)[COMMENT]
    assert ended.node.outcome in (Outcome.NEUTRAL, Outcome.IMPROVED, Outcome.REGRESSED), ended
    assert not is_verified(ended), ended

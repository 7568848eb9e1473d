"""Each attack is a real action on a real engine: it ends as what it is, and harms nobody."""

from __future__ import annotations

import pytest
from hostile.attack import Attack
from hostile.ground import HONEST, Aftermath, carried_out
from hostile.suite import ALL

from runner.model import Outcome
from runner.sandbox.protocol import Exit

pytestmark = [
    pytest.mark.engine,
    # docker-py leaves a socket open that found the engine too busy to answer; a run tries again.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

DEADLINE_S = 4.0  # as in hostile.toml
SLACK_S = 20.0  # a busy machine stands still for seconds
PAUSE_S = 10.0


@pytest.fixture(scope="module")
def aftermath(agent_image: str, tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    return carried_out(ALL, agent_image, tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.key)
def test_an_attack_ends_as_what_it_is(aftermath: Aftermath, attack: Attack) -> None:
    node = aftermath.nodes[attack.key]
    assert node.outcome in attack.ends, f"{node.reason}\n{aftermath.log(attack.key)[-2000:]!r}"
    assert attack.says in node.reason
    assert node.attempts == 1  # nobody took it for the engine's fault
    assert node.seconds["act"] < DEADLINE_S + SLACK_S


def test_an_honest_change_among_them_is_kept(aftermath: Aftermath) -> None:
    assert aftermath.nodes[HONEST].outcome is Outcome.NEUTRAL


def test_the_neighbours_heart_beats_on(aftermath: Aftermath) -> None:
    assert aftermath.pause_s < PAUSE_S


def test_nothing_of_them_lives_on(aftermath: Aftermath) -> None:
    assert aftermath.survivors == ()


def test_the_host_is_as_it_was(aftermath: Aftermath) -> None:
    assert aftermath.host_changes == ()


def test_the_engine_is_well(aftermath: Aftermath) -> None:
    assert aftermath.trivial_node is Exit.OK

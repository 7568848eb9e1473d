"""An agent's rounds at one node, over the fake sandbox: what goes back, what is kept, what is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.evidence import refs_of
from runner.model import AgentStatus, Outcome
from tests.rounds import Studio, by_rounds, on_fake, recorded, task_of

SOME = "sed -i 's/^30$/20/' costs"
DROP_60, DROP_30 = "sed -i '/^60$/d' costs", "sed -i '/^30$/d' costs"


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return on_fake(tmp_path)


def test_a_gain_ends_the_rounds(studio: Studio) -> None:
    studio.run(task_of(studio.target, by_rounds(DROP_60, "exit 9")))
    node = studio.node()
    assert node.outcome is Outcome.IMPROVED
    assert [(each.status, each.outcome, each.kept) for each in node.rounds] == [
        (AgentStatus.DONE, Outcome.IMPROVED, True)
    ]
    assert studio.held() == (set(), {"oppie/r1:A", "oppie/r1:A.1"})


def test_a_failed_check_goes_back_and_the_next_round_mends_it(studio: Studio) -> None:
    agent = by_rounds(f"echo broken > state; {DROP_60}", "echo whole > state")
    studio.run(task_of(studio.target, agent))
    node = studio.node()
    assert [each.outcome for each in node.rounds] == [Outcome.FAILED, Outcome.IMPROVED]
    assert node.outcome is Outcome.IMPROVED and len(node.rounds[0].failure) == 16
    said = studio.kept("A.1-1-r2", "prompt.json")
    assert "check whole" in said and "exited with 1" in said
    assert studio.held() == (set(), {"oppie/r1:A", "oppie/r1:A.1"})
    refs = refs_of(studio.evidence(), "r1")
    assert refs["refs/oppie/r1/A.1"] == node.rounds[1].commit
    assert refs["refs/oppie/r1/A.1-1-r1"] == node.rounds[0].commit


def test_too_little_gain_goes_back(studio: Studio) -> None:
    studio.run(task_of(studio.target, by_rounds(SOME, DROP_60), min_gain=0.2))
    node = studio.node()
    assert [each.outcome for each in node.rounds] == [Outcome.IMPROVED, Outcome.IMPROVED]
    first, second = (each.gain for each in node.rounds)
    assert first is not None and second is not None and second > first
    assert (studio.evidence().diff("r1", "A", "A.1")).count(b"\n-") >= 3


def test_what_made_things_worse_is_rolled_back_with_the_agents_own_files(studio: Studio) -> None:
    """The third round sees the files as they were before the second, and its own memory as well."""
    seen = studio.folder / "seen"
    look = f'cat costs memory >> {seen} 2>/dev/null; echo "end $OPPIE_ROUND" >> {seen}'
    remember = 'echo "round $OPPIE_ROUND" >> memory'
    agent = by_rounds(
        f"{SOME}; {remember}", f"echo 7 >> costs; {remember}", "true", also=look
    )
    studio.run(task_of(studio.target, agent, min_gain=0.5))
    node = studio.node()
    assert [each.kept for each in node.rounds] == [True, False, False]
    assert [each.outcome for each in node.rounds][2] is Outcome.DUPLICATE
    assert seen.read_text().split("end") == [
        "60\n30\n9\n", " 1\n60\n20\n9\nround 1\n", " 2\n60\n20\n9\nround 1\n", " 3\n"
    ]  # fmt: skip
    assert node.outcome is Outcome.IMPROVED and node.commit == node.rounds[0].commit
    told = studio.kept("A.1-1-r3", "prompt.json")
    assert told.startswith("# Node `A.1`") and "after round 1" in told
    assert "after round 2" not in told and told.count("# Node `A.1`") == 1
    refs = refs_of(studio.evidence(), "r1")
    assert {f"refs/oppie/r1/A.1-1-r{number}" for number in (1, 2, 3)} <= set(refs)
    assert studio.held() == (set(), {"oppie/r1:A", "oppie/r1:A.1"})


def test_an_agent_that_changes_nothing_is_told_its_twin(studio: Studio) -> None:
    studio.run(task_of(studio.target, by_rounds("true", rounds=2)))
    node = studio.node()
    assert (node.outcome, node.twin, len(node.rounds)) == (Outcome.DUPLICATE, "A", 2)
    assert studio.held() == (set(), {"oppie/r1:A"})


def test_one_that_touches_the_judge_is_told_apart(studio: Studio) -> None:
    agent = by_rounds("echo 'echo METRIC cost=1' > judge.sh", rounds=1)
    studio.run(task_of(studio.target, agent))
    assert studio.node().outcome is Outcome.TAMPERED
    assert studio.held() == (set(), {"oppie/r1:A"})


def test_what_an_agent_wrote_before_it_hung_is_evidence(studio: Studio) -> None:
    agent = by_rounds(f"{DROP_60}; sleep 60", f"{DROP_30}", quiet_s=0.5, rounds=2)
    studio.run(task_of(studio.target, agent))
    node = studio.node()
    hung, other = node.rounds
    assert (hung.status, hung.outcome, hung.kept) == (AgentStatus.TIMEOUT, Outcome.TIMEOUT, False)
    assert b"-60" in studio.evidence().diff("r1", "A", "A.1-1-r1")
    assert other.outcome is Outcome.IMPROVED
    assert b"-60" not in studio.evidence().diff("r1", "A", "A.1")


def test_the_wall_clock_ends_one_that_goes_on_talking(studio: Studio) -> None:
    agent = by_rounds("while :; do echo and on; sleep 0.1; done", rounds=1, time_s=1.0)
    studio.run(task_of(studio.target, agent))
    node = studio.node()
    assert (node.outcome, node.rounds[0].status) == (Outcome.TIMEOUT, AgentStatus.TIMEOUT)


def test_a_failed_agent_is_a_failed_round(studio: Studio) -> None:
    agent = by_rounds("echo 'no idea'; exit 3", DROP_60)
    studio.run(task_of(studio.target, agent))
    node = studio.node()
    assert [each.outcome for each in node.rounds] == [Outcome.FAILED, Outcome.IMPROVED]
    assert "no idea" in studio.kept("A.1-1-r2", "prompt.json")


@pytest.mark.parametrize(("status", "outcome"), [("turns", Outcome.IMPROVED), ("budget", Outcome.BUDGET)])
def test_how_a_session_ended(studio: Studio, status: str, outcome: Outcome) -> None:
    agent = recorded({"run": DROP_60}, {"result": {"status": status, "reason": "that is all"}})
    studio.run(task_of(studio.target, agent))
    node = studio.node()
    assert (node.outcome, node.rounds[0].status, len(node.rounds)) == (outcome, status, 1)
    if outcome is Outcome.BUDGET:
        assert node.reward_sum == 0.0
        assert b"-60" in studio.evidence().diff("r1", "A", "A.1-1-r1")


def test_without_money_an_earlier_rounds_state_is_the_node(studio: Studio) -> None:
    agent = recorded(
        {"run": SOME},
        {"round": 2},
        {"run": DROP_60},
        {"result": {"status": "budget", "reason": "no more"}},
    )
    studio.run(task_of(studio.target, agent, min_gain=0.2))
    node = studio.node()
    assert [each.outcome for each in node.rounds] == [Outcome.IMPROVED, Outcome.BUDGET]
    assert node.outcome is Outcome.IMPROVED and node.commit == node.rounds[0].commit

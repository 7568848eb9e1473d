"""``kill -9`` of the planner between any two steps of an agent's rounds, over the fake sandbox."""

from __future__ import annotations

import json
import multiprocessing
import signal
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.errors import EngineUnavailable
from runner.evidence import refs_of
from runner.gateway import Dialect, Price, Upstream
from runner.model import NOTHING_SPENT, Action, NodeView, Outcome
from runner.sandbox.fake import FakeSandbox
from runner.sandbox.protocol import Step, StepResult
from tests.crash.points import Points, Side, Trap
from tests.models.script import Turn
from tests.models.server import ModelServer
from tests.rounds import Studio, by_rounds, on_fake, recorded, task_of

LEFT = (set(), {"oppie/r1:A", "oppie/r1:A.1"})
WANTED = [Outcome.FAILED, Outcome.IMPROVED, Outcome.REJECTED]


def agent(folder: Path) -> Action:
    """It breaks something, mends it with too little gain, and makes things worse."""
    return by_rounds(
        "echo broken > state",
        "echo whole > state; sed -i 's/^30$/20/' costs",
        "echo 500 >> costs",
        also=f'echo "$OPPIE_ROUND" >> {folder}/begun',
    )


def live(folder: Path, traps: Sequence[Trap], agent: Action, upstreams: Sequence[Upstream]) -> None:
    """One life of a planner, in a process of its own."""
    points = Points(traps)
    try:
        studio = on_fake(folder)
        studio.upstreams = upstreams
        studio.run(task_of(studio.target, agent, min_gain=0.5))
        (folder / "counts.json").write_text(json.dumps(points.counts))
    except BaseException:
        (folder / "said").write_text(traceback.format_exc())
        raise


def lives(
    folder: Path, agent: Action, *traps: Trap, upstreams: Sequence[Upstream] = ()
) -> Studio:
    """A life for each trap, and one to the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.rounds", "tests.crash.points"])
    for trap in (*traps, None):
        process = context.Process(
            target=live, args=(folder, [trap] if trap else [], agent, upstreams)
        )
        process.start()
        process.join(90)
        code = process.exitcode
        process.kill()
        said = folder / "said"
        assert code == (-signal.SIGKILL if trap else 0), (trap, said.exists() and said.read_text())
    return on_fake(folder)


def looks(node: NodeView) -> tuple[Any, ...]:
    """All that must be the same, however often the planner was killed."""
    rounds = [
        replace(each, seconds=0.0, gain=each.gain and round(each.gain, 6)) for each in node.rounds
    ]
    return node.outcome, node.commit, node.tree_id, node.attempts, rounds


def begun(studio: Studio) -> Counter[str]:
    return Counter((studio.folder / "begun").read_text().split())


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Studio, dict[str, int]]:
    """An undisturbed run, and how often each point was reached."""
    folder = tmp_path_factory.mktemp("calm")
    studio = lives(folder, agent(folder))
    assert [each.outcome for each in studio.node().rounds] == WANTED
    return studio, json.loads((folder / "counts.json").read_text())


POINTS = ("step run", "evidence", "claim", "snapshot", "step file", "snapshot settled",
          "snapshot discarded", "container removed", "result file")  # fmt: skip


def test_undisturbed_nothing_is_left(calm: tuple[Studio, dict[str, int]]) -> None:
    studio, counts = calm
    assert studio.held() == LEFT
    assert begun(studio) == {"1": 1, "2": 1, "3": 1}
    assert all(counts.get(point) for point in POINTS), counts


@pytest.mark.parametrize(
    "trap",
    [
        Trap("snapshot", 3, Side.AFTER),
        Trap("step file", 24, Side.AFTER),
        Trap("snapshot settled", 1, Side.AFTER),
        Trap("snapshot discarded", 2, Side.AFTER),
        Trap("result file", 1, Side.BEFORE),
    ],
    ids=str,
)
def test_killed_there_it_ends_as_if_nothing_had_happened(
    trap: Trap, calm: tuple[Studio, dict[str, int]], tmp_path: Path
) -> None:
    undisturbed, counts = calm
    assert counts[trap.point] >= trap.number
    studio = lives(tmp_path, agent(tmp_path), trap)
    assert looks(studio.node()) == looks(undisturbed.node())
    assert begun(studio) == {"1": 1, "2": 1, "3": 1}
    assert studio.held() == LEFT
    assert refs_of(studio.evidence(), "r1") == refs_of(undisturbed.evidence(), "r1")


def test_killed_again_and_again(calm: tuple[Studio, dict[str, int]], tmp_path: Path) -> None:
    """Each life gets a little further than the one before; none pays for what an earlier one did."""
    undisturbed, _ = calm
    trap = Trap("step file", 7, Side.AFTER)
    studio = lives(tmp_path, agent(tmp_path), *[trap] * 5)
    assert looks(studio.node()) == looks(undisturbed.node())
    assert begun(studio) == {"1": 1, "2": 1, "3": 1}
    assert studio.held() == LEFT
    node = studio.node()
    assert node.container_s >= sum(each.seconds for each in node.rounds) - 0.01


ASK = {
    "model": {
        "path": "v1/messages",
        "body": {
            "model": "claude-test",
            "max_tokens": 50,
            "messages": [{"role": "user", "content": "What is dear here?"}],
        },
    }
}


SECOND = 6  # after the setup, a run of the check, the probe, and the first round and its check


def test_what_was_paid_before_a_kill_is_the_nodes(tmp_path: Path) -> None:
    """The kill comes between the end of the second round's step and the note of it: that round has
    doors, so it is begun again, and both of its requests were paid."""
    agent = recorded(ASK, {"run": "sed -i 's/^30$/20/' costs"}, {"round": 2}, ASK, rounds=2)
    with ModelServer(lambda _: Turn(say="60")) as server:
        upstream = Upstream(
            "here", Dialect.ANTHROPIC, server.url, ("*",), price=Price(1.0, 0.1, 10.0)
        )
        studio = lives(tmp_path, agent, Trap("step run", SECOND, Side.AFTER), upstreams=[upstream])
        asked = len(server.asked)
    node = studio.node()
    assert asked == 3 and [each.spending.requests for each in node.rounds] == [1, 2]
    assert node.spending.requests == 3
    assert node.spending.cost_usd == pytest.approx(3 * (1000 * 1.0 + 50 * 10.0) / 1e6)


BREAK = "echo broken >> state; sed -i s/whole/half/ state"


class Fails(FakeSandbox):
    """An engine whose answer to the second round's check is lost, once."""

    def run(self, step: Step, log: Path) -> StepResult:
        result = super().run(step, log)
        if step.name.startswith("A.1-1-r2-check"):
            raise EngineUnavailable("no answer")
        return result


def test_an_engine_that_fails_a_round_fails_the_attempt(tmp_path: Path) -> None:
    """The next attempt begins anew, and may claim what this one has claimed; nothing is left of it
    but its evidence, and the bill."""
    studio = on_fake(tmp_path, Fails)
    with ModelServer(lambda _: Turn(say="60")) as server:
        price = Price(1.0, 0.1, 10.0)
        studio.upstreams = [Upstream("here", Dialect.ANTHROPIC, server.url, ("*",), price=price)]
        agent = recorded(ASK, {"run": BREAK}, {"round": 2}, ASK, {"run": BREAK}, rounds=2)
        studio.run(task_of(studio.target, agent))
        asked = len(server.asked)
    node = studio.node()
    assert (node.attempts, node.outcome, len(node.rounds)) == (2, Outcome.FAILED, 2)
    assert node.spending.requests == asked == 4
    assert sum((each.spending for each in node.rounds), NOTHING_SPENT).requests == 2
    assert {"refs/oppie/r1/A.1-1-r2", "refs/oppie/r1/A.1-2-r2"} <= set(
        refs_of(studio.evidence(), "r1")
    )
    assert studio.held() == (set(), {"oppie/r1:A"})

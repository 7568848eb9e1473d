"""``kill -9`` of the planner between the steps of an agent's rounds."""

from __future__ import annotations

import json
import multiprocessing
import signal
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runner.errors import EngineUnavailable
from runner.evidence import refs_of
from runner.gateway import Dialect, Price, Upstream
from runner.model import NOTHING_SPENT, Action, NodeView, Outcome
from runner.sandbox.fake import FakeSandbox
from runner.sandbox.protocol import Leftovers, Step, StepResult
from runner.task.spec import Aids
from tests.crash.points import Points, Side, Trap
from tests.models.script import Turn
from tests.models.server import ModelServer
from tests.rounds import NO_TOOLS, Studio, by_rounds, on_engine, on_fake, recorded, task_of

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


@dataclass(frozen=True, slots=True)
class Ground:
    """Where planners live and die; without an ``image``, over the fake."""

    folder: Path
    image: str = ""
    run_id: str = "r1"
    upstreams: Sequence[Upstream] = ()
    aids: Aids = NO_TOOLS

    def studio(self) -> Studio:
        studio = on_engine(self.folder, self.image) if self.image else on_fake(self.folder)
        studio.upstreams = self.upstreams
        return studio


def live(ground: Ground, traps: Sequence[Trap], agent: Action) -> None:
    """One life of a planner, in a process of its own."""
    points, folder = Points(traps), ground.folder
    try:
        studio = ground.studio()
        task = replace(task_of(studio.target, agent, min_gain=0.5), aids=ground.aids)
        studio.run(task, ground.run_id)
        (folder / "counts.json").write_text(json.dumps(points.counts))
    except BaseException:
        (folder / "said").write_text(traceback.format_exc())
        raise


def lives(ground: Ground, agent: Action, *traps: Trap) -> Studio:
    """A life for each trap, and one to the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.rounds", "tests.crash.points"])
    for trap in (*traps, None):
        arguments = (ground, [trap] if trap else [], agent)
        process = context.Process(target=live, args=arguments)
        process.start()
        process.join(120)
        code = process.exitcode
        process.kill()
        said = ground.folder / "said"
        assert code == (-signal.SIGKILL if trap else 0), (trap, said.exists() and said.read_text())
    return ground.studio()


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
    studio = lives(Ground(folder), agent(folder))
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
    studio = lives(Ground(tmp_path), agent(tmp_path), trap)
    assert looks(studio.node()) == looks(undisturbed.node())
    assert begun(studio) == {"1": 1, "2": 1, "3": 1}
    assert studio.held() == LEFT
    assert refs_of(studio.evidence(), "r1") == refs_of(undisturbed.evidence(), "r1")


def test_killed_again_and_again(calm: tuple[Studio, dict[str, int]], tmp_path: Path) -> None:
    """Each life gets a little further than the one before; none pays for what an earlier one did."""
    undisturbed, _ = calm
    trap = Trap("step file", 7, Side.AFTER)
    studio = lives(Ground(tmp_path), agent(tmp_path), *[trap] * 5)
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
        ground = Ground(tmp_path, upstreams=[upstream])
        studio = lives(ground, agent, Trap("step run", SECOND, Side.AFTER))
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


@pytest.mark.engine
def test_killed_while_a_tool_looks_at_the_container(
    tmp_path: Path, agent_image: str, run_id: str, nothing_left_behind: None
) -> None:
    """The copy of the agent's container that a tool had made goes as well."""
    del nothing_left_behind
    agent = recorded(
        {"mcp": {"tool": "tests_run", "arguments": {}}},
        {"run": "echo broken > state"},
        {"round": 2},
        {"run": "echo whole > state; sed -i 's/^30$/20/' costs"},
        rounds=2,
    )
    ground = Ground(tmp_path, agent_image, run_id, aids=Aids(knowledge=False))
    studio = lives(ground, agent, Trap("snapshot", 2, Side.AFTER))
    node = studio.node(run_id=run_id)
    assert [each.outcome for each in node.rounds] == [Outcome.FAILED, Outcome.IMPROVED]
    assert studio.held(run_id) == (set(), {f"oppie/{run_id}:A", f"oppie/{run_id}:A.1"})
    with closing(studio.open_sandbox(run_id, 0, lambda: False)) as sandbox:
        while images := sandbox.leftovers().images:
            sandbox.discard(images[0])
        assert sandbox.leftovers() == Leftovers()

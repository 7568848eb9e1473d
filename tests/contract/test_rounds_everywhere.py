"""An agent's rounds in every kind of sandbox: its own files, its tools, its models, and what is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from worlds import World

from runner.gateway import Dialect, Price, Upstream
from runner.model import AgentSpec, Decision, Outcome
from runner.sandbox.protocol import Leftovers
from runner.task.spec import Aids
from tests.models.script import Turn
from tests.models.server import ModelServer
from tests.rounds import Studio, recorded, task_of

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
REMEMBER = {"run": 'echo "round" >> "$HOME/memory"'}
RECALL = {"run": 'echo "$(wc -l < "$HOME/memory") rounds known, costs $(sort -n costs | tail -1)"'}


@pytest.fixture
def studio(world: World, run_id: str, tmp_path: Path) -> Iterator[Studio]:
    yield from _in(world, run_id, tmp_path)


@pytest.fixture
def engine_studio(engine_world: World, run_id: str, tmp_path: Path) -> Iterator[Studio]:
    yield from _in(engine_world, run_id, tmp_path)


def _in(world: World, run_id: str, folder: Path) -> Iterator[Studio]:
    yield Studio(
        folder, lambda run, slot, told: world.open(told, slot, run), world.image, workers=1
    )
    with closing(world.open(run_id=run_id)) as sandbox:
        for container in sandbox.leftovers().containers:
            sandbox.remove(container)
        while images := sandbox.leftovers().images:
            sandbox.discard(images[0])
        assert sandbox.leftovers() == Leftovers()


def test_rounds_with_tools_and_a_model(studio: Studio, world: World, run_id: str) -> None:
    """Too little gain, then worse: the third round finds everything as the first one left it."""
    agent = recorded(
        ASK,
        {"mcp": {"tool": "tests_run", "arguments": {}}},
        {"run": "sed -i 's/^30$/20/' costs"},
        REMEMBER,
        {"round": 2},
        RECALL,
        {"run": "echo 500 >> costs"},
        REMEMBER,
        {"round": 3},
        RECALL,
        {"mcp": {"tool": "tree_node", "arguments": {}}},
        {"run": "sed -i '/^60$/d' costs"},
    ) if world.kind != "fake" else recorded(ASK, {"run": "sed -i '/^60$/d' costs"})  # fmt: skip
    said = '{"verdict": "pass", "note": "looks right"}'
    judge = recorded({"result": {"status": "done", "said": said}}).agent
    with ModelServer(lambda _: Turn(say="Sixty.")) as server:
        price = Price(1.0, 0.1, 10.0)
        studio.upstreams = [Upstream("here", Dialect.ANTHROPIC, server.url, ("*",), price=price)]
        task = task_of(studio.target, agent, min_gain=0.6)
        aids = Aids(knowledge=False, reviewer=judge)
        studio.run(replace(task, aids=aids), run_id)
        assert len(server.asked) == 1
    node = studio.node(run_id=run_id)
    assert (node.outcome, node.decision) == (Outcome.IMPROVED, Decision.COMMIT), node.rounds
    assert node.spending.requests == 1 and "looks right" in node.reason
    assert studio.held(run_id) == (set(), {f"oppie/{run_id}:A", f"oppie/{run_id}:A.1"})
    if world.kind != "fake":  # whose agents have a home of their own in each round
        assert [each.kept for each in node.rounds] == [True, False, True]
        logs = studio.folder / "state" / "runs" / run_id / "attempts"
        assert "1 rounds known, costs 60" in (logs / "A.1-1-r2" / "act.log").read_text()
        assert "1 rounds known, costs 60" in (logs / "A.1-1-r3" / "act.log").read_text()


@pytest.mark.engine
def test_a_reviewer_s_no_leaves_no_image(engine_studio: Studio, run_id: str) -> None:
    no = '{"verdict": "reject", "reason": "no"}'
    judge = recorded({"result": {"status": "done", "said": no}}).agent
    agent = recorded(
        {"run": "echo broken > state"},
        {"round": 2},
        {"run": "echo whole > state; sed -i '/^60$/d' costs"},
    )
    aids = Aids(tools=(), knowledge=False, reviewer=judge)
    engine_studio.run(replace(task_of(engine_studio.target, agent), aids=aids), run_id)
    node = engine_studio.node(run_id=run_id)
    assert (node.outcome, len(node.rounds)) == (Outcome.REJECTED, 2)
    assert engine_studio.held(run_id) == (set(), {f"oppie/{run_id}:A"})


@pytest.mark.engine
def test_silence_ends_a_round(engine_studio: Studio, run_id: str) -> None:
    command = "echo thinking; sed -i '/^60$/d' costs; sleep 100"
    agent = recorded({"run": "true"})
    spec = AgentSpec("command", rounds=1, command=command, quiet_s=1.0)
    engine_studio.run(task_of(engine_studio.target, replace(agent, agent=spec)), run_id)
    node = engine_studio.node(run_id=run_id)
    assert node.outcome is Outcome.TIMEOUT
    assert b"-60" in engine_studio.evidence().diff(run_id, "A", "A.1-1-r1")
    assert engine_studio.held(run_id) == (set(), {f"oppie/{run_id}:A"})

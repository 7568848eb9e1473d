"""`oppie run` with a real coding agent: from the prompt to a change that is verified."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import docker
import pytest
from commands import Machine, said

from runner.model import AgentStatus, Outcome
from tests.agents.desk import KEY
from tests.agents.image import agents_image
from tests.models.script import DONE, Asked, Call, Run, Turn
from tests.models.server import ModelServer

pytestmark = pytest.mark.engine

# In its first round it breaks what is checked, and in the second it mends that.
TURNS = (
    Turn("I look where I am.", Call("mcp__oppie__tree_node", {})),
    Turn("PHASE: green\nThis is cheaper.", Run("echo 6 >costs/a; echo broken >state")),
    DONE,
    Turn("I mend it.", Run("echo whole >state")),
    DONE,
)
TASK = """
[[actions]]
agent = "claude"
name = "spend-less"
model = "claude-test"
rounds = 3

[gateway]
[[gateway.upstreams]]
name = "scripted"
dialect = "anthropic"
url = "{url}"
key = "TEST_MODEL_KEY"
models = ["claude-test"]
prices = {{ input = 3.0, output = 15.0 }}
"""


def follow(asked: Asked) -> Turn:
    """By how much of the conversation there is: a session goes on with what it has."""
    answers = sum(message["role"] == "assistant" for message in asked.body["messages"])
    return TURNS[answers] if asked.tools and answers < len(TURNS) else DONE


def kept(machine: Machine) -> list[Path]:
    """All that the run has left on the disk."""
    return [path for path in machine.state.rglob("*") if path.is_file()]


def test_a_failure_goes_back_to_claude_code_and_what_it_mends_is_verified(
    new_machine: Callable[[str], Machine], client: docker.DockerClient
) -> None:
    machine = new_machine("machine")
    with ModelServer(follow, KEY) as server:
        task = machine.project.write_task(
            agents_image(client),
            catalogue=False,
            nodes=1,
            time_s=60,
            more=TASK.format(url=server.url),
        )
        task.write_text(task.read_text().replace('memory = "128MiB"', 'memory = "2GiB"'))
        done = machine.oppie("run", "--plain", TEST_MODEL_KEY=KEY)
    assert done.returncode == 0, said(done)
    assert machine.project.git("show", f"oppie/{machine.runs()[0].run_id}:app/costs/a") == "6\n"

    node = next(node for node in machine.view().nodes if node.label == "A.1")
    assert [(each.status, each.outcome) for each in node.rounds] == [
        (AgentStatus.DONE, Outcome.FAILED),
        (AgentStatus.DONE, Outcome.IMPROVED),
    ]
    assert len({each.session for each in node.rounds}) == 1
    assert [event["text"] for event in machine.events("mcts.agent.phase")] == ["green"]
    used = [event["text"] for event in machine.events("mcts.agent.tool")]
    assert [text.split()[0] for text in used] == ["mcp__oppie__tree_node", "Bash", "Bash"]
    assert '"A.1"' in server.asked[1].text.replace("\\", "")  # what the tool said
    assert "whole" in server.asked[3].text  # the check that failed, in the second prompt

    assert sum(each.spending.requests for each in node.rounds) == len(server.told) == 5
    cost = sum(each.spending.cost_usd or 0 for each in node.rounds)
    assert cost == pytest.approx(5 * (1000 * 3.0 + 50 * 15.0) / 1e6)
    assert not [path for path in kept(machine) if KEY.encode() in path.read_bytes()]

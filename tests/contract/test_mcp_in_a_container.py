"""The tools, asked from inside a step that has no network: through a door, by the bridge.

The SDK's own client runs in the container: the packages of this environment are mounted there. What
agents are told of their work comes from copies of the container that they are at work in.
"""

from __future__ import annotations

import json
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from worlds import Bench as Place
from worlds import World

from runner.cli.conduct import root_of
from runner.expand.asking import follow
from runner.expand.desk import AtWork, NodeDesk
from runner.expand.judging import Trial
from runner.expand.overlays import restored
from runner.expand.root import Root
from runner.mcp import bridge
from runner.mcp.board import Board
from runner.mcp.desk import Desk, DeskError, Off, Over
from runner.mcp.results import CheckInfo, ChecksResult, Setup, Skeleton
from runner.mcp.service import Service
from runner.model import Action, Briefing, Job, JobKind, Mount, Tried
from runner.sandbox.protocol import Door, Exit, Sandbox, Step
from tests.runs import Bench, make_task

PORT = 3130
OFF = Off("not in this test")
SITE = Path(sysconfig.get_paths()["purelib"])
BRIDGE = Path(bridge.__file__).read_text()
SET_UP = f"""
cat > /tmp/oppie-bridge.py <<'BRIDGE'
{BRIDGE}
BRIDGE
export PORT=${{OPPIE_PORT_{PORT}:-{PORT}}}
"""

# Calls what it is told to, one after another, and prints the answers. Needs the standard library.
PLAIN = """
import json, os, subprocess, sys, time
bridge = subprocess.Popen([sys.executable, "/tmp/oppie-bridge.py", os.environ["PORT"]],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def say(**message):
    bridge.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\\n")
    bridge.stdin.flush()
def hear():
    while True:
        message = json.loads(bridge.stdout.readline())
        if "id" in message:
            return message
say(id=0, method="initialize", params={"protocolVersion": "2025-06-18", "capabilities": {},
    "clientInfo": {"name": "plain", "version": "1"}})
hear()
say(method="notifications/initialized")
for number, call in enumerate(sys.stdin, 1):
    call = json.loads(call)
    if "leave" in call:
        say(id=number, method="tools/call", params=call["leave"])
        time.sleep(1)
        os._exit(0)
    if "sh" in call:
        subprocess.run(call["sh"], shell=True, check=True)
        continue
    say(id=number, method="tools/call", params=call)
    result = hear()["result"]
    print(json.dumps(result.get("structuredContent") or result["content"][0]["text"]), flush=True)
bridge.stdin.close()
sys.exit(bridge.wait())
"""

# The same with the SDK's client, whose packages are where PYTHONPATH says.
OFFICIAL = """
import asyncio, json, os, sys
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
async def main():
    program = StdioServerParameters(command=sys.executable,
                                    args=["/tmp/oppie-bridge.py", os.environ["PORT"]])
    async with Client(program) as client:
        print(json.dumps(sorted(tool.name for tool in (await client.list_tools()).tools)))
        for call in sys.stdin:
            result = await client.call_tool(**json.loads(call))
            print(json.dumps(result.structured_content or result.content[0].text), flush=True)
asyncio.run(main())
"""


class Answering:
    """``TestsPart``: says what it was asked."""

    def detect(self) -> Setup:
        return Setup((CheckInfo("tests", "make test", 60.0),))

    def skeleton(self, framework: str, subject: str) -> Skeleton:
        raise DeskError(f"no skeleton of {framework} for {subject}")

    def run(self, checks: tuple[str, ...], _time_s: float, _over: Over) -> ChecksResult:
        return ChecksResult(True, (), checks)


def script(program: str, *calls: Mapping[str, object], python: str = "python3") -> str:
    said = "\n".join(json.dumps(call) for call in calls)
    return (
        f"{SET_UP}\ncat > /tmp/client.py <<'CLIENT'\n{program}\nCLIENT\n"
        f"{python} /tmp/client.py <<'CALLS'\n{said}\nCALLS\n"
    )


def heard(log: Path) -> list[object]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def call(tool: str, **arguments: object) -> dict[str, object]:
    return {"name": tool, "arguments": arguments}


def test_a_program_without_a_network_calls_the_tools(bench: Place) -> None:
    with Service(Desk(Answering(), OFF, OFF, OFF, OFF, OFF)) as service:
        calls = (
            call("tests_run", checks=["a"]),
            call("tests_skeleton", subject="x"),
            call("tree_node"),
        )
        step = bench.step(script(PLAIN, *calls))
        result = bench.run(replace(step, doors=(Door(PORT, service.take),)))
    assert result.exit is Exit.OK, bench.log(step).read_text()
    assert heard(bench.log(step)) == [
        {"passed": True, "checks": [], "not_run": ["a"], "note": ""},
        "no skeleton of  for x",
        "tree_node is off here: not in this test",
    ]


def test_the_sdks_own_client_calls_them_from_in_there(bench: Place) -> None:
    python, mounts = sys.executable, ()
    site = str(SITE)
    if bench.world.kind == "engine":
        _, version = bench.sh("python3 -c 'import sys; print(*sys.version_info[:2])'")
        if tuple(map(int, version.split())) != sys.version_info[:2]:
            pytest.skip("the image's Python can't load the packages of this one")
        python, site, mounts = "python3", "/opt/site", (Mount(str(SITE), "/opt/site"),)
    with Service(Desk(Answering(), OFF, OFF, OFF, OFF, OFF)) as service:
        said = script(OFFICIAL, call("tests_run", checks=["a"]), python=python)
        step = bench.step(f"export PYTHONPATH={site}\n{said}", mounts=mounts)
        result = bench.run(replace(step, doors=(Door(PORT, service.take),)))
    assert result.exit is Exit.OK, bench.log(step).read_text()
    assert heard(bench.log(step)) == [
        ["tests_detect", "tests_run", "tests_skeleton"],
        {"passed": True, "checks": [], "not_run": ["a"], "note": ""},
    ]


def test_nobody_behind_the_port_is_said(bench: Place) -> None:
    step = bench.step(f"{SET_UP}\npython3 /tmp/oppie-bridge.py $PORT </dev/null 2>&1")
    assert bench.run(step).exit is Exit.NONZERO
    assert b"the tools can't be reached at port 3130" in bench.log(step).read_bytes()


# -- a node under way --------------------------------------------------------------------------


@dataclass
class Node:
    """A root that was tried, and a job that begins there."""

    bench: Bench
    sandbox: Sandbox
    trial: Trial
    root: Root
    job: Job

    def work(
        self, *calls: Mapping[str, object], secrets: Mapping[str, str] | None = None
    ) -> list[object]:
        """Let a program do this in a container of the root, with the desk behind a door."""
        snapshot = self.root.state.snapshot
        assert snapshot is not None
        context = replace(self.trial.context, secrets=secrets or {})
        trial = replace(self.trial, context=context)
        name = f"{self.job.attempt_id}-act"
        at = AtWork(trial, self.root, self.job, snapshot, self.sandbox.container_of(name))
        run_id = context.run_id
        with closing(NodeDesk(at, lambda over: self.bench.open_sandbox(run_id, 77, over))) as desk:
            board = Board(context.folder, self.job.label)
            with Service(desk.parts(OFF, OFF, board)) as service:
                step = Step(
                    name,
                    self.job.attempt_id,
                    snapshot.digest,
                    ("sh", "-s"),
                    context.task.limits,
                    stdin=script(PLAIN, *calls).encode(),
                    doors=(Door(PORT, service.take),),
                )
                log = self.bench.folder / "act.log"
                result = self.sandbox.run(step, log)
                self.sandbox.remove(result.container)
            self.spent_s = desk.meter.container_s
        assert result.exit is Exit.OK, log.read_text()
        return heard(log)


@pytest.fixture
def node(world: World, tmp_path: Path) -> Iterator[Node]:
    run_id = f"{world.run_id}-desk"
    bench = Bench(
        tmp_path, lambda run, slot, cancelled: world.open(cancelled, slot, run), world.image
    )
    (bench.target / "test_costs.py").write_text("import pytest\n\ndef test_costs():\n    pass\n")
    task = make_task(bench.target)
    with bench.store() as store:
        store.create_run(bench.view(task, run_id))
        parts = bench.parts(store, task, run_id)
        parts.context.folder.mkdir(parents=True)
        with closing(parts.open_sandbox(76)) as sandbox:
            root = follow(root_of(parts, sandbox), lambda: False)
            told = Briefing(
                task.benchmark.objective,
                "A",
                metrics=root.metrics,
                siblings=(Tried("A.1", "drop-30"),),
            )
            job = Job(
                JobKind.EXPAND, "A.2", 1, root.state, root.state, (Action("agent"),), briefing=told
            )
            overlay = restored(parts.context, root.state.commit)
            trial = Trial(parts.context, sandbox, job.attempt_id, job.label, overlay=overlay)
            try:
                yield Node(bench, sandbox, trial, root, job)
                left = sandbox.leftovers()
                assert not left.held_containers
                assert set(left.snapshot_labels.values()) == {"A"}
                assert not list(parts.context.folder.glob("tmp*"))
            finally:
                for image in sandbox.leftovers().images:
                    sandbox.discard(image)


def test_an_agent_learns_how_its_work_stands_while_it_is_at_it(node: Node) -> None:
    answers = node.work(
        {"sh": "echo broken > state; echo 'echo METRIC cost=1; exit 0' > judge.sh"},
        call("tests_run"),
        {"sh": "echo whole > state; sed -i /^60$/d costs"},
        call("tests_run", checks=["whole"], time_s=60),
        call("benchmark_run"),
        call("benchmark_compare"),
        call("tests_run", checks=["other"]),
    )
    broken, whole, alone, compared, unknown = answers
    assert broken["passed"] is False
    assert broken["checks"][0]["why"] == "check whole exited with 1"
    assert whole["passed"] is True
    assert whole["note"].startswith("protected files are as the root has them")
    assert alone["metrics"] == [{"name": "cost", "value": 39.0, "unit": "us"}]
    assert (compared["against"], compared["verdict"]) == ("A", "improved")
    assert compared["gain_percent"] == pytest.approx(153.85)
    assert unknown == "there is no check 'other'; there are: whole"
    assert node.spent_s > 0.0


def test_it_sees_its_place_and_the_board(node: Node) -> None:
    detected, skeleton, mine, siblings, claimed, again = node.work(
        call("tests_detect"),
        call("tests_skeleton", subject="fewer costs"),
        call("tree_node"),
        call("tree_siblings"),
        call("features_claim", name="fewer costs"),
        call("features_claim", name="Fewer Costs", note="the 60"),
    )
    assert [each["name"] for each in detected["checks"]] == ["whole"]
    assert detected["suites"][0]["framework"] == "pytest"
    assert detected["protected"] == ["judge.sh"]
    assert skeleton["path"] == "tests/test_fewer_costs.py"
    assert (mine["label"], mine["parent"]) == ("A.2", "A")
    assert mine["parent_metrics"] == [{"name": "cost", "value": 99.0, "unit": "us"}]
    assert siblings["nodes"][0]["what"] == "drop-30"
    assert again["features"] == [{**claimed["features"][0], "note": "the 60"}]


def test_no_copy_is_made_of_a_container_that_was_told_secrets(node: Node) -> None:
    (said,) = node.work(call("tests_run"), secrets={"TOKEN": "abcdefgh"})
    assert "off here: the task gives its actions secrets" in said


def slow(node: Node) -> None:
    """Let the node's check take ten minutes."""
    check = replace(node.trial.context.task.checks[0], command="touch started; sleep 600")
    task = replace(node.trial.context.task, checks=(check,))
    node.trial = replace(node.trial, context=replace(node.trial.context, task=task))


def test_a_check_gets_the_time_that_was_allowed(node: Node) -> None:
    slow(node)
    (said,) = node.work(call("tests_run", time_s=1))
    assert said["passed"] is False
    why = said["checks"][0]["why"]
    assert why.startswith("check whole hit its time limit of the ")
    assert why.endswith("s that were left to it")


def test_an_agent_that_leaves_takes_its_questions_along(node: Node) -> None:
    slow(node)
    began = time.monotonic()
    assert node.work({"leave": call("tests_run", time_s=600)}) == []
    assert time.monotonic() - began < 300

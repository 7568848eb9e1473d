"""`oppie mcp`: the command, over stdio and over a socket, without an engine and with one."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import CallToolResult, TextContent
from typer.testing import CliRunner

from runner.cli import home
from runner.cli.app import app
from runner.errors import TaskError
from runner.mcp import bridge
from runner.sandbox import spec

TASK = """
name = "tiny"
target = "."

[image]
name = "no/such-image:1"

[[actions]]
name = "nothing"
command = "true"

[[checks]]
name = "tests"
command = "python3 -c 'import test_it; test_it.test_it()'"

[benchmark]
command = "python3 bench.py"
pairs = 6
warmup = 0
metrics = [{ name = "time_us", unit = "us", goal = "min" }]
"""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "oppie.toml").write_text(TASK)
    (folder / "test_it.py").write_text("def test_it():\n    pass\n")
    (folder / "bench.py").write_text("print('METRIC time_us=1')\n")
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    engine = f"unix://{tmp_path}/no-engine.sock"
    return {**os.environ, "OPPIE_STATE": str(tmp_path / "state"), "OPPIE_ENGINE": engine}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "runner.cli", "mcp", *map(str, arguments)]


def words(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def told(result: CallToolResult) -> dict[str, Any]:
    assert result.structured_content is not None, words(result)
    return result.structured_content


def test_a_persons_agent_over_stdio(
    target: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    program = StdioServerParameters(
        command=sys.executable, args=command(target)[1:], env=environment, cwd=Path.cwd()
    )

    async def conversation() -> None:
        async with Client(program) as client:
            listed = {tool.name for tool in (await client.list_tools()).tools}
            assert {"tests_run", "benchmark_compare", "knowledge_similar"} <= listed
            assert "tree_node" not in listed
            detected = (await client.call_tool("tests_detect")).structured_content
            assert detected is not None
            assert [each["name"] for each in detected["checks"]] == ["tests"]
            assert [each["framework"] for each in detected["suites"]] == ["pytest"]
            ran = await client.call_tool("tests_run")
            assert ran.is_error
            assert "no-engine.sock" in words(ran)
            said = words(await client.call_tool("tree_node"))
            assert "there is no run of this task yet; `oppie run` begins one" in said

    asyncio.run(asyncio.wait_for(conversation(), 120))
    assert sorted(path.name for path in (tmp_path / "state" / "mcp").iterdir()) == ["1.lock"]


def judge_as_it_is(target: Path, environment: dict[str, str]) -> None:
    """Change the target's files while a session is on, and ask how they stand."""
    (target / "bench.py").write_text("import cost\nprint('METRIC time_us=%d' % cost.COST)\n")
    (target / "cost.py").write_text("COST = 100\n")
    program = StdioServerParameters(
        command=sys.executable, args=command(target)[1:], env=environment, cwd=Path.cwd()
    )

    async def conversation() -> None:
        async with Client(program) as agent:
            (target / "cost.py").write_text("COST = 80\n")
            (target / "test_it.py").write_text("def test_it():\n    assert 1 == 2\n")
            ran = told(await agent.call_tool("tests_run"))
            assert ran["passed"] is False
            assert "assert 1 == 2" in ran["checks"][0]["said"]
            compared = told(await agent.call_tool("benchmark_compare"))
            assert (compared["verdict"], compared["gain_percent"]) == ("improved", 25.0)
            alone = told(await agent.call_tool("benchmark_run"))
            assert alone["metrics"] == [{"name": "time_us", "value": 80.0, "unit": "us"}]

    asyncio.run(asyncio.wait_for(conversation(), 200))


@pytest.mark.engine
def test_the_files_as_they_are_are_judged_in_containers(
    target: Path,
    environment: dict[str, str],
    tmp_path: Path,
    client: docker.DockerClient,
    agent_image: str,
) -> None:
    del environment["OPPIE_ENGINE"]
    (target / "oppie.toml").write_text(TASK.replace("no/such-image:1", agent_image))
    judge_as_it_is(target, environment)
    key = hashlib.sha256(os.fsencode(tmp_path / "state")).hexdigest()[:8]
    ours = {"label": f"{spec.RUN}=mcp-{key}-1"}
    assert client.api.containers(all=True, filters=ours) == []
    assert client.api.images(filters=ours) == []


def test_they_are_judged_without_an_engine_where_the_task_wants_none(
    target: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    (target / "oppie.toml").write_text(f'{TASK}\n[sandbox]\nkind = "tempdir"\n')
    judge_as_it_is(target, environment)
    left = [path for path in (tmp_path / "state").rglob("*") if path.name.startswith("oppie-mcp-")]
    assert left == []


@contextmanager
def serving(
    path: Path, target: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command(target, "--socket", path), env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == f"{path} answers\n"
            yield process
        finally:
            process.kill()


def test_a_socket_for_its_owner_alone(
    target: Path, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tools.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))  # what a killed one has left
    with serving(path, target, environment) as process:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        pump = f"import sys; sys.path.insert(0, {str(Path(bridge.__file__).parent)!r})\n" + (
            "import bridge, socket\nsock = socket.socket(socket.AF_UNIX)\n"
            f"sock.connect({str(path)!r})\nbridge.carry(sock, 0, 1)"
        )

        async def conversation() -> None:
            program = StdioServerParameters(command=sys.executable, args=["-c", pump])
            async with Client(program) as client:
                made = await client.call_tool("tests_skeleton", {"subject": "it"})
                assert made.structured_content is not None
                assert made.structured_content["path"] == "tests/test_it.py"

        asyncio.run(asyncio.wait_for(conversation(), 120))
        home.settings.cache_clear()
        for name in ("OPPIE_STATE", "OPPIE_ENGINE"):
            monkeypatch.setenv(name, environment[name])
        second = CliRunner().invoke(app, ["mcp", str(target), "--socket", str(path)])
        home.settings.cache_clear()
        assert isinstance(second.exception, TaskError)
        assert "somebody answers there already" in str(second.exception)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    assert not path.exists()


def test_sigterm_ends_it_while_it_waits(target: Path, environment: dict[str, str]) -> None:
    with subprocess.Popen(
        command(target), env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        state = Path(environment["OPPIE_STATE"]) / "mcp" / "1"
        deadline = time.monotonic() + 60
        while not state.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
        assert not state.exists()


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("enabled = false", "mcp: the task offers agents no tools"),
        (
            'tools = ["shell"]',
            "'shell': allowed: tests, benchmark, knowledge, models, tree, features",
        ),
    ],
)
def test_a_task_that_offers_none_is_said(target: Path, section: str, said: str) -> None:
    (target / "oppie.toml").write_text(f"{TASK}\n[mcp]\n{section}\n")
    result = CliRunner().invoke(app, ["mcp", str(target)])
    assert isinstance(result.exception, TaskError)
    assert said in str(result.exception)

"""The bridge: a stdio server for the SDK's own client, and a program that ends when either end does."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from desks import ScriptedTests, desk_of
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters

from runner.mcp import bridge
from runner.mcp.service import Service

BRIDGE = Path(bridge.__file__)


@pytest.fixture
def port() -> Iterator[int]:
    """A port of loopback behind which a desk is."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Service(desk_of(ScriptedTests())) as served,
    ):

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    served.take(listener.accept()[0])

        thread = threading.Thread(target=take)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_sdks_client_talks_through_it(port: int, mode: str) -> None:
    async def conversation() -> None:
        program = StdioServerParameters(command=sys.executable, args=[str(BRIDGE), str(port)])
        async with Client(program, mode=mode) as client:
            result = await client.call_tool("tests_run", {"time_s": 5})
            assert result.structured_content is not None
            assert result.structured_content["checks"][0]["failed"][0]["name"] == "test_a"

    asyncio.run(asyncio.wait_for(conversation(), 60))


def test_it_ends_with_its_input(port: int) -> None:
    ran = subprocess.run(
        [sys.executable, str(BRIDGE)],
        env={"OPPIE_PORT_3130": str(port)},
        input=b'{"jsonrpc": "1.0"}\n',
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"this is no JSON-RPC message" in ran.stdout


def test_it_ends_with_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, str(BRIDGE), str(listener.getsockname()[1])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            listener.accept()[0].close()
            assert program.wait(60) == 0


def test_nobody_at_the_port_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    ran = subprocess.run(
        [sys.executable, str(BRIDGE), str(port)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"oppie: the tools can't be reached at port {port}: ")


def test_it_needs_nothing_but_an_old_standard_library() -> None:
    text = BRIDGE.read_text()
    ast.parse(text, feature_version=(3, 8))
    assert "runner" not in text
    assert "import typing" not in text

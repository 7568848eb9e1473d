"""The agent that plays a recorded session, in real shells, with a real gateway's and tools' stand-ins
on the other side of its sockets and pipes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from runner.agents.adapters import by_name
from runner.agents.protocol import Access, AgentEvent, Assignment, EventKind, Report
from runner.errors import TaskError
from runner.gateway import Dialect
from runner.model import AgentStatus
from runner.sandbox.protocol import Exit

ADAPTER = by_name("scripted")

# An MCP server: says hello, and answers a call with what it was called with.
BRIDGE = b"""\
import json, sys
print("not json", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    if asked["method"] == "initialize":
        result = {"result": {"protocolVersion": asked["params"]["protocolVersion"]}}
    elif asked["params"]["name"] == "no":
        result = {"error": {"code": -32602, "message": "no such tool"}}
    else:
        said = json.dumps(asked["params"]["arguments"])
        result = {"result": {"content": [{"type": "text", "text": said}],
                             "isError": asked["params"]["name"] == "bad"}}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **result}), flush=True)
"""


@dataclass
class Models:
    """Answers each request with 200, unless the body says otherwise."""

    url: str = ""
    asked: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)


@pytest.fixture
def models() -> Iterator[Models]:
    seen = Models()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.asked.append((self.path, self.headers["Authorization"], body))
            answer = b'{"said": "hello"}'
            self.send_response(body.get("status", 200))
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    seen.url = f"http://127.0.0.1:{server.server_address[1]}/up"
    yield seen
    server.shutdown()
    thread.join()
    server.server_close()


def play(
    folder: Path, *steps: object, number: int = 1, access: Access | None = None, bridge: bytes = b""
) -> tuple[list[AgentEvent], Report]:
    recording = "\n".join(json.dumps(step) for step in steps).encode()
    assignment = Assignment("p", number=number, recording=recording, access=access, bridge=bridge)
    done = subprocess.run(
        ["sh", "-s"],
        input=ADAPTER.script(assignment),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    reader = ADAPTER.reader()
    events = list(reader.feed(done.stdout))
    return events, reader.report(Exit.NONZERO if done.returncode else Exit.OK, done.returncode)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "a.txt").write_text("one\ntwo\n")
    return folder


def test_a_session(workspace: Path) -> None:
    patch = "--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"
    events, report = play(
        workspace,
        {"say": "I look.\nPHASE: research"},
        {"phase": "red"},
        {"write": "deep/b.txt", "text": "it's–\n"},
        {"patch": patch},
        {"run": "cat a.txt >c.txt"},
        {"run": "exit 3", "may_fail": True},
        {"result": {"status": "done", "said": "Done.", "turns": 4, "cost_usd": 0.5}},
        {"write": "never.txt"},
    )
    assert [(event.kind, event.text) for event in events] == [
        (EventKind.SESSION, "recording"),
        (EventKind.SAID, "I look.\nPHASE: research"),
        (EventKind.PHASE, "research"),
        (EventKind.PHASE, "red"),
        (EventKind.TOOL, "write deep/b.txt"),
        (EventKind.TOOL, "patch"),
        (EventKind.TOOL, "run cat a.txt >c.txt"),
        (EventKind.TOOL, "run exit 3"),
        (EventKind.SAID, "Done."),
        (EventKind.RESULT, "done"),
    ]
    assert report == Report(
        AgentStatus.DONE, said="Done.", session="recording", turns=4, cost_usd=0.5
    )
    assert (workspace / "c.txt").read_text() == "one\nthree\n"
    assert (workspace / "deep" / "b.txt").read_text() == "it's–\n"
    assert not (workspace / "never.txt").exists()


def test_rounds(workspace: Path) -> None:
    steps = ({"write": "1"}, {"round": 2}, {"write": "2"}, {"round": 3}, {"write": "3"})
    for number in (1, 2, 3, 4):
        _, report = play(workspace, *steps, number=number)
        assert report.status is AgentStatus.DONE
        there = sorted(path.name for path in workspace.iterdir())
        assert there == [str(each) for each in range(1, min(number, 3) + 1)] + ["a.txt"]


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ({"run": "echo broken >&2; exit 4"}, "Failed: sh ended with 4: broken"),
        (
            {"patch": "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-none\n+x\n"},
            "Failed: git ended with 1",
        ),
        ({"model": {"path": "v1", "body": {}}}, "Failed: there is no gateway to ask"),
        ({"mcp": {"tool": "x"}}, "Failed: there is no MCP server to call"),
        ({"dance": 1}, "Failed: unknown step: dance"),
        ({}, "Failed: unknown step: an empty one"),
        ({"write": 7}, "TypeError: "),
        ({"model": "x"}, "AttributeError: "),
        ({"result": {"status": "failed", "reason": "no idea"}}, "no idea"),
        ({"result": {"status": "odd"}}, "odd"),
    ],
)
def test_a_step_that_fails_ends_the_session(workspace: Path, step: object, why: str) -> None:
    _, report = play(workspace, step, {"write": "never.txt"})
    assert report.status is AgentStatus.FAILED
    assert report.reason.startswith(why)
    assert not (workspace / "never.txt").exists()


@pytest.mark.parametrize("status", list(AgentStatus))
def test_each_status_can_be_played(workspace: Path, status: AgentStatus) -> None:
    assert play(workspace, {"result": {"status": status}})[1].status is status


def test_the_gateway_is_asked(workspace: Path, models: Models) -> None:
    access = Access(Dialect.ANTHROPIC, models.url, "tok'en")
    body = {"model": "m", "messages": []}
    _, report = play(workspace, {"model": {"path": "v1/messages", "body": body}}, access=access)
    assert report.status is AgentStatus.DONE
    assert models.asked == [("/up/v1/messages", "Bearer tok'en", body)]
    _, report = play(workspace, {"model": {"path": "x", "body": {"status": 429}}}, access=access)
    assert report.reason == 'Failed: the gateway answers 429: {"said": "hello"}'


def test_a_gateway_that_isnt_there(workspace: Path) -> None:
    access = Access(Dialect.OPENAI, "http://127.0.0.1:1/up/v1", "t")
    _, report = play(workspace, {"model": {"path": "x", "body": {}}}, access=access)
    assert report.reason.startswith("Failed: the gateway can't be asked: ")


def test_tools_are_called(workspace: Path) -> None:
    good = {"mcp": {"tool": "tests_run", "arguments": {"k": 1}}}
    _, report = play(workspace, good, good, bridge=BRIDGE)
    assert report.status is AgentStatus.DONE
    _, report = play(workspace, {"mcp": {"tool": "bad"}}, bridge=BRIDGE)
    assert report.reason.startswith("Failed: the tool bad says: ")
    _, report = play(workspace, {"mcp": {"tool": "no"}}, bridge=BRIDGE)
    assert "no such tool" in report.reason
    _, report = play(workspace, good, bridge=b"import sys; sys.exit(1)\n")
    assert report.status is AgentStatus.FAILED


@pytest.mark.parametrize(
    ("recording", "why"),
    [
        (b"", "needs a recording"),
        (b'{"say": "x"}\nnot json\n', "recording, line 2: "),
        (b"[1]\n", "recording, line 1: must be an object"),
    ],
)
def test_a_bad_recording_is_refused(recording: bytes, why: str) -> None:
    with pytest.raises(TaskError, match=f"agent scripted: {why}"):
        ADAPTER.script(Assignment("p", recording=recording))


def test_the_probe() -> None:
    done = subprocess.run(
        ["sh", "-s"], input=ADAPTER.probe.encode(), capture_output=True, check=True
    )
    found = ADAPTER.read_probe(done.stdout.decode())
    assert found.version.startswith("3.")
    assert shutil.which("python3")

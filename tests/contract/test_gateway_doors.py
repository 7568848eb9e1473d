"""The gateway behind a door of a step: from inside, in every kind of sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from gateway_stage import ASK, KEY, Stage, message_events, stream
from worlds import Bench

from runner.gateway import PORT, Account, Caps
from runner.sandbox.protocol import Door, Step

# What a program in the sandbox knows: where the door is, and its token, which it is told on its stdin.
INSIDE = """
import json, os, threading, urllib.error, urllib.request
PLACE = f"http://127.0.0.1:{os.environ['GATEWAY']}"
def ask(path="/anthropic/v1/messages", token=TOKEN, **more):
    body = json.dumps({**ASK, **more}).encode()
    headers = {"x-api-key": token, "content-type": "application/json"}
    request = urllib.request.Request(PLACE + path, body, headers)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, [stream(message_events("from a model", output=1000))]) as found:
        yield found


def step(bench: Bench, account: Account, program: str, token: str = "") -> Step:
    """A step that runs a program behind whose door the gateway is."""
    given = f"TOKEN = {token or account.token!r}\nASK = {ASK!r}\n"
    script = f"export GATEWAY=${{OPPIE_PORT_{PORT}:-{PORT}}}\npython3 - <<'END'\n{given}{INSIDE}\n{program}\nEND\n"
    hidden = (account.token.encode(),)
    return replace(bench.step(script), doors=(Door(PORT, account.take),), hidden=hidden)


def run(bench: Bench, account: Account, program: str, token: str = "") -> str:
    found = step(bench, account, program, token)
    bench.run(found)
    return bench.log(found).read_text()


def test_sixteen_streams_at_once(bench: Bench, stage: Stage) -> None:
    program = """
answers = []
threads = [threading.Thread(target=lambda: answers.append(ask(stream=True))) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(answers), set(answers) == {(200, EXPECTED)})
"""
    expected = b"".join(message_events("from a model", output=1000)).decode()
    said = run(bench, stage.account, f"EXPECTED = {expected!r}\n{program}")
    assert said == "16 True\n"
    stage.close()
    assert stage.account.spending.requests == 16
    assert not stage.account.spending.estimated
    assert {each.headers["x-api-key"] for each in stage.server.heard} == {KEY}


def test_nothing_else_is_reached_and_no_key_is_found(bench: Bench, stage: Stage) -> None:
    program = """
import socket
codes = [ask(path)[0] for path in ("/anthropic/v1/files", "/other/v1/messages", "/")]
codes += [ask(model="other")[0], ask(token="oppie-x")[0]]
for line in ("GET http://example.com/ HTTP/1.1", "CONNECT example.com:443 HTTP/1.1"):
    with socket.create_connection(("127.0.0.1", int(os.environ["GATEWAY"])), 20) as sock:
        sock.sendall(f"{line}\\r\\nhost: example.com\\r\\n\\r\\n".encode())
        codes.append(int(sock.recv(100).split()[1]))
print(codes)
print(ask()[1])
print(dict(os.environ))
with open("token", "w") as file:
    file.write("x" * len(TOKEN))
"""
    found = step(bench, stage.account, program)
    result = bench.run(found)
    said = bench.log(found).read_text()
    assert said.splitlines()[0] == "[404, 404, 404, 403, 401, 400, 400]"
    assert "from a model" in said
    assert len(stage.server.heard) == 1
    files = bench.files(result.container)
    everything = said + "".join(
        bench.read(result.container, name.removeprefix("workspace/")).decode("utf-8", "replace")
        for name, member in files.items()
        if member.isfile()
    )
    assert KEY not in everything
    assert stage.account.token not in everything


def test_a_cap_is_told_inside_and_outside(bench: Bench, tmp_path: Path) -> None:
    program = (
        "print(ask()[0]); code, said = ask(); print(code, json.loads(said)['error']['message'])"
    )
    with Stage(tmp_path, [stream(message_events(output=1000))], caps=Caps(node_usd=1e-4)) as stage:
        first, second = run(bench, stage.account, program).splitlines()
        assert first == "200"
        assert second == f"429 oppie: {stage.account.spent}"
        assert "this node may use $0.0001" in second


def test_a_token_is_of_its_node_alone(bench: Bench, stage: Stage, tmp_path: Path) -> None:
    with stage.gateway.open("A.2", tmp_path / "2.jsonl") as other:
        assert run(bench, other, "print(ask()[0])", stage.account.token) == "401\n"
    stage.close()
    with stage.gateway.open("A.3", tmp_path / "3.jsonl") as again:
        assert run(bench, again, "print(ask()[0])", stage.account.token) == "401\n"
        assert run(bench, again, "print(ask()[0])") == "200\n"
    assert [json.loads(each.body) for each in stage.server.heard] == [ASK]

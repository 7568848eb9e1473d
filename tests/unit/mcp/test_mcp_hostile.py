"""Clients that don't keep to the protocol, over a socket: bounded, and never the end of the others."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from desks import ScriptedTests, desk_of, until_over

from runner.mcp.service import Service
from runner.mcp.turns import Bounds

_PATIENCE_S = 30.0
HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    },
}
Open = Callable[..., "Raw"]


class Raw:
    """A client that says what it is told to, byte for byte."""

    def __init__(self, service: Service, greets: bool = True) -> None:
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(_PATIENCE_S)
        service.take(theirs)
        self._lines = self.sock.makefile("rb")
        if greets:
            self.say(HELLO)
            assert self.hear()["result"]["serverInfo"]["name"] == "oppie"
            self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def say(self, *messages: object) -> None:
        self.sock.sendall(b"".join(json.dumps(each).encode() + b"\n" for each in messages))

    def hear(self) -> dict[str, object]:
        line = self._lines.readline()
        assert line, "the session has ended"
        return json.loads(line)

    def ended(self) -> bool:
        try:
            return self._lines.read() == b""
        except ConnectionResetError:
            return True

    def refused(self) -> bool:
        try:
            self.say(HELLO)
            self.hear()
        except (AssertionError, BrokenPipeError, ConnectionResetError):
            return True
        return False

    def close(self) -> None:
        self._lines.close()
        self.sock.close()


@pytest.fixture
def tests() -> ScriptedTests:
    return ScriptedTests()


@pytest.fixture
def opened(tests: ScriptedTests) -> Iterator[Open]:
    """Opens a client of one service, whose bounds are those of the first call."""
    services: list[Service] = []
    clients: list[Raw] = []

    def open_one(greets: bool = True, bounds: Bounds = Bounds()) -> Raw:  # noqa: B008
        if not services:
            services.append(Service(desk_of(tests), bounds))
        clients.append(Raw(services[0], greets))
        return clients[-1]

    yield open_one
    for client in clients:
        client.close()
    for service in services:
        service.close()
    assert not [t for t in threading.enumerate() if t.name.startswith(("oppie-mcp", "oppie-desk"))]


def call(number: int, tool: str = "tests_detect", **arguments: object) -> dict[str, object]:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def ping(number: int) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": "ping"}


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\n",
        b"\xff\xfe\x00\n",
        b"{}\n",
        b"null\n",
        b"[" * 50_000 + b"\n",
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"\n",
        b'{"jsonrpc": "2.0", "id": 1}\n',
        b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}\n',
        b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]\n',
        b'{"jsonrpc": "2.0", "id": 1, "method": ["ping"]}\n',
    ],
)
def test_garbage_is_answered_and_the_session_goes_on(opened: Open, garbage: bytes) -> None:
    client = opened()
    client.sock.sendall(b"\n  \n" + garbage)
    error = client.hear()
    assert error["id"] is None
    assert error["error"] == {"code": -32700, "message": "this is no JSON-RPC message"}
    client.say(ping(7))
    assert client.hear()["id"] == 7


@pytest.mark.parametrize(
    "params",
    [None, {}, {"name": 5}, {"name": ["tests_run"]}, {"name": "tests_detect", "arguments": "ls"}],
)
def test_calls_of_another_shape_are_refused(opened: Open, params: object) -> None:
    client = opened()
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    client.say(request if params is None else request | {"params": params})
    assert client.hear()["error"]["code"] == -32602
    client.say(call(2))
    assert client.hear()["result"]["isError"] is False


def test_what_the_server_has_not_is_refused(opened: Open) -> None:
    client = opened()
    for number, method in enumerate(("resources/read", "prompts/get", "shell/run", "../x")):
        client.say(
            {"jsonrpc": "2.0", "id": number, "method": method, "params": {"uri": "file:///"}}
        )
        assert client.hear()["error"]["code"] in (-32601, -32602)


def test_who_calls_without_a_greeting_learns_nothing_of_the_tools(opened: Open) -> None:
    client = opened(greets=False)
    client.say(call(1))
    assert "error" in client.hear()


def test_a_line_that_never_ends_ends_the_session(opened: Open) -> None:
    client = opened(bounds=Bounds(line_bytes=1 << 16))
    other = opened()
    with pytest.raises(OSError) as raised:
        for _ in range(1000):
            client.sock.sendall(b"x" * (1 << 16))
    assert isinstance(raised.value, BrokenPipeError | ConnectionResetError)
    other.say(ping(1))
    assert other.hear()["id"] == 1


def test_a_line_that_is_too_long_is_told(opened: Open) -> None:
    client = opened(bounds=Bounds(line_bytes=1 << 16))
    client.say(call(1, padding="x" * (1 << 16)))
    assert client.hear()["error"]["message"] == (
        "a message may have 65536 bytes at most; the session ends"
    )
    assert client.ended()


def test_a_thousand_calls_at_once_are_bounded(opened: Open, tests: ScriptedTests) -> None:
    client = opened(bounds=Bounds(calls=100))
    sender = threading.Thread(target=lambda: client.say(*map(call, range(1000))))
    sender.start()
    answers = [client.hear() for _ in range(1000)]
    sender.join()
    assert {answer["id"] for answer in answers} == set(range(1000))
    good = [answer for answer in answers if not answer["result"]["isError"]]
    assert 0 < len(good) <= 100
    assert tests.most_at_work <= 1
    client.say(call(1001))
    assert "no more calls" in json.dumps(client.hear()) or len(good) < 100


def test_who_asks_and_doesnt_listen_waits(opened: Open) -> None:
    client = opened()
    line = json.dumps({**ping(1), "params": {"_meta": {"x": "y" * 500}}}).encode() + b"\n"
    client.sock.settimeout(1.0)
    sent_bytes = 0
    with pytest.raises(TimeoutError):
        while sent_bytes < 64 << 20:
            sent_bytes += client.sock.send(line * 1000)
    assert sent_bytes < 16 << 20


def test_messages_are_counted_over_all_connections(opened: Open) -> None:
    first = opened(bounds=Bounds(messages=6))
    second = opened()
    first.say(ping(1))
    assert first.hear()["id"] == 1
    second.say(ping(2), ping(3))
    heard = second.hear()
    while heard["id"] is not None:  # what it had asked before may be answered first
        heard = second.hear()
    assert heard["error"]["message"] == "no more messages: the session's are used up"


def test_connections_are_bounded(opened: Open) -> None:
    clients = [opened(bounds=Bounds(at_once=3)) for _ in range(3)]
    assert opened(greets=False).ended()
    clients[0].close()
    deadline = time.monotonic() + _PATIENCE_S
    while opened(greets=False).refused():
        assert time.monotonic() < deadline, "the place of one that has gone isn't free"
        time.sleep(0.05)


def test_no_more_than_so_many_connections_are_ever_taken(opened: Open) -> None:
    for _ in range(4):
        opened(bounds=Bounds(connections=4)).close()
    assert opened(greets=False).ended()


def test_what_is_cancelled_makes_room(opened: Open, tests: ScriptedTests) -> None:
    tests.act = until_over
    client = opened()
    for number in range(40):
        cancel = {"requestId": number, "reason": "x" * 1000}
        client.say(
            call(number, "tests_run"),
            {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel},
        )
    client.say(ping(99))
    heard = client.hear()
    while heard["id"] != 99:
        heard = client.hear()
    assert tests.most_at_work <= 1


def test_a_client_that_goes_takes_its_call_with_it(opened: Open, tests: ScriptedTests) -> None:
    tests.act = until_over
    client, other = opened(), opened()
    client.say(call(1, "tests_run", time_s=1800))
    deadline = time.monotonic() + _PATIENCE_S
    while not tests.at_work:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    client.close()
    tests.act = lambda _: None
    other.say(call(2, "tests_run"))
    assert other.hear()["result"]["isError"] is False


def test_the_end_of_the_service_is_the_end_of_all(tests: ScriptedTests) -> None:
    tests.act = until_over
    service = Service(desk_of(tests))
    with closing(Raw(service)) as client:
        client.say(call(1, "tests_run", time_s=1800))
        deadline = time.monotonic() + _PATIENCE_S
        while not tests.at_work:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        service.close()
        assert tests.at_work == 0
        assert client.ended() or True
    ours, theirs = socket.socketpair()
    with ours:
        service.take(theirs)
        assert ours.recv(1) == b""

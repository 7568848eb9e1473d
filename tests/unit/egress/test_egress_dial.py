"""The machine's own proxy: when it is used, and when not."""

from __future__ import annotations

import socket

import pytest

from runner.egress import exports
from runner.egress.addresses import Barred, resolve
from runner.egress.dial import Dialler, Parent, Parents, Unreachable
from runner.egress.rules import Rules
from runner.egress.target import parse_authority

PROXY = "http://proxy.corp:8080"


@pytest.mark.parametrize(
    ("no_proxy", "target", "straight"),
    [
        ("", "pypi.org:443", False),
        ("*", "pypi.org:443", True),
        ("pypi.org", "pypi.org:443", True),
        ("pypi.org", "files.pypi.org:443", True),
        (".pypi.org", "files.pypi.org:443", True),
        ("*.pypi.org", "files.pypi.org:443", True),
        ("pypi.org", "notpypi.org:443", False),
        ("pypi.org:443", "pypi.org:443", True),
        ("pypi.org:8443", "pypi.org:443", False),
        ("a, PyPI.org ,b", "pypi.org:443", True),
        ("10.0.0.0/8", "10.1.2.3:80", True),
        ("10.0.0.0/8", "11.1.2.3:80", False),
        ("10.1.2.3", "10.1.2.3:80", True),
        ("10.1.2.3:81", "10.1.2.3:80", False),
        ("fd00::/8", "[fd00::1]:80", True),
        ("[fd00::1]:80", "[fd00::1]:80", True),
        ("10", "10.1.2.3:80", False),
        ("", "127.0.0.1:80", True),
        ("", "[::1]:80", True),
        (".", "pypi.org:443", False),
    ],
)
def test_where_the_proxy_is_not_used(no_proxy: str, target: str, straight: bool) -> None:
    parents = Parents.of({"https_proxy": PROXY, "no_proxy": no_proxy})
    found = parents.of_target(parse_authority(target), tunnelled=True)
    assert found == (None if straight else Parent("proxy.corp", 8080))


def test_which_variable_counts() -> None:
    variables = {"HTTP_PROXY": "a:1", "http_proxy": "b:2", "ALL_PROXY": "c:3"}
    parents = Parents.of(variables)
    assert (parents.plain, parents.tunnelled) == (Parent("b", 2), Parent("c", 3))
    assert Parents.of({}) == Parents()
    assert Parents.of({"all_proxy": "http://[fd00::1]:3128/"}).plain == Parent("fd00::1", 3128)


def test_the_engine_is_not_reached_through_the_proxy_either() -> None:
    target = parse_authority("10.0.0.5:8080")
    never = frozenset([("10.0.0.5", 8080)])
    parents = Parents.of({"all_proxy": PROXY})
    with pytest.raises(Barred):
        Dialler(Rules.of(["10.0.0.5:8080"]), parents, never)(target, tunnelled=True)


def test_a_host_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    dial = Dialler(Rules.of([f"127.0.0.1:{port}"]))
    with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port}: Connection refused"):
        dial(parse_authority(f"127.0.0.1:{port}"), tunnelled=True)


def test_every_address_of_a_name_is_tried() -> None:
    tried: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], timeout_s: float) -> socket.socket:
        tried.append(address)
        assert timeout_s > 0
        if address[0] == "1.1.1.1":
            raise ConnectionRefusedError(111, "Connection refused")
        return socket.socket()

    dial = Dialler(Rules.of(["a.example"]), resolver=lambda *_: ("1.1.1.1", "1.0.0.1"), connect=connect)
    with dial(parse_authority("a.example:443"), tunnelled=True).sock:
        assert tried == [("1.1.1.1", 443), ("1.0.0.1", 443)]


def test_the_machines_resolver_knows_this_machine() -> None:
    assert set(resolve("localhost", 80)) <= {"127.0.0.1", "::1"}


def test_what_a_script_is_told() -> None:
    assert exports(()) == b""
    told = exports(("a.example",)).decode()
    assert told.startswith("export ") and told.endswith("no_proxy= NO_PROXY=\n")
    assert "https_proxy=http://127.0.0.1:3128 " in told
    assert "a.example" not in told

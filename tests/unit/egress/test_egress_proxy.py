"""The proxy, spoken to as a hostile client does, in front of servers on loopback."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_egress_hello import with_names

from runner.egress.dial import Dialler, Parents
from runner.egress.proxy import Bounds, Proxy
from runner.egress.record import Connection, Record, connections
from runner.egress.rules import Rules
from runner.errors import StateError

ADDRESS = "151.101.0.223"  # what names resolve to here; nothing is sent there
Serve = Callable[[socket.socket], None]


@dataclass
class Town:
    """A proxy, and what stands behind it. Every address leads to ``serve``, on a socket of its own."""

    folder: Path
    serve: Serve
    hosts: tuple[str, ...] = ("pypi.org", "*.hosted.example", "10.0.0.5:8080")
    addresses: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"pypi.org": (ADDRESS,)})
    bounds: Bounds = field(default_factory=lambda: Bounds(head_s=5.0, idle_s=5.0))
    variables: dict[str, str] = field(default_factory=dict)
    hidden: tuple[bytes, ...] = ()
    asked: list[str] = field(default_factory=list)
    reached: list[tuple[str, int]] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Town:
        dial = Dialler(
            Rules.of(self.hosts), Parents.of(self.variables), resolver=self._resolve, connect=self._connect
        )
        self.log = self.folder / "act.log"
        self.proxy = Proxy(dial, Record(self.log, self.hidden), self.bounds)
        return self

    def __exit__(self, *_: object) -> None:
        self.proxy.close()
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()

    def _resolve(self, host: str, port: int) -> tuple[str, ...]:
        self.asked.append(f"{host}:{port}")
        if host not in self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.addresses[host]

    def _connect(self, address: tuple[str, int], timeout_s: float) -> socket.socket:
        self.reached.append(address)
        ours, theirs = socket.socketpair()
        theirs.settimeout(20)

        def run() -> None:
            with theirs, contextlib.suppress(OSError):
                self.serve(theirs)

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()
        ours.settimeout(timeout_s)
        return ours

    @contextlib.contextmanager
    def client(self) -> Iterator[socket.socket]:
        """A connection to the proxy."""
        ours, theirs = socket.socketpair()
        self.proxy.take(theirs)
        with ours:
            ours.settimeout(20)
            yield ours

    def say(self, request: bytes, *more: bytes) -> bytes:
        """All that is answered to a client that says so much, and then ends."""
        with self.client() as sock:
            for each in (request, *more):
                with contextlib.suppress(OSError):
                    sock.sendall(each)
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
            return read_all(sock)

    def records(self) -> list[Connection]:
        """What was written down, without times; to be asked for when the proxy is closed."""
        return [replace(each, at=0.0, seconds=0.0) for each in connections(self.log)]


def read_all(sock: socket.socket) -> bytes:
    with contextlib.suppress(ConnectionResetError):
        return b"".join(iter(lambda: sock.recv(1 << 16), b""))
    return b""


def read_head(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and (more := sock.recv(1)):
        data += more
    return data


def repeat(sock: socket.socket) -> None:
    """A server that answers with all that it was told, once it has been told all."""
    sock.sendall(b"told: " + read_all(sock))


def answer(sock: socket.socket) -> None:
    """A web server that repeats the request's head."""
    head = read_head(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + head)


@pytest.fixture
def town(tmp_path: Path) -> Callable[..., Town]:
    def make(serve: Serve = answer, **more: object) -> Town:
        return Town(tmp_path, serve, **more)  # type: ignore[arg-type]

    return make


def status(answered: bytes) -> int:
    return int(answered.split(b" ")[1])


def test_a_tunnel_to_a_listed_host(town: Callable[..., Town]) -> None:
    with town(repeat) as here:
        answered = here.say(b"CONNECT pypi.org:443 HTTP/1.1\r\nHost: pypi.org:443\r\n\r\nhello", b", you")
    assert answered == b"HTTP/1.1 200 Connection established\r\n\r\ntold: hello, you"
    assert here.reached == [(ADDRESS, 443)]
    assert here.records() == [Connection("CONNECT", "pypi.org:443", True, "", 10, 16)]


def test_a_server_that_speaks_first(town: Callable[..., Town]) -> None:
    def greet(sock: socket.socket) -> None:
        sock.sendall(b"SSH-2.0-server\r\n")
        sock.sendall(b"heard " + sock.recv(100))

    with town(greet) as here, here.client() as sock:
        sock.sendall(b"CONNECT pypi.org:443 HTTP/1.1\r\n\r\n")
        assert read_head(sock).startswith(b"HTTP/1.1 200 ")
        assert sock.recv(100) == b"SSH-2.0-server\r\n"
        sock.sendall(b"SSH-2.0-client\r\n")
        assert sock.recv(100) == b"heard SSH-2.0-client\r\n"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("evil.example:443", "not among the hosts"),
        ("pypi.org:22", "not among the hosts"),
        ("www.pypi.org:443", "not among the hosts"),
        ("hosted.example:443", "not among the hosts"),
        ("10.0.0.5:443", "not among the hosts"),
        (f"{ADDRESS}:443", "not among the hosts"),
        ("127.0.0.1:443", "not among the hosts"),
        ("169.254.169.254:80", "not among the hosts"),
        ("pypi.org:0443", "a port must be"),
        ("pypi.org", "the port is missing"),
        ("pypi.org@evil.example:443", "no host's name"),
        ("127.1:443", "no address such as"),
        ("pypi.org%00.evil.example:443", "no host's name"),
    ],
)
def test_what_is_refused_is_neither_asked_for_nor_reached(
    town: Callable[..., Town], target: str, why: str
) -> None:
    with town() as here:
        tunnel = here.say(f"CONNECT {target} HTTP/1.1\r\nHost: pypi.org\r\n\r\n".encode())
        plain = here.say(f"GET http://{target}/ HTTP/1.1\r\nHost: pypi.org\r\n\r\n".encode())
    assert status(tunnel) in (400, 403)
    assert why.encode() in tunnel
    if target != "pypi.org":  # which has a port by itself there
        assert status(plain) in (400, 403)
        assert (here.asked, here.reached) == ([], [])
    assert not any(each.allowed for each in here.records()[:1])


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.6", "169.254.169.254", "::1", "fe80::1%1", "::ffff:10.0.0.6"])
def test_a_listed_name_leads_nowhere_private(town: Callable[..., Town], address: str) -> None:
    with town(addresses={"pypi.org": (address,)}) as here:
        assert b"list that address as well" in here.say(b"CONNECT pypi.org:443 HTTP/1.1\r\n\r\n")
    assert here.reached == []
    [record] = here.records()
    assert (record.target, record.allowed) == ("pypi.org:443", False)
    assert address in record.why


def test_the_address_that_was_looked_at_is_the_one_that_is_reached(town: Callable[..., Town]) -> None:
    """A name that changes its mind (DNS rebinding) is asked for once."""
    with town(repeat) as here:
        here.say(b"CONNECT pypi.org:443 HTTP/1.1\r\n\r\n")
        here.addresses["pypi.org"] = ("127.0.0.1",)
        assert status(here.say(b"CONNECT pypi.org:443 HTTP/1.1\r\n\r\n")) == 403
    assert here.asked == ["pypi.org:443"] * 2
    assert here.reached == [(ADDRESS, 443)]


def test_names_that_nobody_knows_are_told(town: Callable[..., Town]) -> None:
    with town() as here:
        answered = here.say(b"CONNECT a.hosted.example:443 HTTP/1.1\r\n\r\n")
    assert status(answered) == 502
    assert b"a.hosted.example:443: Name or service not known" in answered
    assert [(each.allowed, each.why != "") for each in here.records()] == [(True, True)]


def test_tls_for_another_host_does_not_go_through(town: Callable[..., Town]) -> None:
    told: list[bytes] = []
    with town(lambda sock: told.append(read_all(sock))) as here:
        for name, data in (("pypi.org", with_names(b"pypi.org")), ("evil", with_names(b"evil.example"))):
            answered = here.say(b"CONNECT pypi.org:443 HTTP/1.1\r\n\r\n" + data[:20], data[20:])
            assert answered == b"HTTP/1.1 200 Connection established\r\n\r\n", name
    assert told == [with_names(b"pypi.org"), b""]
    assert [(each.allowed, each.why) for each in here.records()] == [
        (True, ""), (False, "TLS asks for 'evil.example'"),
    ]  # fmt: skip


def test_a_plain_request_is_said_anew(town: Callable[..., Town]) -> None:
    with town() as here:
        answered = here.say(
            b"GET http://PyPI.org/simple/?q HTTP/1.1\r\nHost: evil.example\r\nAccept: */*\r\n"
            b"Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\nProxy-Authorization: Basic eA==\r\n"
            b"Upgrade: h2c\r\nTE: trailers\r\nCookie: a\r\n\r\n"
            b"GET http://pypi.org/smuggled HTTP/1.1\r\nHost: evil.example\r\n\r\n"
        )
    assert answered.endswith(
        b"\r\n\r\nGET /simple/?q HTTP/1.1\r\nhost: pypi.org\r\naccept: */*\r\ncookie: a\r\n"
        b"connection: close\r\n\r\n"
    )
    assert answered.count(b"HTTP/1.1") == 2
    assert here.reached == [(ADDRESS, 80)]


def test_bodies_go_through_and_end_where_they_end(town: Callable[..., Town]) -> None:
    def serve(sock: socket.socket) -> None:
        head = read_head(sock)
        ends = b"0\r\n\r\n" if b"chunked" in head else b"12345"
        body = b""
        while not body.endswith(ends):
            body += sock.recv(100)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + body)

    with town(serve) as here:
        head = b"POST http://10.0.0.5:8080/ HTTP/1.1\r\n"
        fixed = here.say(head + b"Content-Length: 5\r\n\r\n12345GET http://10.0.0.5:8080/ HTTP/1.1\r\n\r\n")
        chunked = here.say(head + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\n12345\r\nA\r\n1234567890\r\n0\r\n\r\nmore")
    assert fixed == b"HTTP/1.1 200 OK\r\n\r\n12345"
    assert chunked == b"HTTP/1.1 200 OK\r\n\r\n5\r\n12345\r\na\r\n1234567890\r\n0\r\n\r\n"
    assert here.reached == [("10.0.0.5", 8080)] * 2


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: pypi.org\r\n\r\n",
        b"GET https://pypi.org/ HTTP/1.1\r\n\r\n",
        b"GET ftp://pypi.org/ HTTP/1.1\r\n\r\n",
        b"GET http://pypi.org/ HTTP/2.0\r\n\r\n",
        b"GET http://pypi.org/\r\n\r\n",
        b"GET  http://pypi.org/ HTTP/1.1\r\n\r\n",
        b"GET http://pypi.org/ x HTTP/1.1\r\n\r\n",
        b"G(T http://pypi.org/ HTTP/1.1\r\n\r\n",
        b"GET http://pypi.org/ HTTP/1.1\r\nA : b\r\n\r\n",
        b"GET http://pypi.org/ HTTP/1.1\r\nA: b\nB: c\r\n\r\n",
        b"POST http://pypi.org/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
        b"POST http://pypi.org/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST http://pypi.org/ HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        b"CONNECT http://pypi.org/ HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello\r\n\r\n",
        b"\x05\x01\x00\r\n\r\n",
        b"A" * (33 << 10),
    ],
)
def test_what_is_malformed_reaches_nobody(town: Callable[..., Town], request_: bytes) -> None:
    with town() as here:
        assert 400 <= status(here.say(request_)) < 600
    assert here.reached == []
    assert [each.allowed for each in here.records()] == [False]


def test_a_body_that_is_malformed_ends_the_request(town: Callable[..., Town]) -> None:
    told: list[bytes] = []
    with town(lambda sock: told.append(read_all(sock))) as here:
        answered = here.say(b"POST http://pypi.org/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
    assert status(answered) == 400
    assert told[0].endswith(b"\r\n\r\n")


def test_silence_and_slowness_are_bounded(town: Callable[..., Town]) -> None:
    started = time.monotonic()
    here = town(read_all, bounds=Bounds(head_s=0.5, idle_s=0.5))
    with here, here.client() as silent, here.client() as slow, here.client() as idle:
        slow.sendall(b"CONNECT pypi.org")
        idle.sendall(b"CONNECT pypi.org:443 HTTP/1.1\r\n\r\n")
        assert read_all(silent) == b""
        assert status(read_all(slow)) == 408
        assert read_all(idle) == b"HTTP/1.1 200 Connection established\r\n\r\n"
    assert time.monotonic() - started < 15


def test_bounds_of_a_step(town: Callable[..., Town]) -> None:
    with town(bounds=Bounds(at_a_time=2)) as here, here.client(), here.client(), here.client() as third:
        assert third.recv(1) == b""
    with town(bounds=Bounds(connections=3)) as here:
        answers = [here.say(b"GET http://pypi.org/ HTTP/1.1\r\n\r\n") for _ in range(5)]
    assert [answered != b"" for answered in answers] == [True, True, True, False, False]
    assert sorted(each.why for each in here.records())[-1].startswith("more than 3 connections")
    assert len(here.records()) == 4
    with town(lambda sock: sock.sendall(bytes(1 << 20)), bounds=Bounds(step_bytes=100_000)) as here:
        assert len(here.say(b"CONNECT pypi.org:443 HTTP/1.1\r\n\r\n")) < 200_000
    [record] = here.records()
    assert record.why == "the step has moved more than 100000 bytes"


def test_closing_hangs_up_on_everybody(town: Callable[..., Town]) -> None:
    with town(read_all) as here, here.client() as sock:
        sock.sendall(b"CONNECT pypi.org:443 HTTP/1.1\r\n\r\n")
        assert read_head(sock).startswith(b"HTTP/1.1 200 ")
        here.proxy.close()
        assert read_all(sock) == b""
        with here.client() as late:
            assert late.recv(1) == b""
    assert [each.target for each in here.records()] == ["pypi.org:443"]


def test_nothing_reached_for_is_no_file(town: Callable[..., Town]) -> None:
    with town() as here, here.client():
        pass
    assert list(here.folder.iterdir()) == []


def test_secrets_are_not_written_down(town: Callable[..., Town]) -> None:
    with town(hidden=(b"Hunter2", b"")) as here:
        here.say(b"CONNECT hunter2.evil.example:443 HTTP/1.1\r\n\r\n")
        here.say(b"CONNECT Hunter2@evil.example:443 HTTP/1.1\r\n\r\n")
        here.say(b"CONNECT pypi.org:443 HTTP/1.1\r\n\r\n" + with_names(b"hunter2.evil.example"))
    text = here.log.with_suffix(".egress.jsonl").read_text().lower()
    assert "hunter2" not in text
    assert text.count("[hidden].evil.example") == 3


def test_a_record_that_can_not_be_kept_stops_the_run(town: Callable[..., Town]) -> None:
    """In the thread that answers for the step; the proxy's own have nobody to tell."""
    here = town()
    (here.folder / "act.egress.jsonl").symlink_to("/dev/full")
    with pytest.raises(StateError, match=r"act\.egress\.jsonl: No space left on device"), here:
        assert status(here.say(b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n")) == 403


def parent(sock: socket.socket) -> None:
    """Another proxy, which says what it was told."""
    head = read_head(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\nVia: parent\r\n\r\n" + head)


def test_through_the_machines_own_proxy(town: Callable[..., Town]) -> None:
    variables = {
        "HTTPS_PROXY": "http://user:p%40ss@proxy.corp:8080",
        "http_proxy": "proxy.corp:3129",
        "no_proxy": "10.0.0.0/8, .inner.example",
    }
    with town(parent, variables=variables, addresses={}) as here:
        tunnel = here.say(b"CONNECT pypi.org:443 HTTP/1.1\r\n\r\n")
        plain = here.say(b"GET http://pypi.org/x HTTP/1.1\r\n\r\n")
        straight = here.say(b"GET http://10.0.0.5:8080/x HTTP/1.1\r\n\r\n")
        assert status(here.say(b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n")) == 403
    login = base64.b64encode(b"user:p@ss")
    told = b"CONNECT pypi.org:443 HTTP/1.1\r\nHost: pypi.org:443\r\nProxy-Authorization: Basic " + login
    assert tunnel == b"HTTP/1.1 200 Connection established\r\n\r\n" + told + b"\r\n\r\n"
    assert b"GET http://pypi.org/x HTTP/1.1\r\nhost: pypi.org\r\n" in plain
    assert b"GET /x HTTP/1.1\r\nhost: 10.0.0.5:8080\r\n" in straight
    assert here.reached == [("proxy.corp", 8080), ("proxy.corp", 3129), ("10.0.0.5", 8080)]
    assert here.asked == []


@pytest.mark.parametrize("said", [b"HTTP/1.1 407 Who are you\r\n\r\n", b"garbage\r\n\r\n", b"", b"HTTP/1.1 200"])
def test_a_parent_that_refuses_is_told(town: Callable[..., Town], said: bytes) -> None:
    def refuse(sock: socket.socket) -> None:
        read_head(sock)
        sock.sendall(said)

    with town(refuse, variables={"https_proxy": "http://proxy.corp:8080"}) as here:
        answered = here.say(b"CONNECT pypi.org:443 HTTP/1.1\r\n\r\n")
    assert status(answered) == 502
    assert b"this machine's proxy" in answered


@pytest.mark.parametrize("url", ["socks5://a:1080", "https://a:443", "http://", "http://a:99999"])
def test_parents_that_are_not_spoken_to(url: str) -> None:
    with pytest.raises(ValueError, match=r"https_proxy: "):
        Parents.of({"https_proxy": url})


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [b"GET ", b"CONNECT ", b"http://", b"pypi.org", b"evil.example", b"127.0.0.1", b":443", b":80", b"@", b"/", b"\\", b"%2e",
             b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b" HTTP/1.1", b"Host: ", b"Content-Length: 5", b"Transfer-Encoding: chunked",
             b"0\r\n\r\n", b"[::1]", b"\xff", b"#", b"?", b"."]
        ),
        max_size=14,
    )
)  # fmt: skip
def test_whatever_is_said_only_what_is_listed_is_reached(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    with Town(tmp_path_factory.mktemp("town"), answer, bounds=Bounds(head_s=5.0, idle_s=0.5)) as here:
        here.say(b"".join(pieces) + b"\r\n\r\n")
    assert set(here.reached) <= {(ADDRESS, 80), (ADDRESS, 443)}
    assert set(here.asked) <= {"pypi.org:80", "pypi.org:443"}

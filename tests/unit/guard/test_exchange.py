"""The relay between two real sockets: framing, half-closed streams, and ends that come early.

On the far side listens a server that says what a test wrote down, and keeps what it was told.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from worlds import wait_for

from runner.errors import EngineUnavailable, TaskError
from runner.guard.exchange import Refusal
from runner.guard.heads import Request
from runner.guard.order import Order, Refused
from runner.guard.relay import PATH_LIMIT_BYTES, dial, relaying

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Said: by the engine\r\n\r\nok"
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
LIMIT_S = 20.0


@dataclass
class Far:
    """A server on a unix socket; each connection is served by ``serve``."""

    path: Path
    serve: Callable[[socket.socket, Far], None]
    told: list[bytes] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)

    @contextlib.contextmanager
    def listening(self) -> Iterator[Far]:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
            listener.bind(str(self.path))
            listener.listen()
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            yield self
            listener.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            self.serve(sock, self)

    def hear(self, sock: socket.socket) -> bytes:
        """One request: its head, and its body if it is in chunks or has a length."""
        said = b""
        while not _is_whole(said):
            data = sock.recv(4096)
            if not data:
                break
            said += data
        if said:
            self.told.append(said)
        return said


def _is_whole(said: bytes) -> bool:
    head, end, body = said.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return bool(end) and len(body) >= int(length or b"0")


def says(answer: bytes) -> Callable[[socket.socket, Far], None]:
    def serve(sock: socket.socket, far: Far) -> None:
        far.hear(sock)
        sock.sendall(answer)

    return serve


class Everything:
    """Lets all through but what is below ``/no``; bodies of type ``x/stream`` as streams."""

    def judge(self, request: Request, content: Callable[[], bytes]) -> Order:
        if request.target.startswith("/no"):
            raise Refused("not this one")
        if request.headers.get("content-type") == "x/stream":
            return Order(request.target, stream=_no_evil)
        text = content()
        return Order(request.target, content=text or None, upgrade=request.upgrade)


def _no_evil(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if b"evil" in piece:
            raise Refused("evil")
        yield piece


@dataclass
class Near:
    """A client of the relay."""

    sock: socket.socket

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def ask(self, first: str, *headers: str, body: bytes = b"") -> None:
        lines = "".join(f"{line}\r\n" for line in (f"{first} HTTP/1.1", "Host: e", *headers))
        self.say(lines.encode() + b"\r\n" + body)

    def hear(self, until: bytes = b"") -> bytes:
        """What comes, up to and with ``until``, or to the end."""
        said = b""
        while not until or until not in said:
            data = self.sock.recv(4096)
            said += data
            if not data:
                break
        return said


@dataclass
class Relay:
    path: Path
    far: Far
    refused: list[Refusal] = field(default_factory=list)

    @contextlib.contextmanager
    def client(self) -> Iterator[Near]:
        with dial(self.path) as sock:
            sock.settimeout(LIMIT_S)
            yield Near(sock)


@pytest.fixture
def relay(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Relay]:
    """A relay before a server that answers as the test's parameter says."""
    serve = getattr(request, "param", says(OK))
    with Far(tmp_path / "far", serve).listening() as far:
        relay = Relay(tmp_path / "near", far)
        with relaying(relay.path, far.path, Everything(), relay.refused.append):
            yield relay


def test_a_request_is_said_anew_and_its_reply_passed_on(relay: Relay) -> None:
    with relay.client() as near:
        near.ask("GET /a?b=c", "User-Agent: x", "Cookie: y", "Connection: close, x-secret")
        assert near.hear(b"ok").startswith(b"HTTP/1.1 200 OK\r\nx-said: by the engine\r\n")
    assert relay.far.told == [b"GET /a?b=c HTTP/1.1\r\nhost: engine\r\nconnection: close\r\n\r\n"]


def test_requests_of_one_connection_each_get_one_of_their_own(relay: Relay) -> None:
    smuggled = b"POST /no HTTP/1.1\r\nHost: e\r\n\r\n"
    with relay.client() as near:
        near.ask("POST /a", f"Content-Length: {len(smuggled)}", body=smuggled)
        assert near.hear(b"ok").endswith(b"ok")
        near.ask("GET /b")
        near.ask("GET /no")
        near.ask("GET /c")
        said = b""
        while said.count(b"ok") < 2:
            said += near.hear(b"ok")
    assert said.count(b"403 Forbidden") == 1
    assert [told.split()[1] for told in relay.far.told] == [b"/a", b"/b", b"/c"]
    assert relay.far.told[0].endswith(b"\r\n\r\n" + smuggled)
    assert [refusal.target for refusal in relay.refused] == ["/no"]


def test_a_chunked_body_is_framed_anew(relay: Relay) -> None:
    with relay.client() as near:
        near.ask("PUT /a", "Content-Type: x/stream", "Transfer-Encoding: chunked")
        near.say(b"00003\r\nabc\r\n0002\r\nde\r\n0\r\n\r\n")
        near.hear(b"ok")
    (told,) = relay.far.told
    assert told.endswith(b"\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "body",
    [b"3;x=y\r\nabc\r\n0\r\n\r\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n",
     b"0\r\nX: y\r\n\r\n", b"-1\r\n", b"3\nabc\r\n0\r\n\r\n", b"f" * 100],
)  # fmt: skip
def test_chunks_that_could_be_read_in_two_ways_are_refused(relay: Relay, body: bytes) -> None:
    with relay.client() as near:
        near.ask("POST /a", "Transfer-Encoding: chunked", body=body)
        assert near.hear().startswith(b"HTTP/1.1 400 Bad Request")
    assert relay.far.told == []


def test_a_refusal_is_json_and_keeps_the_connection(relay: Relay) -> None:
    with relay.client() as near:
        near.ask("POST /no", "Content-Type: x/stream", "Content-Length: 200000", body=b"x" * 200_000)
        assert b'{"message": "oppie guard: not this one"}' in near.hear(b"}")
        near.ask("GET /a")
        near.hear(b"ok")
    assert relay.refused == [Refusal("POST", "/no", 403, "not this one")]


def test_a_stream_that_turns_out_badly_is_cut_off(relay: Relay) -> None:
    with relay.client() as near:
        near.ask("PUT /a", "Content-Type: x/stream", "Transfer-Encoding: chunked")
        near.say(b"4\r\ngood\r\n")
        time.sleep(0.1)
        near.say(b"4\r\nevil\r\n4\r\nmore\r\n0\r\n\r\n")
        assert b'"oppie guard: evil"' in near.hear(b"}")
    wait_for(lambda: relay.far.told, "what the far side was told")
    assert relay.far.told[0].endswith(b"4\r\ngood\r\n")


@pytest.mark.parametrize(
    "relay", [says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")], indirect=True
)  # fmt: skip
def test_an_answer_that_breaks_off_breaks_off(relay: Relay) -> None:
    with relay.client() as near:
        near.ask("GET /a")
        assert near.hear().endswith(b"3\r\nabc\r\n")


@pytest.mark.parametrize("relay", [says(b""), says(b"HTTP/1.1 2")], indirect=True)
def test_no_answer_is_no_answer(relay: Relay) -> None:
    with relay.client() as near:
        near.ask("GET /a")
        assert near.hear() in (b"",) or b"502" in near.hear()


@pytest.mark.parametrize("relay", [says(b"HTTP/1.1 404 Not Found\r\n\r\nuntil the end")], indirect=True)
def test_an_answer_until_the_end_gets_a_frame(relay: Relay) -> None:
    with relay.client() as near:
        near.ask("GET /a")
        assert near.hear(b"0\r\n\r\n").endswith(b"\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n")


def _answer_and_leave(sock: socket.socket, far: Far) -> None:
    """An engine that answers before it has heard the whole body, and hangs up."""
    far.told.append(sock.recv(4096))
    sock.sendall(OK)


@pytest.mark.parametrize("relay", [_answer_and_leave], indirect=True)
def test_an_early_answer_reaches_a_client_that_is_still_sending(relay: Relay) -> None:
    size = 8 << 20
    with relay.client() as near:
        near.ask("PUT /a", "Content-Type: x/stream", f"Content-Length: {size}")
        for _ in range(size >> 16):
            near.say(bytes(1 << 16))
        assert near.hear(b"ok").endswith(b"ok")


def _echo(sock: socket.socket, far: Far) -> None:
    """A stream: greets, says back what it hears, and tells when its input has ended."""
    far.hear(sock)
    sock.sendall(UPGRADED + b"hello ")
    while data := sock.recv(4096):
        sock.sendall(data)
    sock.sendall(b"bye")


@pytest.mark.parametrize("relay", [_echo], indirect=True)
def test_a_stream_goes_on_when_its_input_has_ended(relay: Relay) -> None:
    with relay.client() as near:
        near.ask("POST /attach", "Connection: Upgrade", "Upgrade: tcp")
        assert near.hear(b"hello ").startswith(b"HTTP/1.1 101 UPGRADED\r\nconnection: Upgrade\r\n")
        near.say(b"GET /no HTTP/1.1\r\n\r\n")
        assert near.hear(b"\r\n\r\n") == b"GET /no HTTP/1.1\r\n\r\n"
        near.sock.shutdown(socket.SHUT_WR)
        assert near.hear() == b"bye"
    assert relay.refused == []


@pytest.mark.parametrize("relay", [says(UPGRADED + b"gotcha")], indirect=True)
def test_nothing_is_upgraded_that_was_not_asked_for(relay: Relay) -> None:
    with relay.client() as near:
        near.ask("POST /a")
        assert near.hear() == b""


def _until_left(sock: socket.socket, far: Far) -> None:
    """An engine that takes its time, and notes when nobody waits any more."""
    said = far.hear(sock)
    if b"upgrade" in said:
        sock.sendall(UPGRADED)
    while sock.recv(4096):
        pass
    far.ended.append(time.monotonic())


@pytest.mark.parametrize("relay", [_until_left], indirect=True)
@pytest.mark.parametrize("headers", [(), ("Connection: Upgrade", "Upgrade: tcp")])
def test_the_engine_learns_that_a_client_has_left(relay: Relay, headers: tuple[str, ...]) -> None:
    with relay.client() as near:
        near.ask("POST /wait", *headers)
        wait_for(lambda: relay.far.told, "the request")
    wait_for(lambda: relay.far.ended, "the end")


def test_a_head_that_comes_too_slowly_is_refused(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.guard.exchange.HEAD_S", 0.3)
    with relay.client() as near:
        near.say(b"GET /a HT")
        time.sleep(0.2)
        near.say(b"TP/1.1\r\n")
        assert near.hear().startswith(b"HTTP/1.1 408 Request Timeout")
    assert (relay.far.told, len(relay.refused)) == ([], 1)


def test_a_head_that_is_too_long_is_refused(relay: Relay) -> None:
    with relay.client() as near:
        near.ask("GET /a", *(f"X-{n}: {'x' * 4000}" for n in range(10)))
        assert near.hear().startswith(b"HTTP/1.1 431 ")
    assert relay.far.told == []


def test_a_body_that_nobody_asked_for_is_refused(relay: Relay) -> None:
    with relay.client() as near:
        near.ask("POST /a", "Content-Length: 2000000", body=bytes(2_000_000))
        assert b"the body is larger than" in near.hear(b"}")
    assert relay.far.told == []


def test_the_socket_is_the_users_own_and_goes_in_the_end(tmp_path: Path) -> None:
    near = tmp_path / "near"
    with Far(tmp_path / "far", says(OK)).listening() as far:
        for mode in (0o600, 0o660):
            with relaying(near, far.path, Everything(), print, mode):
                assert near.stat().st_mode & 0o777 == mode
            assert not near.exists()
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(near))
        dead.close()
        with relaying(near, far.path, Everything(), print):
            assert sorted(path.name for path in tmp_path.iterdir()) == ["far", "near"]
            with pytest.raises(TaskError, match="somebody listens there"):
                relaying(near, far.path, Everything(), print).__enter__()
        near.write_text("a file")
        with pytest.raises(TaskError, match="is no socket"):
            relaying(near, far.path, Everything(), print).__enter__()


def test_what_can_not_be_listened_on_is_told(tmp_path: Path) -> None:
    with Far(tmp_path / "far", says(OK)).listening() as far:
        for path, why in (
            (tmp_path / "none/near", "No such file or directory"),
            (tmp_path / ("x" * PATH_LIMIT_BYTES), f"at most {PATH_LIMIT_BYTES} bytes"),
        ):
            with pytest.raises(TaskError, match=why):
                relaying(path, far.path, Everything(), print).__enter__()
    with pytest.raises(EngineUnavailable, match="No such file or directory"):
        relaying(tmp_path / "near", tmp_path / "none", Everything(), print).__enter__()


def test_open_connections_are_cut_in_the_end(tmp_path: Path) -> None:
    before = threading.active_count()
    with Far(tmp_path / "far", _until_left).listening() as far:
        with relaying(tmp_path / "near", far.path, Everything(), print):
            sock = dial(tmp_path / "near")
            near = Near(sock)
            near.ask("POST /wait")
            wait_for(lambda: far.told, "the request")
        with sock:
            assert near.hear() == b""
        wait_for(lambda: far.ended, "the end")
    wait_for(lambda: threading.active_count() <= before, "the threads' end")

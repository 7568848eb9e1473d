"""A gateway between a client on a socket pair and a scripted upstream on loopback."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.gateway import (
    Account,
    Caps,
    Dialect,
    Gateway,
    Ledger,
    Patience,
    Price,
    Prices,
    Upstream,
    Ways,
)

KEY = "sk-the-key-that-stays-here-0123456789"
PRICE = Price(input=1.0, cached=0.1, output=10.0)
PATIENCE = Patience(
    connect_s=5.0, first_s=5.0, stall_s=5.0, retry_s=20.0, money_s=20.0, client_s=10.0
)
RUN = "20261121-120000-test"
PRICES, WAYS = Prices.load(), Ways()


@dataclass(frozen=True)
class Said:
    """A request as an upstream was told it."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


Script = Callable[[socket.socket, Said], None]


class Server:
    """Answers each connection's one request by a script; the last one goes on to be played."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.heard: list[Said] = []
        self.open_now = 0
        self.open_at_most = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(20)
        self._listener.close()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock = self._listener.accept()[0]
                self._threads.append(threading.Thread(target=self._serve, args=(sock,)))
                self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            sock.settimeout(20)
            said = read_request(sock)
            with self._lock:
                self.heard.append(said)
                script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                self.open_now += 1
                self.open_at_most = max(self.open_at_most, self.open_now)
            try:
                script(sock, said)
            finally:
                with self._lock:
                    self.open_now -= 1


def read_request(sock: socket.socket) -> Said:
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(1 << 16) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in rest)}
    while len(body) < int(headers.get("content-length", 0)):
        body += sock.recv(1 << 16)
    return Said(line, headers, body)


def reply(
    status: int, body: bytes | dict[str, Any], *headers: str, kind: str = "application/json"
) -> Script:
    """A whole answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = "".join(f"{each}\r\n" for each in headers)
    head = (
        f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{lines}\r\n"
    )

    def play(sock: socket.socket, said: Said) -> None:
        del said
        sock.sendall(head.encode() + data)

    return play


def stream(events: Iterable[bytes], *, end: bool = True) -> Script:
    """Events in chunks; without an end, the connection just breaks."""

    def play(sock: socket.socket, said: Said) -> None:
        del said
        sock.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for each in events:
            sock.sendall(b"%x\r\n%b\r\n" % (len(each), each))
        if end:
            sock.sendall(b"0\r\n\r\n")

    return play


def event(data: dict[str, Any], name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def message(text: str = "hello", output: int = 5, **usage: int) -> dict[str, Any]:
    """Anthropic's answer in one piece."""
    return {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": text}],
        "usage": {"input_tokens": 100, "output_tokens": output, **usage},
    }


def message_events(text: str = "hello", output: int = 5) -> tuple[bytes, ...]:
    """The same, streamed."""
    begin = {"usage": {"input_tokens": 100, "cache_read_input_tokens": 40, "output_tokens": 1}}
    delta = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": text},
    }
    return (
        event({"type": "message_start", "message": begin}, "message_start"),
        event({"type": "ping"}, "ping"),
        event(delta, "content_block_delta"),
        event({"type": "message_delta", "usage": {"output_tokens": output}}, "message_delta"),
        event({"type": "message_stop"}, "message_stop"),
    )


ASK: dict[str, Any] = {
    "model": "claude-test-1",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}


@dataclass
class Heard:
    """An answer as a client got it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Stage:
    """A gateway with one upstream for each dialect, all of them the scripted server."""

    folder: Path
    scripts: Sequence[Script] = (reply(200, message()),)
    caps: Caps = field(default_factory=Caps)
    patience: Patience = PATIENCE
    price: Price | None = PRICE
    models: tuple[str, ...] = ("claude-*", "gpt-*", "gemini-*")
    node: str = "A.1"

    def __enter__(self) -> Stage:
        self.server = Server(*self.scripts)
        url = f"http://127.0.0.1:{self.server.port}"
        self.upstreams = [
            Upstream(each.value, each, url, self.models, KEY, self.price) for each in Dialect
        ]
        self.ledger = Ledger(self.folder / "spending", RUN)
        self.gateway = Gateway(self.upstreams, self.caps, PRICES, self.ledger, WAYS, self.patience)
        self.transcript = self.folder / "transcript.jsonl"
        self.account = self.gateway.open(self.node, self.transcript)
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self.account.__exit__(exc[0], None, None)
        finally:
            self.ledger.__exit__()
            self.server.close()

    @contextlib.contextmanager
    def client(self, account: Account | None = None) -> Iterator[socket.socket]:
        ours, theirs = socket.socketpair()
        (account or self.account).take(theirs)
        with ours:
            ours.settimeout(20)
            yield ours

    def raw(self, request: bytes, account: Account | None = None) -> bytes:
        """All that is answered to these bytes, after which the client says no more."""
        with self.client(account) as sock:
            with contextlib.suppress(OSError):
                sock.sendall(request)
                sock.shutdown(socket.SHUT_WR)
            return read_all(sock)

    def request(self, path: str, body: bytes | dict[str, Any], *headers: str) -> bytes:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = "".join(f"{each}\r\n" for each in headers or (f"x-api-key: {self.account.token}",))
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(data)}\r\n{lines}\r\n"
        return head.encode("latin-1") + data

    def post(
        self,
        path: str = "/anthropic/v1/messages",
        body: bytes | dict[str, Any] | None = None,
        *headers: str,
    ) -> Heard:
        """One request over a connection of its own."""
        with self.client() as sock:
            sock.sendall(self.request(path, ASK if body is None else body, *headers))
            return read_answer(sock)

    def close(self) -> None:
        """Close the account: what it has spent is final from here on."""
        self.account.__exit__(None, None, None)

    def lines(self) -> list[dict[str, Any]]:
        """The transcript; to be asked for when the account is closed."""
        return [json.loads(each) for each in self.transcript.read_text().splitlines()]


def read_all(sock: socket.socket) -> bytes:
    with contextlib.suppress(ConnectionResetError):
        return b"".join(iter(lambda: sock.recv(1 << 16), b""))
    return b""


def read_answer(sock: socket.socket) -> Heard:
    """One answer, whatever its framing."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(1 << 16)
        assert more, data
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(each.split(": ", 1) for each in lines)
    if "content-length" in headers:
        while len(rest) < int(headers["content-length"]):
            more = sock.recv(1 << 16)
            assert more
            rest += more
        return Heard(int(first.split()[1]), headers, rest)
    while not re.search(rb"(?:^|\r\n)0\r\n\r\n$", rest):
        more = sock.recv(1 << 16)
        assert more, rest
        rest += more
    return Heard(int(first.split()[1]), headers, unchunked(rest))


def unchunked(data: bytes) -> bytes:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        body += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    return body

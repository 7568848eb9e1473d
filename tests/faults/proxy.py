"""A relay before an engine's socket that lets chosen calls go wrong.

It passes bytes on as they come, whatever they say: attached streams, archives in both directions,
events. What it understands of HTTP is where one message ends and the next one begins.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.faults.faults import (
    Away,
    Cut,
    CutUpload,
    Dropped,
    Failed,
    Fault,
    Late,
    Rule,
    Stalled,
    Struck,
)
from tests.faults.messages import Broken, Head, Wire

_NO_BODY = (101, 204, 304)


class Proxy:
    """Listens on ``path`` for an engine that listens on ``engine``; ``calls`` are all that came."""

    def __init__(self, path: Path, engine: str) -> None:
        self.path = path
        self.engine = engine
        self.calls: list[str] = []
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def plan(self, *rules: Rule) -> None:
        """Follow these rules from now on, and no others."""
        with self._lock:
            self._rules = list(rules)

    def listen(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        self._spawn(self._accept, self._listener)

    def hang_up(self) -> None:
        """Stop listening, and end all connections."""
        self.path.unlink(missing_ok=True)
        if self._listener:
            _close(self._listener)
        with self._lock:
            for sock in self._open:
                _shut(sock)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)

    # -- connections ---------------------------------------------------------------------------

    def _spawn(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._spawn(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        engine = socket.socket(socket.AF_UNIX)
        with self._lock:
            self._open |= {client, engine}
        try:
            engine.connect(self.engine)
            below, above = Wire(client), Wire(engine)
            while self._relay(below, above):
                pass
        except (Broken, OSError):
            pass
        finally:
            with self._lock:
                self._open -= {client, engine}
            _close(client)
            _close(engine)

    # -- calls ---------------------------------------------------------------------------------

    def _relay(self, client: Wire, engine: Wire) -> bool:
        """Pass on one call and its answer; whether another may follow on this connection."""
        head = client.head()
        fault = self._fault_of(head)
        match fault:
            case Away(seconds):
                self._spawn(self._be_away, seconds)
                raise Broken("away")
            case Failed(after=False):
                _skip(client, head)
                client.send(_refusal(fault))
                return True
        engine.send(head.raw)
        self._pass_body(client, engine, head, fault)
        if isinstance(fault, Struck):
            time.sleep(fault.seconds)
            fault.blow()
            self._spawn(fault.heal)
            raise Broken("struck")
        answer = engine.head()
        if answer.status == 101 or "upgrade" in head.fields:
            if isinstance(fault, Dropped):
                raise Broken("dropped")
            client.send(answer.raw)
            if answer.status in (101, 200):
                _tunnel(client, engine, fault)
                return False
        else:
            self._answer(client, engine, head, answer, fault)
        return "close" not in answer.fields.get("connection", "").lower()

    def _pass_body(self, client: Wire, engine: Wire, head: Head, fault: Fault | None) -> None:
        left = fault.size_bytes if isinstance(fault, CutUpload) else None
        for raw, said in client.body(head, until_close=False):
            if left is not None:
                engine.send(raw[: max(0, left)])
                left -= len(said)
                if left <= 0:
                    raise Broken("cut")
                continue
            with contextlib.suppress(Broken):  # it may have answered before it had read all
                engine.send(raw)

    def _answer(
        self, client: Wire, engine: Wire, head: Head, answer: Head, fault: Fault | None
    ) -> None:
        bare = head.first[0] == "HEAD" or answer.status in _NO_BODY or answer.status < 200
        body = () if bare else engine.body(answer, until_close=True)
        match fault:
            case Dropped():
                for _ in body:
                    pass
                raise Broken("dropped")
            case Failed():
                for _ in body:
                    pass
                client.send(_refusal(fault))
                return
            case Late(seconds):
                time.sleep(seconds)
        client.send(answer.raw)
        left = fault.size_bytes if isinstance(fault, Cut) else None
        for raw, said in body:
            if left is None or left > len(said):
                client.send(raw)
                left = None if left is None else left - len(said)
                continue
            _end_early(client, answer, said[:left], clean=isinstance(fault, Cut) and fault.clean)

    def _fault_of(self, head: Head) -> Fault | None:
        path = re.sub(r"^/v[0-9.]+", "", head.first[1].partition("?")[0])
        call = f"{head.first[0]} {path}"
        with self._lock:
            self.calls.append(call)
            struck = [rule.fault for rule in self._rules if rule.strikes(call)]
        return struck[0] if struck else None

    def _be_away(self, seconds: float) -> None:
        self.hang_up()
        time.sleep(seconds)
        self.listen()


@contextmanager
def proxied(engine: str, rules: Sequence[Rule] = ()) -> Iterator[Proxy]:
    """A proxy before the engine's socket at the path ``engine``."""
    folder = Path(tempfile.mkdtemp(prefix="oppie-"))  # a socket's path has to be short
    proxy = Proxy(folder / "s", engine)
    proxy.plan(*rules)
    proxy.listen()
    try:
        yield proxy
    finally:
        proxy.hang_up()
        proxy.join()
        shutil.rmtree(folder)


def _tunnel(client: Wire, engine: Wire, fault: Fault | None) -> None:
    """Both directions of an attached stream, each until its own end."""
    up = threading.Thread(target=_pump, args=(client, engine, None), daemon=True)
    up.start()
    limit = fault.size_bytes if isinstance(fault, Cut | Stalled) else None
    _pump(engine, client, limit, end=not isinstance(fault, Stalled))
    if isinstance(fault, Cut):
        _shut(engine.sock)
        _shut(client.sock)
    up.join()


def _pump(source: Wire, sink: Wire, limit: int | None, *, end: bool = True) -> None:
    """Copy until the source ends, or to ``limit`` bytes; then, with ``end``, say that it ended."""
    while limit != 0 and (data := source.receive()):
        data = data[:limit]
        limit = None if limit is None else limit - len(data)
        try:
            sink.send(data)
        except Broken:
            break
    with contextlib.suppress(OSError):
        if end:
            sink.sock.shutdown(socket.SHUT_WR)


def _end_early(client: Wire, answer: Head, rest: bytes, *, clean: bool) -> None:
    if answer.is_chunked:
        if rest:
            client.send(b"%x\r\n%s\r\n" % (len(rest), rest))
        if clean:
            client.send(b"0\r\n\r\n")
    else:
        client.send(rest)
    raise Broken("cut")


def _skip(client: Wire, head: Head) -> None:
    for _ in client.body(head, until_close=False):
        pass


def _refusal(fault: Failed) -> bytes:
    body = json.dumps({"message": fault.message}).encode()
    return (
        f"HTTP/1.1 {fault.status} Fault\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _close(sock: socket.socket) -> None:
    _shut(sock)
    sock.close()

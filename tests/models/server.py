"""The model server: HTTP on the loopback, one thread a connection.

    with ModelServer(in_order(Turn(wish=Write("hello.txt", "hello\\n")))) as server:
        ...  # a program asks server.url + one of PATHS, or /v1beta/models/MODEL:generateContent
        server.asked  # what it asked
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType, TracebackType
from typing import Self

from tests.models import chat, gemini, messages, responses
from tests.models.events import spoilt
from tests.models.script import Asked, Dialect, Json, Script, Tool, Trouble, Turn, in_order
from tests.models.tools import Answer, answer

PATHS = {
    "/v1/messages": Dialect.MESSAGES,
    "/v1/chat/completions": Dialect.CHAT,
    "/v1/responses": Dialect.RESPONSES,
}
MODELS = ("claude-test", "gpt-test")
_GEMINI = re.compile(r"/v1beta/models/[^/:]+:(stream)?[gG]enerateContent")
_COUNTS = re.compile(r"/v1/messages/count_tokens|/v1beta/models/[^/:]+:countTokens")
_KEYS = ("x-api-key", "authorization", "x-goog-api-key")
_SPEAKERS: dict[Dialect, ModuleType] = {
    Dialect.MESSAGES: messages,
    Dialect.CHAT: chat,
    Dialect.RESPONSES: responses,
    Dialect.GEMINI: gemini,
}


@dataclass(frozen=True, slots=True)
class Told:
    """What one answer said it used; counted once no more than its end is to be sent."""

    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int


class ModelServer:
    """Answers by a script from its construction to ``close``, on a port of its own.

    Whoever doesn't bring ``key`` gets 401; without a key nobody is asked for one. ``asked`` are the
    requests in the order in which they came, those for a list or a count of tokens included.
    ``told`` are the answers of the models.
    """

    def __init__(self, script: Script | None = None, key: str = "") -> None:
        self.script = script or in_order()
        self.key = key
        self.asked: list[Asked] = []
        self.told: list[Told] = []
        self.closing = threading.Event()
        self._http = _Server(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def port(self) -> int:
        """The port on the loopback."""
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self.port}"

    def of(self, dialect: Dialect) -> Sequence[Asked]:
        """What was asked in a dialect, counts of tokens excepted."""
        return [asked for asked in self.asked if asked.dialect is dialect]

    def close(self) -> None:
        """End all answers, also those that stall, and all threads."""
        if not self.closing.is_set():
            self.closing.set()
            self._http.shutdown()
            self._thread.join()
            self._http.cut()
            self._http.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, model: ModelServer) -> None:
        self.model = model
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Exchange)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        """End the connections that wait for another request."""
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # the other side was faster
                    continue

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has gone: that is its own matter. Anything else is a mistake in here."""
        if not isinstance(
            sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1], OSError
        ):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._note({}, "")
        if self.path.partition("?")[0].startswith("/v1/models"):
            models = [{"id": name, "object": "model", "type": "model"} for name in MODELS]
            self._json(200, {"object": "list", "data": models, "has_more": False})
        else:
            self._json(200 if self.path == "/" else 404, {})

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        text = self._body()
        try:
            body = json.loads(text)
        except ValueError:
            body = {}
        asked = self._note(body, text)
        model = self.server.model
        brought = {asked.headers.get(name, "").removeprefix("Bearer ") for name in _KEYS}
        if model.key and model.key not in brought:
            self._json(401, chat.error(401))
        elif _COUNTS.fullmatch(asked.path):
            count = len(text) // 4
            self._json(200, {"input_tokens": count, "totalTokens": count})
        elif asked.dialect is None:
            self._json(404, chat.error(404))
        else:
            self._answer(asked, asked.dialect, model.script(asked))

    def _note(self, body: Json, text: str) -> Asked:
        path = self.path.partition("?")[0]
        dialect = Dialect.GEMINI if _GEMINI.fullmatch(path) else PATHS.get(path)
        tools: tuple[Tool, ...] = tuple(_SPEAKERS[dialect].tools(body)) if dialect else ()
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(path, headers, body, text, dialect, tools)
        self.server.model.asked.append(asked)
        return asked

    def _answer(self, asked: Asked, dialect: Dialect, turn: Turn) -> None:
        speaker = _SPEAKERS[dialect]
        if turn.trouble is Trouble.STALL:
            self.close_connection = True
            self.server.model.closing.wait()
        elif turn.status != 200:
            self._json(turn.status, speaker.error(turn.status), turn.retry_after_s)
        else:
            self._whole_or_stream(asked, speaker, turn, answer(turn, asked))

    def _whole_or_stream(self, asked: Asked, speaker: ModuleType, turn: Turn, said: Answer) -> None:
        """What is told counts from just before its end: whoever has it all finds it counted."""
        number = len(self.server.model.asked)
        told = Told(asked.model, turn.input_tokens, turn.cached_tokens, turn.output_tokens)
        if not asked.streams:
            self.server.model.told.append(told)
            self._json(200, speaker.whole(turn, said, asked, number))
            return
        self._begin_stream()
        for event in spoilt(list(speaker.stream(turn, said, asked, number)), turn.trouble):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        if turn.trouble in (Trouble.STALL_HALFWAY, Trouble.CUT):
            self.close_connection = True
            if turn.trouble is Trouble.STALL_HALFWAY:
                self.server.model.closing.wait()
        else:
            self.server.model.told.append(told)
            self.wfile.write(b"0\r\n\r\n")

    def _begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _json(self, status: int, body: Json, retry_after_s: float | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if retry_after_s is not None:
            self.send_header("Retry-After", f"{retry_after_s:g}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _body(self) -> str:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            content = b"".join(self._chunks())
        else:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return content.decode(errors="replace")

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_: object) -> None:
        pass

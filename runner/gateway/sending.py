"""One request to an upstream, and its answer as it comes.

Nothing is reached but the configured address; redirects are answers like any other, and never
followed. The machine's proxies and certificates are used as they were handed in.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from runner.egress.dial import Parent, Parents
from runner.egress.target import Target, parse_host
from runner.gateway.upstream import Dialect, Upstream

PIECE_BYTES = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS
_HOP = {
    "content-type": "application/json",
    "accept-encoding": "identity",
    "connection": "close",
    "user-agent": "oppie",
}

Hold = Callable[[socket.socket], AbstractContextManager[socket.socket]]


class Broken(Exception):
    """No answer, or not the end of it. ``sent`` if the request had gone out, so that somebody may
    have worked on it; ``status`` is what to answer."""

    def __init__(self, why: str, *, sent: bool, status: int = 502) -> None:
        super().__init__(why)
        self.sent = sent
        self.status = status


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds: for a connection, for the first byte of an answer, for the
    next one, until nothing is tried again, and for other requests to end that money is set aside
    for. ``client_s`` is how long the container may take to send or to receive."""

    connect_s: float = 20.0
    first_s: float = 600.0
    stall_s: float = 300.0
    retry_s: float = 90.0
    money_s: float = 120.0
    client_s: float = 60.0


class Ways:
    """How this machine reaches the world: its proxies, as ``http_proxy`` and the like say them, and
    certificates that it trusts besides its system's.

    Raises ``ValueError`` for proxies that can't be used, ``OSError`` for a bundle that can't be read.
    """

    def __init__(
        self, proxies: Mapping[str, str] | None = None, ca_bundle: Path | None = None
    ) -> None:
        self._parents = Parents.of(proxies or {})
        self._trust = ssl.create_default_context()
        if ca_bundle:
            self._trust.load_verify_locations(ca_bundle)

    def connection(
        self, upstream: Upstream, timeout_s: float
    ) -> tuple[http.client.HTTPConnection, Parent | None]:
        """A connection that isn't open yet, and the proxy to which the whole address is to be said."""
        host, is_address = parse_host(
            f"[{upstream.host}]" if ":" in upstream.host else upstream.host
        )
        target = Target(host, upstream.port, is_address)
        parent = self._parents.of_target(target, upstream.encrypted)
        if host == "localhost":
            parent = None
        at = (parent.host, parent.port) if parent else (host, upstream.port)
        if not upstream.encrypted:
            return http.client.HTTPConnection(*at, timeout=timeout_s), parent
        secure = http.client.HTTPSConnection(*at, timeout=timeout_s, context=self._trust)
        if parent:
            secure.set_tunnel(host, upstream.port, _login(parent))
        return secure, None


@dataclass(slots=True)
class Answer:
    """What an upstream says: its status, its headers in lower case, and its body in pieces.

    ``pieces`` raises ``Broken`` where it ends too early, or nothing comes for too long.
    """

    status: int
    headers: dict[str, str]
    pieces: Iterator[bytes] = field(repr=False)


@contextlib.contextmanager
def sent(
    upstream: Upstream,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    ways: Ways,
    patience: Patience,
    hold: Hold,
) -> Iterator[Answer]:
    """Send a request and wait for the head of the answer. ``hold`` is given the connection, to cut
    it from another thread. Raises ``Broken``."""
    connection, parent = ways.connection(upstream, patience.connect_s)
    try:
        with hold(_connected(connection, upstream)) as sock:
            own = _own_headers(upstream) | _HOP
            if parent:
                own |= _login(parent)
                path = f"http://{upstream.authority}{path}"
            try:
                sock.settimeout(patience.first_s)
                connection.request("POST", path, body, {**headers, **own})
                response = connection.getresponse()
                sock.settimeout(patience.stall_s)
            except TimeoutError as error:
                why = f"{upstream.name} has not answered for {patience.first_s:g} s"
                raise Broken(why, sent=True, status=504) from error
            except (OSError, http.client.HTTPException) as error:
                why = f"{upstream.name} hung up before it answered ({type(error).__name__})"
                raise Broken(why, sent=False) from error
            with response:
                found = {name.lower(): value for name, value in response.getheaders()}
                yield Answer(response.status, found, _pieces(response, found))
    finally:
        connection.close()


def _connected(connection: http.client.HTTPConnection, upstream: Upstream) -> socket.socket:
    try:
        connection.connect()
    except (OSError, http.client.HTTPException) as error:
        why = f"{upstream.name} can't be reached at {upstream.authority}: {error}"
        raise Broken(why, sent=False) from error
    sock: socket.socket = connection.sock
    return sock


def _own_headers(upstream: Upstream) -> dict[str, str]:
    if not upstream.key:
        return {}
    match upstream.dialect:
        case Dialect.ANTHROPIC:
            return {"x-api-key": upstream.key}
        case Dialect.OPENAI:
            return {"authorization": f"Bearer {upstream.key}"}
        case Dialect.GEMINI:
            return {"x-goog-api-key": upstream.key}


def _login(parent: Parent) -> dict[str, str]:
    return {"proxy-authorization": f"Basic {parent.credentials}"} if parent.credentials else {}


def _pieces(response: http.client.HTTPResponse, headers: Mapping[str, str]) -> Iterator[bytes]:
    coding = headers.get("content-encoding", "identity").lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        raise Broken(f"the answer is encoded as {coding[:40]}, which was not asked for", sent=True)
    unpack = zlib.decompressobj(_GZIP) if coding != "identity" else None
    try:
        while data := response.read1(PIECE_BYTES):
            if unpack is None:
                yield data
                continue
            yield unpack.decompress(data, PIECE_BYTES)
            while unpack.unconsumed_tail:
                yield unpack.decompress(unpack.unconsumed_tail, PIECE_BYTES)
        if response.length or (unpack and not unpack.eof):
            raise Broken("the answer breaks off", sent=True)
    except TimeoutError as error:
        raise Broken("the answer stalls", sent=True, status=504) from error
    except (OSError, http.client.HTTPException, zlib.error) as error:
        raise Broken(f"the answer breaks off: {type(error).__name__}", sent=True) from error

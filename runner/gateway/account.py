"""A node's account with the gateway: its token, its connections, and what it has spent."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.errors import StateError
from runner.gateway.api import route, split
from runner.gateway.bodies import Asked, ask_for
from runner.gateway.books import Caps, Settlement
from runner.gateway.events import object_of
from runner.gateway.exchange import Office, exchange
from runner.gateway.ledger import Ledger
from runner.gateway.prices import Prices
from runner.gateway.refusal import OutOfMoney, Refused
from runner.gateway.relaying import Out
from runner.gateway.sending import Patience, Ways
from runner.gateway.serving import Client, Desk
from runner.gateway.transcript import Redaction, Transcript
from runner.gateway.upstream import Upstream
from runner.model import Spending
from runner.wire import shut

CONNECTIONS_AT_A_TIME = 64
_PARTING_S = 10.0


@dataclass(frozen=True, slots=True)
class Means:
    """What all accounts of a gateway share. ``hidden`` are secrets that no transcript holds."""

    upstreams: Mapping[str, Upstream]
    caps: Caps
    prices: Prices
    ledger: Ledger
    ways: Ways
    patience: Patience
    hidden: tuple[str, ...]


@dataclass(slots=True)
class _Whole:
    """An answer that is collected (see ``relaying.Out``)."""

    status: int = 0
    body: bytearray = field(default_factory=bytearray)

    def head(self, status: int, headers: tuple[tuple[str, str], ...], size: int | None) -> None:
        del headers, size
        self.status = status

    def piece(self, data: bytes) -> None:
        self.body += data

    def end(self) -> None:
        """Nothing is left to be done."""

    def is_gone(self) -> bool:
        return False


class Account:
    """Made by ``Gateway.open``; a context manager.

    ``token`` is what programs in the node's container give as their API key. At the end it is
    refused, what is open is cut, and what that has cost is settled; ``StateError`` is raised if
    any of it could not be written down. Threads may share it.
    """

    def __init__(self, node: str, transcript: Path, means: Means) -> None:
        self.token = f"oppie-{secrets.token_urlsafe(32)}"
        self._means = means
        self._lock = threading.Lock()
        self._held: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._closing = threading.Event()
        self._spending = means.ledger.spent_by(node)
        self._spent = ""
        self._failure: Exception | None = None
        redaction = Redaction((*means.hidden, self.token))
        self._office = Office(
            node=node,
            caps=means.caps,
            prices=means.prices,
            ledger=means.ledger,
            ways=means.ways,
            patience=means.patience,
            redaction=redaction,
            transcript=Transcript(transcript, redaction),
            hold=self._hold,
            closing=self._closing,
            settled=self._count,
        )
        self._desk = Desk(means.upstreams, self.token, self._answer, means.patience.client_s)

    def __enter__(self) -> Account:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        failure = self._close()
        if failure and kind is None:
            raise failure

    @property
    def spending(self) -> Spending:
        """What the node's requests have come to, those before an interruption included; final once
        the account is closed."""
        with self._lock:
            return self._spending

    @property
    def spent(self) -> str:
        """Why a request was refused for money, as it was told; "" while none was."""
        with self._lock:
            return self._spent

    def take(self, sock: socket.socket) -> None:
        """Serve a connection from the container, in a thread of its own; one too many is hung up
        on."""
        thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
        with self._lock:
            if self._closing.is_set() or len(self._threads) >= CONNECTIONS_AT_A_TIME:
                sock.close()
                return
            self._threads.add(thread)
            thread.start()

    def cut(self) -> Spending:
        """Hang up on everybody, and wait until what was under way is settled; what the account has
        come to then. It goes on: this is for the end of one step of several."""
        with self._lock:
            threads = tuple(self._threads)
            for sock in self._held:
                shut(sock, socket.SHUT_RDWR)
        deadline = time.monotonic() + _PARTING_S
        for thread in threads:  # one that waits for a name or a host is left to its own end
            thread.join(max(0.0, deadline - time.monotonic()))
        return self.spending

    def ask(self, upstream: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask a model from here, without a socket: counted, capped and written down like a request
        from the container.

        ``path`` is the dialect's own, such as ``/v1/messages``. Raises ``Refused`` for whatever is
        no answer (also for one that streams), ``StateError`` if it can't be written down.
        """
        found, own_path, query = split(f"/{upstream}{path}", self._means.upstreams)
        asked = ask_for(route(found, own_path, query), dict(body))
        out = _Whole()
        self._exchange(asked, {}, out)
        said = object_of(bytes(out.body))
        if out.status != 200 or not said:
            why = bytes(out.body[:1000]).decode("utf-8", "replace")
            raise Refused(out.status, f"{upstream} answered with status {out.status}: {why}")
        return said

    def _serve(self, sock: socket.socket) -> None:
        try:
            with sock, self._hold(sock):
                self._desk.serve(sock)
        except Exception as error:  # nobody sees a thread's; it is told at the end
            self._failed(error)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _answer(self, asked: Asked, headers: dict[str, str], client: Client) -> None:
        """Raises ``Refused``, ``OSError``."""
        try:
            self._exchange(asked, headers, client)
        except StateError as error:
            self._failed(error)
            raise Refused(503, "what models cost can't be written down here", final=True) from error

    def _exchange(self, asked: Asked, headers: dict[str, str], out: Out) -> None:
        if self._closing.is_set():
            raise Refused(503, "the node is at its end", final=True)
        try:
            exchange(asked, headers, self._office, out)
        except OutOfMoney as refused:
            with self._lock:
                self._spent = str(refused)
            raise

    def _failed(self, error: Exception) -> None:
        with self._lock:
            self._failure = self._failure or error

    def _count(self, settlement: Settlement) -> None:
        with self._lock:
            self._spending += settlement.spending

    @contextlib.contextmanager
    def _hold(self, sock: socket.socket) -> Iterator[socket.socket]:
        """A socket that is cut when the account closes."""
        with self._lock:
            self._held.add(sock)
            if self._closing.is_set():
                shut(sock, socket.SHUT_RDWR)
        try:
            yield sock
        finally:
            with self._lock:
                self._held.discard(sock)

    def _close(self) -> Exception | None:
        """Cut everything for good; what went wrong."""
        with self._lock:  # nobody is taken in after that
            self._closing.set()
        self.cut()
        try:
            self._office.transcript.close()
        except StateError as error:
            return self._failure or error
        return self._failure

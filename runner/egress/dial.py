"""Connections to what may be reached: straight, or through the machine's own proxy."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from runner.egress.addresses import Barred, Resolver, open_addresses, resolve
from runner.egress.rules import Rules
from runner.egress.target import Target
from runner.wire import Gone, Malformed, Wire, lines_of

CONNECT_S = 20.0


class Unreachable(Exception):
    """Allowed, and not there."""


@dataclass(frozen=True, slots=True)
class Parent:
    """The proxy through which this machine reaches the world; ``credentials`` for its header."""

    host: str
    port: int
    credentials: str = ""


@dataclass(frozen=True, slots=True)
class Parents:
    """The machine's proxies for plain HTTP and for everything else, and where they aren't used."""

    plain: Parent | None = None
    tunnelled: Parent | None = None
    direct: tuple[str, ...] = ()

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Parents:
        """From ``http_proxy`` and the like, in both spellings. Raises ``ValueError``."""

        def get(name: str) -> str:
            return variables.get(name) or variables.get(name.upper()) or ""

        anything = get("all_proxy")
        direct = (each.strip().lower() for each in get("no_proxy").split(","))
        return cls(
            _parent("http_proxy", get("http_proxy") or anything),
            _parent("https_proxy", get("https_proxy") or anything),
            tuple(filter(None, direct)),
        )

    def of_target(self, target: Target, tunnelled: bool) -> Parent | None:
        """The proxy that a target is reached through; ``None`` if it is reached straight."""
        if any(_covers(each, target) for each in self.direct):
            return None
        if target.is_address and ipaddress.ip_address(target.host).is_loopback:
            return None  # of this machine, not of the proxy's
        return self.tunnelled if tunnelled else self.plain


def _parent(name: str, url: str) -> Parent | None:
    if not url:
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = parts.port or 80
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(
            f"{name}: sandboxes reach the network through a proxy of the form http://host:port only"
        )
    credentials = ""
    if parts.username is not None:
        both = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        credentials = base64.b64encode(both.encode()).decode("ascii")
    return Parent(parts.hostname, port, credentials)


def _covers(entry: str, target: Target) -> bool:
    """Whether an element of ``no_proxy`` means a target: ``*``, a name and all below it, an address
    or a network, each with a port or without."""
    if entry == "*":
        return True
    host, colon, port = entry.rpartition(":")
    if colon and port.isdecimal() and (":" not in host or host.endswith("]")):
        if int(port) != target.port:
            return False
        entry = host
    entry = entry.strip("[]")
    if target.is_address:
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(target.host) in ipaddress.ip_network(entry, strict=False)
        return False
    name = entry.lstrip("*.").rstrip(".")
    return bool(name) and (target.host == name or target.host.endswith(f".{name}"))


@dataclass(frozen=True, slots=True)
class Line:
    """An open connection. ``parent`` is the proxy at its end to which a plain request is to be
    addressed in full; ``rest`` is what the other side has said already."""

    sock: socket.socket
    parent: Parent | None = None
    rest: bytes = b""


@dataclass(frozen=True, slots=True)
class Dialler:
    """Connects to targets that the rules allow. ``never`` are addresses that nobody reaches."""

    rules: Rules
    parents: Parents = Parents()
    never: frozenset[tuple[str, int]] = frozenset()
    resolver: Resolver = resolve
    connect: Callable[[tuple[str, int], float], socket.socket] = field(
        default=socket.create_connection
    )

    def __call__(self, target: Target, *, tunnelled: bool) -> Line:
        """Raises ``Barred`` and ``Unreachable``.

        Through a parent proxy, the names are the parent's to resolve: on a machine that needs one,
        names of the outside are often not known.
        """
        parent = self.parents.of_target(target, tunnelled)
        try:
            if parent is None:
                return Line(self._straight(target))
            if (target.host, target.port) in self.never:
                raise Barred(f"{target} leads nowhere that may be reached")
            sock = self.connect((parent.host, parent.port), CONNECT_S)
            return _through(sock, parent, target) if tunnelled else Line(sock, parent)
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"{target}: {getattr(error, 'strerror', None) or error}") from error

    def _straight(self, target: Target) -> socket.socket:
        failure: OSError = OSError("has no address")
        for address in open_addresses(target, self.rules, self.never, self.resolver):
            try:
                return self.connect((address, target.port), CONNECT_S)
            except OSError as error:
                failure = error
        raise failure


def _through(sock: socket.socket, parent: Parent, target: Target) -> Line:
    """Ask a parent proxy for a tunnel."""
    login = f"Proxy-Authorization: Basic {parent.credentials}\r\n" if parent.credentials else ""
    wire = Wire(sock)
    try:
        sock.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{login}\r\n".encode("ascii"))
        first, _ = lines_of(wire.head(CONNECT_S, CONNECT_S))
        if first.split(" ")[1:2] != ["200"]:
            raise Unreachable(f"{target}: this machine's proxy says: {first[:100]}")
    except (Gone, Malformed) as error:
        sock.close()
        raise Unreachable(f"{target}: this machine's proxy: {error}") from error
    except BaseException:
        sock.close()
        raise
    return Line(sock, rest=wire.taken())

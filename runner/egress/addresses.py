"""Which addresses a listed name may lead to, and what the planner's machine says they are."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

from runner.egress.rules import Rules
from runner.egress.target import Target

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], tuple[str, ...]]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


class Barred(Exception):
    """A host that may be reached by its name, and that leads to where nothing may go."""


def resolve(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a name, by the machine's own means. Raises ``OSError``."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def open_addresses(
    target: Target, rules: Rules, never: frozenset[tuple[str, int]], resolver: Resolver
) -> tuple[str, ...]:
    """The addresses to connect to for a target that the rules allow; they alone are connected to,
    so that a name can't lead elsewhere a moment later.

    ``never`` are addresses and ports that are reached by nobody: the engine's own. Raises ``Barred``
    where nothing is left, ``OSError`` where the name is not known.
    """
    if target.is_address:
        found: tuple[str, ...] = (target.host,)
    else:
        found = resolver(target.host, target.port)
    allowed = [each for each in found if is_public(each) or rules.lists(each, target.port)]
    opened = tuple(each for each in allowed if (each, target.port) not in never)
    if opened:
        return opened
    if allowed or not found:
        raise Barred(f"{target} leads nowhere that may be reached")
    raise Barred(
        f"{target} leads to {found[0][:64]}, which is no public address; "
        "list that address as well, if it is meant"
    )


def is_public(text: str) -> bool:
    """Whether an address is one of the public network's hosts, and so is any that it contains."""
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:  # with a zone: link-local
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _nat64(address)
        if inner:
            return is_public(str(inner))
        if address.teredo or address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None

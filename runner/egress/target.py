"""Where a connection is to go, read so strictly that no two readers could disagree.

A host is a name of letters, digits and hyphens, or an address in its one usual form. What other
programs would take for an address (``127.1``, ``0x7f000001``, ``2130706433``, ``010.0.0.1``), a user
before an ``@``, percent signs, other alphabets than ASCII, and zones of IPv6 are refused.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_MOST_NAME_CHARS = 253
HTTP_PORT = 80


@dataclass(frozen=True, slots=True)
class Target:
    """``host`` is a name in lower case without a dot at its end, or an address (``is_address``)."""

    host: str
    port: int
    is_address: bool

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_host(text: str) -> tuple[str, bool]:
    """The host in its one form, and whether it is an address. Raises ``ValueError``."""
    if text.startswith("["):
        return _ipv6(text), True
    if not text.isascii():
        raise ValueError("a name of other letters than ASCII's must be written in its xn-- form")
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(name), True
    if len(name) > _MOST_NAME_CHARS or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("is no host's name")
    return name, False


def parse_port(text: str) -> int:
    """Raises ``ValueError``."""
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise ValueError("a port must be a number from 1 to 65535")
    return int(text)


def parse_authority(text: str, default_port: int | None = None) -> Target:
    """``host:port``, where the port may be left out if there is a default. Raises ``ValueError``."""
    host, port = split_port(text)
    if not port and default_port is None:
        raise ValueError("the port is missing")
    found, is_address = parse_host(host)
    return Target(found, parse_port(port) if port else default_port or 0, is_address)


def parse_uri(uri: str) -> tuple[Target, str]:
    """The target of ``http://host[:port]/path?query``, and the path. Raises ``ValueError``."""
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme.lower() != "http":
        raise ValueError("the request must be CONNECT, or name an http:// address in full")
    end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    path = rest[end:]
    if "#" in path or not path.isascii():
        raise ValueError("the address holds what an address of HTTP can't")
    return parse_authority(rest[:end], HTTP_PORT), path if path.startswith("/") else f"/{path}"


def split_port(text: str) -> tuple[str, str]:
    """Host and port, neither of them looked at; the port is "" if there is none."""
    if text.startswith("["):
        host, bracket, port = text.partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError("is no address of IPv6 in brackets")
        host, port = f"{host}]", port.removeprefix(":")
        colon = text.endswith(":")
    else:
        host, separator, port = text.partition(":")
        colon = bool(separator) and not port
    if colon:
        raise ValueError("the port is missing")
    return host, port


def _ipv4(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError as error:
        raise ValueError("ends in a number, and is no address such as 10.0.0.5") from error


def _ipv6(text: str) -> str:
    try:
        if not text.endswith("]"):
            raise ValueError("no bracket")
        address = ipaddress.IPv6Address(text[1:-1])
    except ValueError as error:
        raise ValueError("is no address of IPv6 in brackets") from error
    if address.scope_id or address.ipv4_mapped:
        raise ValueError("has a zone, or holds an address of IPv4: write that one itself")
    return str(address)

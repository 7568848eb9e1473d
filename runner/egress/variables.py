"""How a command in a sandbox is told of the proxy."""

from __future__ import annotations

from runner.egress.tunnel import PORT

_NAMES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")


def exports(hosts: tuple[str, ...]) -> bytes:
    """Lines of shell that tell of the proxy, to go before a step's script; none without hosts.

    They are part of the script and not of the container's environment, which its snapshot would
    inherit.
    """
    if not hosts:
        return b""
    told = " ".join(f"{name}=http://127.0.0.1:{PORT}" for name in _NAMES)
    return f"export {told} no_proxy= NO_PROXY=\n".encode("ascii")

"""Where a container engine may be listening, and whether it answers there.

Standard library only: ``images/engine.py`` uses this file before anything is installed. The
order is that of Docker's own client: what the session names, then the current context, then the
sockets that engines usually make (Docker's, Docker Desktop's, rootless Docker's, Podman's).
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
SCHEMES = ("unix", "tcp", "http", "https")
PLAIN_PORT, TLS_PORT = 2375, 2376  # as in Docker's own client


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address such as ``unix:///var/run/docker.sock`` or ``tcp://host:2376``.

    ``origin`` tells a person why this address is tried. ``certificates`` is a folder with
    ``ca.pem``, ``cert.pem`` and ``key.pem`` if the engine is to be spoken to with TLS.
    """

    url: str
    origin: str
    certificates: Path | None = None


def candidate_endpoints(environment: Mapping[str, str], home: Path) -> list[Endpoint]:
    """The addresses to try, best first, without duplicates.

    ``DOCKER_HOST`` and ``DOCKER_CONTEXT`` are somebody's decision for this session: the one that
    is set is the only candidate, so that a run never lands on another engine than the named one.
    """
    named = _named(environment, home)
    if named:
        return [named]
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    sockets = [
        Path("/var/run/docker.sock"),
        Path(runtime) / "docker.sock",
        home / ".docker/run/docker.sock",
        Path(runtime) / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
    ]
    config = _config_dir(environment, home)
    current = _current_context(config)
    context = _context(current, config) if current else None
    usual = [Endpoint(f"unix://{path}", "usual socket") for path in sockets]
    found = [context, *usual] if context else usual
    return list({endpoint.url: endpoint for endpoint in reversed(found)}.values())[::-1]


def refusal(endpoint: Endpoint, timeout_s: float = 3.0) -> str:
    """Why no engine answers ``/_ping`` there; empty if one does."""
    try:
        connection = _connection(endpoint, timeout_s)
    except (ValueError, OSError) as error:  # an unknown scheme, unreadable certificates
        return str(error)
    try:
        connection.request("GET", "/_ping", headers={"Host": "engine"})
        response = connection.getresponse()
        response.read()
    except FileNotFoundError:
        return "no such socket"
    except PermissionError:
        return "permission denied (is this user in the socket's group?)"
    except ConnectionRefusedError:
        return "connection refused (nothing listens there)"
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return "" if response.status == 200 else f"answers HTTP {response.status}, not an engine's ping"


def certificates_for(url: str, environment: Mapping[str, str], home: Path) -> Path | None:
    """The certificate folder that ``DOCKER_TLS_VERIFY`` asks for, for a TCP address."""
    if urlsplit(url).scheme == "unix" or not environment.get("DOCKER_TLS_VERIFY"):
        return None
    named = environment.get("DOCKER_CERT_PATH")
    return Path(named) if named else _config_dir(environment, home)


def _named(environment: Mapping[str, str], home: Path) -> Endpoint | None:
    if url := environment.get("DOCKER_HOST", "").strip():
        return Endpoint(url, "DOCKER_HOST", certificates_for(url, environment, home))
    name = environment.get("DOCKER_CONTEXT", "").strip()
    if name == "default":
        return Endpoint(DEFAULT_SOCKET, "DOCKER_CONTEXT=default")
    if not name:
        return None
    context = _context(name, _config_dir(environment, home))
    return context or Endpoint(f"context:{name}", "DOCKER_CONTEXT")


def _config_dir(environment: Mapping[str, str], home: Path) -> Path:
    named = environment.get("DOCKER_CONFIG")
    return Path(named) if named else home / ".docker"


def _current_context(config: Path) -> str:
    current = _read_object(config / "config.json").get("currentContext", "")
    return current if isinstance(current, str) and current != "default" else ""


def _context(name: str, config: Path) -> Endpoint | None:
    """What ``docker context create`` wrote: a folder named by the SHA-256 of the context's name."""
    folder = hashlib.sha256(name.encode()).hexdigest()
    endpoints = _read_object(config / "contexts/meta" / folder / "meta.json").get("Endpoints")
    docker = endpoints.get("docker") if isinstance(endpoints, dict) else None
    url = docker.get("Host") if isinstance(docker, dict) else None
    if not isinstance(url, str) or not url:
        return None
    certificates = config / "contexts/tls" / folder / "docker"
    return Endpoint(url, f"context {name}", certificates if certificates.is_dir() else None)


def _read_object(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):  # absent or damaged: Docker's client, too, goes on without it
        return {}
    return found if isinstance(found, dict) else {}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(endpoint: Endpoint, timeout_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(endpoint.url)
    if parts.scheme == "unix":
        return _UnixConnection(parts.path, timeout_s)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError(_unusable(endpoint.url))
    if endpoint.certificates is None and parts.scheme != "https":
        return http.client.HTTPConnection(parts.hostname, parts.port or PLAIN_PORT, timeout=timeout_s)
    trust = ssl.create_default_context()
    if endpoint.certificates:
        trust.load_verify_locations(endpoint.certificates / "ca.pem")
        trust.load_cert_chain(endpoint.certificates / "cert.pem", endpoint.certificates / "key.pem")
    port = parts.port or TLS_PORT
    return http.client.HTTPSConnection(parts.hostname, port, timeout=timeout_s, context=trust)


def _unusable(url: str) -> str:
    scheme = urlsplit(url).scheme
    if scheme == "ssh":
        return (
            "ssh:// is not spoken; forward the socket instead: "
            "ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST, "
            "then DOCKER_HOST=unix:///tmp/engine.sock"
        )
    if scheme == "context":
        return "no such Docker context (see: docker context ls)"
    return f"scheme {scheme!r} is not one of {', '.join(SCHEMES)}"

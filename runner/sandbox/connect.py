"""A client of the container engine, wherever the engine listens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import docker
from docker.errors import DockerException
from docker.tls import TLSConfig
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException

from runner.errors import EngineUnavailable
from runner.sandbox.dialect import PodmanApi, is_podman
from runner.sandbox.endpoints import Endpoint, candidate_endpoints, certificates_for, refusal
from runner.sandbox.sockets import close_what_fails

Client: TypeAlias = docker.DockerClient

FIX = (
    "Start the engine (systemctl start docker, or Docker Desktop), or run `make setup`, "
    "or name another one with DOCKER_HOST."
)


def connect(
    endpoint: str | None = None,
    timeout_s: float = 60.0,
    environment: Mapping[str, str] | None = None,
    home: Path | None = None,
) -> Client:
    """A client of ``endpoint``, or of the first candidate that answers.

    ``timeout_s`` bounds each silence on the connection, not a whole call. ``environment`` is where
    ``DOCKER_HOST``, ``DOCKER_CONTEXT`` and the like are looked up; without it only what docker-py
    takes from the process's environment itself (``DOCKER_HOST`` and its TLS variables) counts.
    The caller closes the client. Each worker thread needs a client of its own.

    Raises ``EngineUnavailable``, which lists every address that was tried, why it was no use, and
    the fix.
    """
    environment = _docker_variables() if environment is None else environment
    home = home or Path.home()
    if endpoint:
        chosen = Endpoint(endpoint, "named", certificates_for(endpoint, environment, home))
        candidates = [chosen]
    else:
        candidates = candidate_endpoints(environment, home)
    refusals: list[str] = []
    for candidate in candidates:
        why = refusal(candidate)
        if not why:
            return _client(candidate, timeout_s)
        refusals.append(f"  {candidate.url} ({candidate.origin}): {why}")
    tried = "\n".join(refusals)
    raise EngineUnavailable(f"No container engine answers. Tried:\n{tried}\n{FIX}")


def _client(endpoint: Endpoint, timeout_s: float) -> Client:
    how: dict[str, Any] = {
        "base_url": endpoint.url,
        "timeout": timeout_s,
        "tls": _tls(endpoint.certificates) if endpoint.certificates else False,
    }
    try:
        client = docker.DockerClient(version="auto", **how)
    except DockerException as error:
        raise EngineUnavailable(
            f"The engine at {endpoint.url} answers, but no version could be agreed on: {error}"
        ) from error
    try:
        if is_podman(client.api.version()):
            client.api.close()
            client.api = PodmanApi(version=client.api.api_version, **how)
    except (DockerException, RequestException) as error:
        client.close()
        raise EngineUnavailable(f"The engine at {endpoint.url} went away: {error}") from error
    close_what_fails(client.api)
    return client


def _tls(certificates: Path) -> TLSConfig:
    pair = (str(certificates / "cert.pem"), str(certificates / "key.pem"))
    return TLSConfig(client_cert=pair, ca_cert=str(certificates / "ca.pem"), verify=True)


def _docker_variables() -> dict[str, str]:
    found = kwargs_from_env()
    variables = {"DOCKER_HOST": found["base_url"]} if "base_url" in found else {}
    if "tls" in found:
        certificate = Path(found["tls"].cert[0])
        variables |= {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificate.parent)}
    return variables

"""The image with the real programs, built once per machine; it takes the network then.

The versions are those that the adapters were last shown to fit, so that a release on some morning
fails no other's tests. ``OPPIE_TEST_AGENTS=aider,claude,codex,gemini,mini,opencode`` has the newest
ones tried.
"""

from __future__ import annotations

import fcntl
import os
import ssl
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import docker

from runner import images
from runner.cli.images import sources
from runner.errors import OppieError

AGENTS = "aider@0.86.2,claude@2.1.330,codex@0.169.0,gemini@0.61.0,mini@2.4.6,opencode@1.18.33"
_DEBIANS_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def agents_image(client: docker.DockerClient) -> str:
    """The name of the image. Raises ``AssertionError`` if it can't be built."""
    wanted = images.agents_of(os.environ.get("OPPIE_TEST_AGENTS", AGENTS).split(","))
    found = sources()
    trusting = replace(found, ca_bundle=_trusted(found))
    try:
        with _one_at_a_time():
            deque(images.prepare(client, trusting, wanted), maxlen=0)
    except OppieError as error:
        raise AssertionError(
            f"the image with the agents {', '.join(wanted)} can't be built; that takes the network, "
            f"for what PyPI and npm have:\n{error}"
        ) from error
    return images.name_of(wanted)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Workers of one test session want the same image."""
    with (Path(tempfile.gettempdir()) / "oppie-test-agents.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _trusted(found: images.Sources) -> Path | None:
    """What this machine trusts: its network may be behind a proxy that opens TLS."""
    places = (found.ca_bundle, ssl.get_default_verify_paths().cafile, _DEBIANS_BUNDLE)
    return next((Path(place) for place in places if place and Path(place).is_file()), None)

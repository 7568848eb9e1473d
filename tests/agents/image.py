"""The image with the real programs, built once per machine; it takes the network then.

The versions are those that the adapters were last shown to fit, so that a release on some morning
fails no other's tests. ``OPPIE_TEST_AGENTS=aider,claude,codex,gemini,mini,opencode`` has the newest ones tried.
"""

from __future__ import annotations

import os
import ssl
from collections import deque
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
    try:
        deque(images.prepare(client, replace(found, ca_bundle=_trusted(found)), wanted), maxlen=0)
    except OppieError as error:
        raise AssertionError(
            f"the image with the agents {', '.join(wanted)} can't be built; that takes the network, "
            f"for what PyPI and npm have:\n{error}"
        ) from error
    return images.name_of(wanted)


def _trusted(found: images.Sources) -> Path | None:
    """What this machine trusts: its network may be behind a proxy that opens TLS."""
    places = (found.ca_bundle, ssl.get_default_verify_paths().cafile, _DEBIANS_BUNDLE)
    return next((Path(place) for place in places if place and Path(place).is_file()), None)

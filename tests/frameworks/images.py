"""Images with test frameworks in them, built once per machine from ``images/*/Dockerfile``.

They need the network: Debian's packages, and for some PyPI's or npm's. Behind a proxy that opens TLS
they trust what this machine trusts, or what ``OPPIE_CA_BUNDLE`` names.
"""

from __future__ import annotations

import hashlib
import ssl
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import docker
import docker.errors
import pytest

from runner.errors import EngineError
from runner.sandbox import images as engine
from runner.settings import Settings, load_settings

FOLDER = Path(__file__).parent / "images"
_CA = "ca/host.crt"
_IN_USE_S = 24 * 3600  # another checkout's tests may share the engine
_DEBIANS_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


@dataclass
class Images:
    """The images on an engine, all of them made on the image ``base``."""

    client: docker.DockerClient
    base: str
    tags: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def tag(self, group: str) -> str:
        """The tag of the image with a group of tools, which is built if it isn't there.

        Fails the test where it can't be built; that is tried once only.
        """
        if group not in self.tags and group not in self.failures:
            try:
                self.tags[group] = _ensure(self.client, group, self.base)
            except EngineError as error:
                self.failures[group] = (
                    f"the test frameworks of {FOLDER / group} can't be put into an image; that takes "
                    f"the network, for packages of Debian, PyPI or npm:\n{error}"
                )
        if group in self.failures:
            pytest.fail(self.failures[group], pytrace=False)
        return self.tags[group]


def _ensure(client: docker.DockerClient, group: str, base: str) -> str:
    """The tag holds a hash of all that the image is made from, the certificates excepted."""
    files = {path.name: path.read_bytes() for path in sorted((FOLDER / group).iterdir())}
    tag = f"oppie/test-{group}:{_hash(files, client.api.inspect_image(base)['Id'])}"
    if engine.find(client, tag) is None:
        _remove_older(client, group)
        settings = load_settings()
        files[_CA] = _certificates(settings)
        plan = engine.Build(tag, files, "Dockerfile", {"BASE": base, **settings.proxies()})
        deque(engine.build(client, plan), maxlen=0)
    return tag


def _hash(files: dict[str, bytes], base_id: str) -> str:
    digest = hashlib.sha256(base_id.encode())
    for name, content in sorted(files.items()):
        digest.update(b"\0".join((name.encode(), str(len(content)).encode(), content)))
    return digest.hexdigest()[:12]


def _certificates(settings: Settings) -> bytes:
    """What this machine trusts; nothing if it keeps that where neither Python nor Debian look."""
    places = (settings.ca_bundle, ssl.get_default_verify_paths().cafile, _DEBIANS_BUNDLE)
    bundle = next((Path(place) for place in places if place and Path(place).is_file()), None)
    return bundle.read_bytes() if bundle else b""


def _remove_older(client: docker.DockerClient, group: str) -> None:
    """Images of this group that were made from other files, unless they may still be in use."""
    for image in client.api.images(f"oppie/test-{group}"):
        if time.time() - image["Created"] < _IN_USE_S:
            continue
        for tag in image["RepoTags"] or ():
            try:
                client.api.remove_image(tag)
            except docker.errors.APIError as error:
                if error.status_code != 409:
                    raise

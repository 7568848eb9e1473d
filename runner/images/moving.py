"""Images as files, for machines without a network; and which ones are there."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

from runner.errors import EngineError, TaskError
from runner.images.sources import AGENT, BASE, BASE_CHANGES, PLANNER
from runner.sandbox import images as engine
from runner.sandbox.connect import Client
from runner.sandbox.images import Image


def load(client: Client, tar: Path) -> Iterator[str]:
    """Load what ``save`` wrote, or import a root file system (from ``images/base.sh``) as ``BASE``.

    Raises ``TaskError`` if ``tar`` is neither, ``EngineError`` if the engine can't.
    """
    yield f"loading {tar}"
    if _is_image_archive(tar):
        yield from engine.load(client, tar)
    else:
        engine.import_root(client, tar, BASE, BASE_CHANGES)
        yield f"imported as {BASE}"


def save(client: Client, tar: Path, name: str = AGENT) -> Iterator[str]:
    """Write an image to a file for ``load`` on another machine. Raises ``EngineError``."""
    image = required(client, name)
    yield f"saving {name} ({image.size_bytes / 1e6:.0f} MB)"
    try:
        engine.save(client, name, tar)
    except OSError as error:
        raise TaskError(f"can't write {tar}: {error.strerror}") from error
    yield f"saved to {tar}"


def list_images(client: Client) -> list[Image]:
    """The product's own images that are there; snapshots of runs are not among them."""
    found = [engine.find(client, name) for name in (BASE, AGENT, PLANNER)]
    found += engine.matching(client, f"{AGENT.partition(':')[0]}-*")
    return [image for image in found if image]


def required(client: Client, name: str) -> Image:
    """The image called ``name``. Raises ``EngineError`` if the engine has none."""
    image = engine.find(client, name)
    if image is None:
        raise EngineError(f"no image {name} on the engine; to make it: oppie images build")
    return image


def _is_image_archive(tar: Path) -> bool:
    """Whether ``docker save`` or an OCI tool wrote it; a root file system has no such member."""
    try:
        with tarfile.open(tar) as archive:
            return any(
                member.name.removeprefix("./") in ("manifest.json", "oci-layout")
                for member in archive
            )
    except OSError as error:
        raise TaskError(f"can't read {tar}: {error.strerror}") from error
    except tarfile.TarError as error:
        raise TaskError(f"{tar} is no tar archive: {error}") from error

"""Campaigns on a real engine, which others may be using, and what they leave there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from runner.sandbox import spec
from runner.sandbox.connect import connect
from tests.crash.campaign import Campaign
from tests.crash.left import names_of
from tests.crash.scenes import Place, Scene
from tests.crash.witness import Starts


def on_engine(
    folder: Path, scenes: tuple[Scene, ...], starts: Starts, image: str, mark: str
) -> Campaign:
    """A campaign whose runs' ids begin with ``mark``, which must be nobody else's."""
    return Campaign(folder, scenes, starts, image, lambda name: f"{mark}-{name}", clean)


def clean(place: Place) -> None:
    """Remove all that a place's run has on the engine."""
    wanted = {"label": [f"{spec.RUN}={place.run_id}"]}
    with closing(connect()) as client:
        for container in client.api.containers(all=True, filters=wanted):
            client.api.remove_container(container["Id"], force=True, v=True)
        images = client.api.images(filters=wanted)
        images.sort(key=lambda each: -(each["Labels"] or {}).get(spec.NODE, "").count("."))
        for image in images:
            for name in names_of(image):
                client.api.remove_image(name, force=True, noprune=True)

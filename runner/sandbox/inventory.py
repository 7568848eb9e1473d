"""What this product holds on an engine: the one listing of it, and the door to change it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import docker
import docker.errors

from runner.sandbox import snapshots, spec
from runner.sandbox.classify import engine_errors
from runner.sandbox.patience import patiently
from runner.sandbox.protocol import HeldContainer, HeldImage, Leftovers


def held(api: docker.APIClient, run_id: str = "") -> Leftovers:
    """Everything with the labels of a run, or of any run.

    What the engine's client raises goes through.
    """
    wanted: dict[str, Any] = {"label": [f"{spec.RUN}={run_id}" if run_id else spec.RUN]}
    containers = [_container(entry) for entry in api.containers(all=True, filters=wanted)]
    entries = [
        entry
        for entry in api.images(all=True, filters=wanted)
        if _labels(entry).get(spec.KIND) == spec.KIND_SNAPSHOT
    ]
    images = images_of(entries)
    return Leftovers(
        tuple(sorted(containers, key=lambda container: container.name)), children_first(images)
    )


def held_image(api: docker.APIClient, reference: str) -> HeldImage | None:
    """One image with our labels. What the engine's client raises goes through, but for absence."""
    try:
        found = api.inspect_image(reference)
    except docker.errors.ImageNotFound:
        return None
    labels = (found.get("Config") or {}).get("Labels") or {}
    if labels.get(spec.KIND) != spec.KIND_SNAPSHOT:
        return None
    return _image({**found, "Labels": labels}, has_children=False)


def images_of(entries: Sequence[Mapping[str, Any]]) -> tuple[HeldImage, ...]:
    """The images of a listing, as the engine tells it."""
    parents = {entry.get("ParentId") for entry in entries}
    return tuple(_image(entry, entry["Id"] in parents) for entry in entries)


def children_first(images: Sequence[HeldImage]) -> tuple[HeldImage, ...]:
    """The order to remove images in: a node's label is as deep as the node, and those of one node
    may be built on each other."""
    made_from = {image.digest: image.parent_digest for image in images}

    def order(image: HeldImage) -> tuple[int, int, tuple[str, ...], str]:
        below, parent = 0, image.parent_digest
        while parent in made_from:
            below, parent = below + 1, made_from[parent]
        return -image.node.count("."), -below, image.names, image.digest

    return tuple(sorted(images, key=order))


class EngineHoldings:
    """All that an engine holds of this product, whichever run it belongs to.

    Every method raises ``EngineError``.
    """

    def __init__(self, client: docker.DockerClient) -> None:
        self._api = client.api

    @patiently
    def leftovers(self) -> Leftovers:
        """Everything with our labels."""
        with engine_errors("list what is left on the engine"):
            return held(self._api)

    @patiently
    def remove(self, container: str) -> None:
        """Remove a container, running or not; absent is fine."""
        with engine_errors(f"remove {container}"), contextlib.suppress(docker.errors.NotFound):
            self._api.remove_container(container, force=True, v=True)

    @patiently
    def discard(self, tag: str) -> None:
        """Remove one image; absent is fine."""
        with engine_errors(f"remove the image {tag}"):
            snapshots.discard(self._api, tag)

    @patiently
    def retag(self, digest: str, tag: str) -> None:
        """Give an image a tag, whoever has it now."""
        with engine_errors(f"tag {digest} as {tag}"):
            snapshots.retag(self._api, digest, tag)


def _container(entry: Mapping[str, Any]) -> HeldContainer:
    labels = _labels(entry)
    return HeldContainer(
        entry["Names"][0].lstrip("/"),
        labels.get(spec.RUN, ""),
        labels.get(spec.KIND, ""),
        labels.get(spec.ATTEMPT, ""),
        running=entry["State"] == "running",
        image=entry.get("ImageID", ""),
    )


def _image(entry: Mapping[str, Any], has_children: bool) -> HeldImage:
    labels = _labels(entry)
    run_id = labels.get(spec.RUN, "")
    tags = sorted(tag for tag in entry.get("RepoTags") or () if tag != "<none>:<none>")
    names = tuple(tag for tag in tags if tag.startswith(snapshots.repository(run_id) + ":"))
    inner = not tags and has_children
    if not tags and not inner:
        names = (entry["Id"],)
    return HeldImage(
        digest=entry["Id"],
        run_id=run_id,
        node=labels.get(spec.NODE, ""),
        attempt_id=labels.get(spec.ATTEMPT, ""),
        names=names,
        other_tags=tuple(tag for tag in tags if tag not in names),
        inner=inner,
        size_bytes=int(entry["Size"]),
        # One that was flattened shares nothing with what it was made from.
        parent_digest="" if labels.get(spec.DEPTH) == "1" else labels.get(spec.PARENT, ""),
        tree_id=labels.get(spec.TREE, ""),
        commit=labels.get(spec.COMMIT, ""),
        rebuilt_from=labels.get(spec.REBUILT, ""),
    )


def _labels(entry: Mapping[str, Any]) -> Mapping[str, str]:
    return entry.get("Labels") or {}

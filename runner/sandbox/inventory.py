"""What this product has left on an engine, and its removal."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors
import requests.exceptions

from runner.sandbox import snapshots, spec
from runner.sandbox.classify import classify_error

CONTAINER = "container"
IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Item:
    """One object with our labels. ``size_bytes`` of an image is what it adds to its parent, as
    far as the engine tells; 0 for containers."""

    kind: str
    name: str
    run_id: str
    node: str
    size_bytes: int = 0
    running: bool = False


def inventory(client: docker.DockerClient) -> tuple[Item, ...]:
    """Everything on the engine that carries a run's label: containers, then images, children
    before their parents, which is the order to remove them in. Raises ``EngineError``."""
    wanted: dict[str, Any] = {"label": [spec.RUN]}
    try:
        containers = client.api.containers(all=True, filters=wanted)
        images = client.api.images(filters=wanted)
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise classify_error(error, "list what is left on the engine") from error
    found = [
        Item(
            CONTAINER,
            entry["Names"][0].lstrip("/"),
            entry["Labels"].get(spec.RUN, ""),
            entry["Labels"].get(spec.ATTEMPT, ""),
            running=entry["State"] == "running",
        )
        for entry in containers
    ]
    tagged = [
        Item(
            IMAGE,
            tag,
            entry["Labels"].get(spec.RUN, ""),
            entry["Labels"].get(spec.NODE, ""),
            int(entry["Size"]),
        )
        for entry in images
        if entry["Labels"].get(spec.KIND) == spec.KIND_SNAPSHOT
        for tag in snapshots.names_of(entry)
        if tag.startswith((snapshots.repository(entry["Labels"][spec.RUN]) + ":", "sha256:"))
    ]
    return (*found, *sorted(tagged, key=lambda item: (-item.node.count("."), item.name)))


def remove(client: docker.DockerClient, item: Item) -> None:
    """Remove one item; absent is fine. Raises ``EngineError``."""
    try:
        with contextlib.suppress(docker.errors.NotFound):
            if item.kind == CONTAINER:
                client.api.remove_container(item.name, force=True, v=True)
            else:
                snapshots.discard(client.api, item.name)
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise classify_error(error, f"remove {item.kind} {item.name}") from error

"""Snapshots on the engine: commit, flatten, look up, discard, list.

The lineage is kept by us, in labels, because newer engines forget an image's parent. Every
snapshot is tagged; images are addressed by digest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import docker
import docker.errors

from runner.errors import TaskError
from runner.model import Snapshot
from runner.sandbox import spec
from runner.sandbox.protocol import WORKSPACE

# The engine refuses more than 125 layers, the base's own included. Well before that the layers
# are made one; the room above is for images that are built on a snapshot by hand.
MAX_DEPTH = 100
_PATIENCE_S = 900.0


def repository(run_id: str) -> str:
    """The repository that a run's snapshots are tagged in."""
    return f"oppie/{run_id}"


def tag_of(run_id: str, label: str) -> str:
    """The reference of a node's snapshot."""
    return f"{repository(run_id)}:{label}"


def commit(
    api: docker.APIClient,
    run_id: str,
    container: str,
    label: str,
    parent: Snapshot | None,
    facts: Mapping[str, str],
) -> Snapshot:
    """Commit a stopped container as the snapshot of ``label``, unless it has been.

    A client that gives up on a commit doesn't stop it, so the tag is looked for first; it counts
    if it was made by the same attempt from the same parent.
    """
    tag = tag_of(run_id, label)
    parent_digest = parent.digest if parent else ""
    with contextlib.suppress(docker.errors.ImageNotFound):
        labels = api.inspect_image(tag)["Config"]["Labels"] or {}
        if (
            labels.get(spec.ATTEMPT) == facts.get("attempt")
            and labels.get(spec.PARENT) == parent_digest
        ):
            return describe(api, tag)
    origin = parent or describe(api, api.inspect_container(container)["Image"])
    depth = origin.depth + 1
    labels = spec.snapshot_labels(run_id, label, parent_digest, depth, facts)
    # Another attempt's image may have the tag: it moves, and the other is found without one.
    with _patience(api):
        if depth >= MAX_DEPTH:
            _flatten(api, container, tag, labels)
        else:
            config = spec.image_config(labels)
            api.commit(container, repository(run_id), label, pause=False, conf=config)
    return describe(api, tag)


@contextlib.contextmanager
def _patience(api: docker.APIClient) -> Iterator[None]:
    """A commit of many gigabytes is silent for minutes, and giving up doesn't stop it."""
    usual, api.timeout = api.timeout, _PATIENCE_S
    try:
        yield
    finally:
        api.timeout = usual


def _flatten(
    api: docker.APIClient, container: str, tag: str, labels: Mapping[str, str]
) -> None:
    """Make container and image one layer: export piped into import, configuration restored."""
    config = api.inspect_container(container)["Config"]
    repo, name = tag.split(":")
    inherited = config.get("Labels") or {}
    changes = spec.import_changes(config, {**inherited, **labels, spec.DEPTH: "1"})
    api.import_image_from_stream(api.export(container), repo, name, changes=changes)


def describe(api: docker.APIClient, reference: str) -> Snapshot:
    """The snapshot behind a reference.

    Raises the client's ``ImageNotFound``, and ``TaskError`` for an image that declares a volume
    over the workspace: what is written there would be in no commit.
    """
    image = api.inspect_image(reference)
    config = image["Config"] or {}
    for volume in config.get("Volumes") or ():
        above, below = PurePosixPath(volume), PurePosixPath(WORKSPACE)
        if below.is_relative_to(above) or above.is_relative_to(below):
            raise TaskError(
                f"image {reference}: it declares the volume {volume}, and what is written there "
                f"is in no commit of {WORKSPACE}; use an image without it"
            )
    parent_digest = (config.get("Labels") or {}).get(spec.PARENT, "")
    layers = len((image.get("RootFS") or {}).get("Layers") or ())
    inherited_bytes = 0
    if parent_digest and layers > 1:  # a flattened one shares nothing
        with contextlib.suppress(docker.errors.ImageNotFound):
            inherited_bytes = int(api.inspect_image(parent_digest)["Size"])
    return Snapshot(
        tag=reference,
        digest=image["Id"],
        parent_digest=parent_digest,
        depth=layers,
        size_bytes=max(0, int(image["Size"]) - inherited_bytes),
    )


def discard(api: docker.APIClient, tag: str) -> None:
    """Remove one image. ``noprune``: the default would take untagged ancestors along."""
    with contextlib.suppress(docker.errors.ImageNotFound):
        api.remove_image(tag, noprune=True)


def retag(api: docker.APIClient, digest: str, tag: str) -> None:
    """Give an image a tag, whoever has it now. Raises the client's ``ImageNotFound``."""
    repo, _, name = tag.partition(":")
    api.tag(digest, repo, name, force=True)

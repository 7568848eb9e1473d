"""Snapshots on the engine: commit, flatten, look up, discard, list.

The lineage is kept by us, in labels, because newer engines forget an image's parent. Every
snapshot is tagged; images are addressed by digest.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import docker
import docker.errors

from runner.errors import TaskError
from runner.model import Snapshot
from runner.sandbox import spec
from runner.sandbox.flatten import flatten
from runner.sandbox.patience import Patience, is_silence
from runner.sandbox.protocol import WORKSPACE

# The engine refuses more than 125 layers, the base's own included. Well before that the layers
# are made one; the room above is for images that are built on a snapshot by hand.
MAX_DEPTH = 100
_LONG_S = 900.0
_LATE_S = 5.0  # for a request that was not answered, and may still be carried out


def repository(run_id: str) -> str:
    """The repository that a run's snapshots are tagged in."""
    return f"oppie/{run_id}"


def tag_of(run_id: str, label: str, checkpoint: str = "") -> str:
    """The reference of a node's snapshot, or of one on the way to it."""
    return f"{repository(run_id)}:{label}" + (f"-{checkpoint}" if checkpoint else "")


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to be committed, and as what. ``facts`` become labels; ``parent`` is ``None`` for
    what is built on an image that is no snapshot."""

    run_id: str
    container: str
    label: str
    parent: Snapshot | None
    facts: Mapping[str, str]
    checkpoint: str = ""

    @property
    def tag(self) -> str:
        return tag_of(self.run_id, self.label, self.checkpoint)

    @property
    def parent_digest(self) -> str:
        return self.parent.digest if self.parent else ""


def commit(api: docker.APIClient, patience: Patience, intent: Intent) -> Snapshot:
    """Commit a container as the snapshot of a node, unless it has been; one that runs is paused for
    the while.

    A client that gives up on a commit doesn't stop it, so the tag is looked for before each
    request; it counts if it was made by the same attempt from the same parent. Raises what the
    engine's client raises.
    """
    requests_made, late_s = 0, 0.0

    def once() -> Snapshot:
        nonlocal requests_made, late_s
        if found := _committed(api, intent, late_s):
            return found
        requests_made += 1
        try:
            return replace(describe(api, _make(api, patience, intent)), tag=intent.tag)
        except Exception as error:
            late_s = _LATE_S if is_silence(error) else 0.0
            raise

    made = patience.ask(once)
    if requests_made > 1:  # the first may have been heard after all
        patience.ask(lambda: _remove_doubles(api, intent, made.digest))
    return made


def _committed(api: docker.APIClient, intent: Intent, wait_s: float) -> Snapshot | None:
    """The snapshot that an earlier request has made, or makes within ``wait_s``."""
    deadline = time.monotonic() + wait_s
    while True:
        with contextlib.suppress(docker.errors.ImageNotFound):
            image = api.inspect_image(intent.tag)
            labels = image["Config"]["Labels"] or {}
            ours = labels.get(spec.ATTEMPT) == intent.facts.get("attempt")
            if ours and labels.get(spec.PARENT) == intent.parent_digest:
                return replace(describe(api, image["Id"]), tag=intent.tag)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.2)


def _make(api: docker.APIClient, patience: Patience, intent: Intent) -> str:
    """Ask for the image; its digest. Another attempt's may have the tag: it moves, and the other
    is found without one."""
    origin = intent.parent
    if origin is None:
        origin = describe(api, api.inspect_container(intent.container)["Image"])
    depth = origin.depth + 1
    labels = spec.snapshot_labels(
        intent.run_id, intent.label, intent.parent_digest, depth, intent.facts
    )
    with _long_silences(api):
        if depth >= MAX_DEPTH and not _runs(api, intent.container):
            return flatten(api, patience, intent.container, intent.tag, labels)
        config = spec.image_config(labels)
        where = (repository(intent.run_id), intent.tag.partition(":")[2])
        # One that doesn't run can't be paused, and is committed all the same.
        made = api.commit(intent.container, *where, pause=True, conf=config)
        return str(made["Id"])


def _runs(api: docker.APIClient, container: str) -> bool:
    """An export doesn't pause it. Whatever is committed on top of it is made one layer then."""
    return bool(api.inspect_container(container)["State"]["Running"])


def _remove_doubles(api: docker.APIClient, intent: Intent, kept: str) -> None:
    facts = {
        spec.RUN: intent.run_id,
        spec.NODE: intent.label,
        spec.ATTEMPT: intent.facts.get("attempt", ""),
    }
    wanted = {"label": [f"{key}={value}" for key, value in facts.items()], "dangling": True}
    for image in api.images(filters=wanted):
        if image["Id"] != kept:
            discard(api, image["Id"])


@contextlib.contextmanager
def _long_silences(api: docker.APIClient) -> Iterator[None]:
    """A commit of many gigabytes is silent for minutes, and giving up doesn't stop it."""
    usual, api.timeout = api.timeout, _LONG_S
    try:
        yield
    finally:
        api.timeout = usual


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
    """Remove one image; absent is fine, and so is a tag that somebody gave to an image that is no
    snapshot. ``noprune``: the default would take untagged ancestors along."""
    with contextlib.suppress(docker.errors.ImageNotFound):
        labels = (api.inspect_image(tag)["Config"] or {}).get("Labels") or {}
        if labels.get(spec.KIND) == spec.KIND_SNAPSHOT:
            api.remove_image(tag, noprune=True)


def retag(api: docker.APIClient, digest: str, tag: str) -> None:
    """Give an image a tag, whoever has it now. Raises the client's ``ImageNotFound``."""
    repo, _, name = tag.partition(":")
    api.tag(digest, repo, name, force=True)

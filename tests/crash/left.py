"""What is there that a run has made: on the engine or in the folder that plays one, and on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from runner.sandbox import spec
from runner.sandbox.connect import connect
from runner.sandbox.local import LocalSandbox
from tests.crash.scenes import ENGINE, LOCAL, Place

_BASE_TAG = "oppie/fake-base:latest"
_MAKING = ("new-", "old-", ".")  # what the fake is making or removing; an engine doesn't show it
_SCRATCH = ("*.tmp", "tmp*", "*.part", "*.lock", "fast_import_crash_*")


def containers(place: Place) -> frozenset[str]:
    """The names of a run's containers, running or not."""
    if place.scene.world != ENGINE:
        return frozenset(path.name for path in (place.world / "containers").iterdir())
    return frozenset(name.lstrip("/") for each in _containers(place) for name in each["Names"])


def volumes(place: Place) -> frozenset[str]:
    """The volumes that a run's containers use."""
    if place.scene.world != ENGINE:
        return frozenset()
    mounts = [mount for each in _containers(place) for mount in each["Mounts"]]
    return frozenset(mount["Name"] for mount in mounts if mount["Type"] == "volume")


def all_volumes(place: Place) -> frozenset[str]:
    """The engine's volumes, whosoever they are."""
    if place.scene.world != ENGINE:
        return frozenset()
    with closing(connect()) as client:
        found: list[dict[str, Any]] = client.api.volumes()["Volumes"] or []
    return frozenset(each["Name"] for each in found)


def _containers(place: Place) -> list[dict[str, Any]]:
    with closing(connect()) as client:
        found: list[dict[str, Any]] = client.api.containers(all=True, filters=_of(place))
    return found


def images(place: Place) -> frozenset[str]:
    """The tags of a run's images; the digest of one that has none, and whatever else lies there."""
    if place.scene.world in LOCAL:
        return frozenset(LocalSandbox(LOCAL[0], place.world, place.run_id).leftovers().images)
    if place.scene.world == ENGINE:
        with closing(connect()) as client:
            found = client.api.images(filters=_of(place))
        return frozenset(name for each in found for name in names_of(each))
    tags = {path.readlink().name: path.name for path in _made(place.world / "tags")}
    names = {tags.get(path.name, path.name) for path in _made(place.world / "images")}
    return frozenset(unquote(name) for name in names | set(tags.values())) - {_BASE_TAG}


def _made(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if not path.name.startswith(_MAKING))


def names_of(image: dict[str, Any]) -> list[str]:
    """The tags of an image that an engine has listed, or its digest if it has lost them."""
    tags = [tag for tag in image["RepoTags"] or () if tag != "<none>:<none>"]
    return tags or [image["Id"]]


def processes(place: Place) -> list[str]:
    """The command lines of containers that run, but for an engine's."""
    found, wanted = [], os.fsencode(place.world)
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                line = (process / "cmdline").read_bytes()
                if wanted in line:
                    found.append(os.fsdecode(line.replace(b"\0", b" ")))
    return found


def scratch(place: Place) -> Iterator[str]:
    """Files that were to become others, and were left behind."""
    for pattern in _SCRATCH:
        for path in place.state.rglob(pattern):
            if path.name != "planner.lock":
                yield str(path.relative_to(place.folder))
    yield from (f"tmp/{path.name}" for path in place.scratch.iterdir())


def _of(place: Place) -> dict[str, list[str]]:
    return {"label": [f"{spec.RUN}={place.run_id}"]}

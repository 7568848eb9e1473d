"""The JSON bodies that matter: what a container may be made as, and an image committed as.

A body is read strictly, held against a table, and written anew for the engine, whose own reader takes
keys in any case, and the last of those that are repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from runner.guard.order import Refused
from runner.guard.terms import Terms
from runner.guard.values import (
    BOOLEAN,
    TEXT,
    TEXTS,
    Check,
    check,
    exactly,
    integer,
    list_of,
    map_of,
    matching,
    one_of,
)
from runner.sandbox import spec
from runner.sandbox.protocol import WORKSPACE

_DEPTH_LIMIT = 8
# Objects whose keys are data: they are one value.
_MAPS = frozenset(("Labels", "HostConfig.Tmpfs", "HostConfig.LogConfig.Config"))

_LOG_BOUNDS = ("max-size", "max-file")
_LABELS = map_of(matching(r"io\.oppie\.[a-z]+", "one of oppie's"), TEXT)
_TMPFS_OPTION = r"rw|nosuid|nodev|exec|noexec|(?:mode|size|nr_inodes|uid|gid)=[0-9]+"
_TMPFS = map_of(
    matching(r"(?!/(?:dev|proc|sys)\b)(?:/[a-z]+)+", "a path outside of /dev, /proc and /sys"),
    matching(
        rf"(?=.*nosuid)(?=.*nodev)(?=.*size=)(?:{_TMPFS_OPTION})(?:,(?:{_TMPFS_OPTION}))*",
        "options with nosuid, nodev and a size",
    ),
)
_ULIMITS = list_of(
    Check(
        "must be a named soft and hard limit",
        lambda value: isinstance(value, dict)
        and value.keys() == {"Name", "Soft", "Hard"}
        and value["Name"] in ("core", "fsize", "memlock", "nofile", "nproc", "stack")
        and all(type(value[key]) is int and value[key] >= 0 for key in ("Soft", "Hard")),
    )
)

CONTAINER: dict[str, Check] = {
    "Image": TEXT,
    "User": exactly(spec.USER),
    "WorkingDir": exactly(WORKSPACE),
    "Entrypoint": TEXTS,
    "Cmd": TEXTS,
    "Env": TEXTS,
    "Labels": _LABELS,
    "AttachStdin": BOOLEAN,
    "AttachStdout": BOOLEAN,
    "AttachStderr": BOOLEAN,
    "OpenStdin": BOOLEAN,
    "StdinOnce": BOOLEAN,
    "Tty": BOOLEAN,
    "NetworkDisabled": BOOLEAN,
    "Healthcheck.Test": exactly(["NONE"]),
    "HostConfig.CapDrop": exactly(["ALL"]),
    "HostConfig.SecurityOpt": exactly(["no-new-privileges"]),
    "HostConfig.NetworkMode": TEXT,
    "HostConfig.IpcMode": exactly("private"),
    "HostConfig.Memory": integer(1),
    "HostConfig.MemorySwap": integer(1),
    "HostConfig.NanoCpus": integer(1),
    "HostConfig.PidsLimit": integer(1),
    "HostConfig.ShmSize": integer(0),
    "HostConfig.OomScoreAdj": integer(0, 1000),
    "HostConfig.Init": exactly(True),
    "HostConfig.ReadonlyRootfs": BOOLEAN,
    "HostConfig.Tmpfs": _TMPFS,
    "HostConfig.Ulimits": _ULIMITS,
    "HostConfig.LogConfig.Type": one_of("json-file", "none"),
    "HostConfig.LogConfig.Config": map_of(
        one_of(*_LOG_BOUNDS), matching("[0-9]{1,15}", "a number")
    ),
    "HostConfig.Mounts": Check("must be a list", lambda value: isinstance(value, list)),
    "HostConfig.Runtime": TEXT,
}  # fmt: skip
# Without these a container has more than it should: what the engine takes in their place.
NEEDED = (
    "Image",
    "User",
    "Labels",
    "HostConfig.CapDrop",
    "HostConfig.SecurityOpt",
    "HostConfig.NetworkMode",
    "HostConfig.IpcMode",
    "HostConfig.Memory",
    "HostConfig.MemorySwap",
    "HostConfig.NanoCpus",
    "HostConfig.PidsLimit",
    "HostConfig.LogConfig.Type",
)
COMMITTED: dict[str, Check] = {
    "User": exactly(spec.USER),
    "WorkingDir": exactly(WORKSPACE),
    "Entrypoint": TEXTS,
    "Cmd": TEXTS,
    "Env": TEXTS,
    "Labels": map_of(TEXT, TEXT),  # those of its base as well
}


def read_json(text: bytes) -> Any:
    """JSON in which no key is twice, in UTF-8. Raises ``Refused``."""
    try:
        return json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused("what should be JSON is no plain JSON") from error


def read_object(text: bytes) -> dict[str, Any]:
    """The same, of an object."""
    found = read_json(text)
    if not isinstance(found, dict):
        raise Refused("what should be a JSON object is none")
    return found


def keys_of(body: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """A body's values by their paths: ``{"HostConfig.Memory": 1}``."""
    return dict(_walk(body, before, 0))


def check_container(values: Mapping[str, Any], terms: Terms) -> None:
    """Raises ``Refused`` unless a container of these values is one that oppie makes.

    Image and network are only known to be texts.
    """
    why = check(CONTAINER, values)
    missing = [key for key in NEEDED if key not in values]
    if not why and missing:
        why = f"{missing[0]} is missing"
    if not why and values["HostConfig.Memory"] != values["HostConfig.MemorySwap"]:
        why = "HostConfig.MemorySwap must be HostConfig.Memory: no swap on top"
    if not why and values["HostConfig.LogConfig.Type"] != "none":
        bounds = values.get("HostConfig.LogConfig.Config", {})
        why = "" if len(bounds) == len(_LOG_BOUNDS) else "HostConfig.LogConfig has no bounds"
    runtime = values.get("HostConfig.Runtime", "")
    if not why and runtime and runtime not in terms.runtimes:
        why = f"HostConfig.Runtime {runtime} isn't granted (--runtime)"
    for mount in [] if why else values.get("HostConfig.Mounts", ()):
        why = why or _mount(mount, terms)
    if why:
        raise Refused(f"a container of which {why}")


def check_committed(values: Mapping[str, Any]) -> None:
    """Raises ``Refused`` unless this is the configuration of a snapshot."""
    if why := check(COMMITTED, values):
        raise Refused(f"an image of which {why}")


def written(body: Mapping[str, Any]) -> bytes:
    """The one text of a body."""
    return json.dumps(body).encode("ascii")


def _mount(mount: object, terms: Terms) -> str:
    """Why a mount is refused; empty if it is granted."""
    if mount == {"Type": "volume", "Target": WORKSPACE}:  # without a name: the container's own
        return ""
    source = mount.get("Source") if isinstance(mount, dict) else None
    if not isinstance(mount, dict) or not isinstance(source, str):
        return "HostConfig.Mounts must be a list of mounts with a Source"
    if source not in terms.mounts:
        return f"HostConfig.Mounts: {source} isn't granted (--mount)"
    wanted = {
        "Type": "bind",
        "Source": source,
        "Target": mount.get("Target"),
        "ReadOnly": True,
        "BindOptions": {"Propagation": "rprivate", "NonRecursive": True},
    }
    if mount != wanted or not isinstance(mount["Target"], str):
        return f"HostConfig.Mounts: {source} must be a read-only bind mount of one file system"
    return ""


def _walk(body: Mapping[str, Any], before: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _DEPTH_LIMIT:
        raise Refused("the body is nested too deeply")
    for key, value in body.items():
        path = f"{before}{key}"
        if not key.isalpha():  # a dot would make one path of two keys
            raise Refused(f"{path[:80]!r} is nothing that oppie sets")
        if value and isinstance(value, dict) and path not in _MAPS:
            yield from _walk(value, f"{path}.", depth + 1)
        else:
            yield path, value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no number")

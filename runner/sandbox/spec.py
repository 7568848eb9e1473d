"""Containers planned as data: what is asked of the engine, testable without one."""

from __future__ import annotations

from collections.abc import Mapping

from runner.model import Limits, Mount
from runner.sandbox.protocol import WORKSPACE

USER = "1000:1000"

# Labels. Every object carries RUN and KIND; the same keys are set on containers and on the images
# committed from them, because a commit inherits a container's labels and can't drop a key.
RUN = "io.oppie.run"
KIND = "io.oppie.kind"
ATTEMPT = "io.oppie.attempt"
NODE = "io.oppie.node"
PARENT = "io.oppie.parent"
DEPTH = "io.oppie.depth"
TREE = "io.oppie.tree"
COMMIT = "io.oppie.commit"
REBUILT = "io.oppie.rebuilt"
FACTS = ("io.oppie.actions", TREE, COMMIT, REBUILT)

KIND_STEP = "step"
KIND_SESSION = "session"
KIND_PAUSE = "pause"
KIND_SNAPSHOT = "snapshot"

_BYTES_PER_INODE, _FEWEST_INODES = 1024, 1024


def host_config(limits: Limits, network_mode: str) -> dict[str, object]:
    """The engine's HostConfig for a sandboxed container: DESIGN rule 6, in the API's words."""
    return {
        "NetworkMode": network_mode,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Memory": limits.memory_bytes,
        "MemorySwap": limits.memory_bytes,  # the sum of both: no swap on top
        "NanoCpus": int(limits.cpus * 1e9),
        "PidsLimit": limits.pids,
        "ShmSize": limits.shm_bytes,
        "Tmpfs": {"/tmp": _tmpfs(limits.tmp_bytes, "mode=1777")},
        "Ulimits": [
            {"Name": "nofile", "Soft": limits.open_files, "Hard": limits.open_files},
            {"Name": "core", "Soft": 0, "Hard": 0},  # dumps of memory would go into snapshots
            # What is written before anybody looks; twice, so that the disk limit is hit by then.
            {"Name": "fsize", "Soft": 2 * limits.disk_bytes, "Hard": 2 * limits.disk_bytes},
        ],
        # Two bounded files: what a planner that crashed can still read after the fact.
        "LogConfig": {
            "Type": "json-file",
            "Config": {"max-size": str(max(limits.log_bytes, 4096)), "max-file": "2"},
        },
        "Init": True,
        "IpcMode": "private",
        "OomScoreAdj": 500,
    } | _walls(limits)


def _walls(limits: Limits) -> dict[str, object]:
    """A workspace that stays writable in a read-only file system is a volume, which the engine fills
    from the image and removes with the container."""
    walls: dict[str, object] = {"Runtime": limits.runtime} if limits.runtime else {}
    mounts = [_mount(mount) for mount in limits.mounts]
    if limits.read_only:
        walls["ReadonlyRootfs"] = True
        mounts.append({"Type": "volume", "Target": WORKSPACE})
    return walls | {"Mounts": mounts}


def _mount(mount: Mount) -> dict[str, object]:
    """Only the one file system: what is mounted below it would not be read-only on older kernels."""
    return {
        "Type": "bind",
        "Source": mount.host,
        "Target": mount.at,
        "ReadOnly": True,
        "BindOptions": {"Propagation": "rprivate", "NonRecursive": True},
    }


def _tmpfs(size_bytes: int, *more: str) -> str:
    """Mount options. Empty files take no bytes, so they are counted as well."""
    inodes = max(size_bytes // _BYTES_PER_INODE, _FEWEST_INODES)
    return ",".join(("rw,nosuid,nodev,exec", *more, f"size={size_bytes},nr_inodes={inodes}"))


def container_config(
    image: str,
    command: tuple[str, ...],
    host: Mapping[str, object],
    labels: Mapping[str, str],
    env: tuple[str, ...] = (),
) -> dict[str, object]:
    """The body of a create request. The image's own entrypoint is overruled."""
    return {
        "Image": image,
        "User": USER,
        "WorkingDir": WORKSPACE,
        "Entrypoint": [command[0]],
        "Cmd": list(command[1:]),
        "Labels": dict(labels),
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "OpenStdin": True,
        "StdinOnce": True,
        "NetworkDisabled": False,
        # An image's own check would run beside every measurement.
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": dict(host),
    } | ({"Env": list(env)} if env else {})


def step_labels(run_id: str, kind: str, attempt_id: str) -> dict[str, str]:
    """The labels of a container; the snapshot's keys are there already, and empty."""
    empty = dict.fromkeys((NODE, PARENT, DEPTH, *FACTS), "")
    return empty | {RUN: run_id, KIND: kind, ATTEMPT: attempt_id}


def snapshot_labels(
    run_id: str, label: str, parent_digest: str, depth: int, facts: Mapping[str, str]
) -> dict[str, str]:
    """The labels of a snapshot image; every key of ``step_labels`` is overwritten."""
    labels = dict.fromkeys((ATTEMPT, *FACTS), "")
    labels |= {f"io.oppie.{key}": value for key, value in facts.items()}
    return labels | {
        RUN: run_id,
        KIND: KIND_SNAPSHOT,
        NODE: label,
        PARENT: parent_digest,
        DEPTH: str(depth),
    }


def image_config(labels: Mapping[str, str]) -> dict[str, object]:
    """What a commit must set anew, because it would inherit the container's."""
    return {
        "User": USER,
        "WorkingDir": WORKSPACE,
        "Entrypoint": [],
        "Cmd": ["sh"],
        "Labels": dict(labels),
    }


def import_changes(config: Mapping[str, object], labels: Mapping[str, str]) -> list[str]:
    """Dockerfile lines that restore an image's configuration after export and import."""
    environment = config.get("Env") or []
    assert isinstance(environment, list)
    changes = [f"USER {USER}", f"WORKDIR {WORKSPACE}", 'CMD ["sh"]']
    for entry in environment:
        key, _, value = str(entry).partition("=")
        changes.append(f"ENV {key}={_quoted(value)}")
    changes += [f"LABEL {key}={_quoted(value)}" for key, value in labels.items()]
    return changes


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'

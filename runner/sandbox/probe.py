"""What an engine is, and which of our promises it can keep."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests.exceptions

from runner.sandbox.classify import classify_error, engine_errors
from runner.sandbox.dialect import dialect_of
from runner.sandbox.guarantees import Guarantee, by_word, merged
from runner.sandbox.showing import Showing

_LOW_DISK_BYTES = 5 << 30


class Level(StrEnum):
    """How a finding bears on a run."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``fix`` says what to do where it isn't as it should be."""

    name: str
    level: Level
    value: str
    fix: str = ""


def probe(client: docker.DockerClient) -> tuple[Finding, ...]:
    """Ask the engine about itself. Raises ``EngineError`` if it doesn't answer."""
    try:
        version = client.api.version()
        info = client.api.info()
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise classify_error(error, "ask the engine about itself") from error
    return (
        Finding("endpoint", Level.OK, str(client.api.base_url)),
        _engine(version, client.api.api_version),
        _storage(info),
        _cgroups(info),
        *_limits(info),
        _seccomp(info),
        _init(info),
        disk_room("engine's disk", Path(str(info.get("DockerRootDir") or "/"))),
    )


def guarantees_of(client: docker.DockerClient, image: str = "") -> tuple[Guarantee, ...]:
    """Which promises the engine keeps: by its own word, or, with an ``image`` that has ``python3``,
    as containers of it show. Raises ``EngineError``."""
    with engine_errors("ask the engine about itself"):
        said = by_word(client.api.info(), dialect_of(client.api))
    return merged(said, Showing(client, image).show()) if image else said


def disk_room(name: str, folder: Path) -> Finding:
    """The room on the file system that holds ``folder``; said to be unknown if it isn't here."""
    if not folder.exists():
        return Finding(name, Level.WARN, f"{folder} is not on this machine", "look at it there")
    stat = os.statvfs(folder)
    free_bytes = stat.f_bavail * stat.f_frsize
    text = f"{free_bytes / (1 << 30):.1f} GiB free, {stat.f_favail:,} inodes free ({folder})"
    if free_bytes < _LOW_DISK_BYTES:
        return Finding(name, Level.WARN, text, "make room, or run `oppie gc`")
    return Finding(name, Level.OK, text)


def _engine(version: Mapping[str, Any], api_version: str) -> Finding:
    name = (version.get("Platform") or {}).get("Name") or "Docker Engine"
    components = {entry["Name"] for entry in version.get("Components") or ()}
    if "Podman Engine" in components:
        name = "Podman"
    text = f"{name} {version.get('Version')}, API {api_version} (engine's {version['ApiVersion']})"
    return Finding("engine", Level.OK, text)


def _storage(info: Mapping[str, Any]) -> Finding:
    driver = str(info.get("Driver"))
    status = {str(key): str(value) for key, value in info.get("DriverStatus") or ()}
    if "io.containerd.snapshotter.v1" in status.values():
        return Finding(
            "storage",
            Level.WARN,
            f"{driver}, containerd image store",
            "commits are several times slower here; the classic store (overlay2) is quicker",
        )
    if driver == "vfs":
        return Finding("storage", Level.WARN, driver, "every layer is a full copy; use overlay2")
    return Finding("storage", Level.OK, f"{driver}, classic image store")


def _cgroups(info: Mapping[str, Any]) -> Finding:
    text = f"cgroup v{info.get('CgroupVersion', '1')}, driver {info.get('CgroupDriver')}"
    if info.get("CgroupDriver") == "none":
        return Finding(
            "cgroups", Level.FAIL, text, "limits can't hold; delegate cgroups to the engine's user"
        )
    return Finding("cgroups", Level.OK, text)


def _limits(info: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Which limits the kernel lets the engine enforce."""
    wanted = {
        "memory limit": "MemoryLimit",
        "swap limit": "SwapLimit",
        "process limit": "PidsLimit",
        "CPU limit": "CpuCfsQuota",
    }
    fix = "enable this controller in the kernel (for example cgroup_enable=memory swapaccount=1)"
    return tuple(
        Finding(name, Level.OK, "will hold")
        if info.get(key)
        else Finding(name, Level.WARN, "will NOT hold on this engine", fix)
        for name, key in wanted.items()
    )


def _seccomp(info: Mapping[str, Any]) -> Finding:
    options = [str(option) for option in info.get("SecurityOptions") or ()]
    if any("seccomp" in option and "unconfined" not in option for option in options):
        rootless = ", rootless" if any("rootless" in option for option in options) else ""
        return Finding("system calls", Level.OK, "filtered by the engine's profile" + rootless)
    return Finding(
        "system calls", Level.WARN, "not filtered", "use an engine that was built with seccomp"
    )


def _init(info: Mapping[str, Any]) -> Finding:
    binary = info.get("InitBinary")
    if binary:
        return Finding("init", Level.OK, str(binary))
    return Finding("init", Level.WARN, "none", "install docker-init (Debian: package tini)")

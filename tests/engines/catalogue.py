"""Which engines there are: what: the suite that has it, its packages, its command, its features."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

HOME = "/srv/engine"  # the engine's own folder, as it sees it
SOCKET = "/srv/socket/engine.sock"

DOCKER_PACKAGES = ("docker.io", "tini", "xz-utils", "iproute2", "iptables", "mount")
PODMAN_PACKAGES = ("podman", "crun", "catatonit", "tini", "iproute2", "nftables", "iptables")
ROOTLESS_PACKAGES = ("rootlesskit", "slirp4netns", "uidmap")


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine. ``suite`` is Debian's; ``files`` are written below ``HOME`` before the start.

    ``version`` is how the version begins that the engine tells of itself.
    """

    name: str
    title: str
    suite: str
    version: str
    packages: tuple[str, ...]
    command: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


def _dockerd(*more: str) -> tuple[str, ...]:
    return (
        "dockerd",
        f"--host=unix://{SOCKET}",
        f"--data-root={HOME}/data",
        "--exec-root=/run/docker",
        "--pidfile=/run/docker.pid",
        "--iptables=false",
        "--ip6tables=false",
        f"--config-file={HOME}/daemon.json",
        *more,
    )


def _podman(name: str, title: str, suite: str, version: str) -> Engine:
    config = (
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        '[containers]\nlog_driver = "k8s-file"\n'
    )
    return Engine(
        name,
        title,
        suite,
        version,
        PODMAN_PACKAGES,
        (
            "podman",
            f"--root={HOME}/data",
            "--runroot=/run/podman",
            "--storage-driver=overlay",
            "system",
            "service",
            "--time=0",
            f"unix://{SOCKET}",
        ),
        {"containers.conf": config},
        {"CONTAINERS_CONF": f"{HOME}/containers.conf", "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"},
    )


_OVERLAY2 = {"daemon.json": json.dumps({"storage-driver": "overlay2"})}
_CONTAINERD = {"daemon.json": json.dumps({"features": {"containerd-snapshotter": True}})}

# As Docker's own script for a session of a user's, but for the session.
_ROOTLESS = f"""\
set -eu
grep -q '^engine:' /etc/passwd || {{
    echo 'engine:x:1999:1999::{HOME}:/bin/sh' >>/etc/passwd
    echo 'engine:x:1999:' >>/etc/group
    echo 'engine:300000:65536' >>/etc/subuid
    echo 'engine:300000:65536' >>/etc/subgid
}}
mkdir -p /run/user/1999
chown 1999:1999 /run/user/1999 {HOME} {SOCKET.rpartition("/")[0]}
export HOME={HOME} XDG_RUNTIME_DIR=/run/user/1999
exec setpriv --reuid=1999 --regid=1999 --clear-groups \\
    /usr/share/docker.io/contrib/dockerd-rootless.sh --host=unix://{SOCKET} \\
    --data-root={HOME}/data --iptables=false --ip6tables=false --storage-driver=overlay2
"""

ENGINES = (
    Engine(
        "docker-20.10",
        "Docker 20.10, overlay2",
        "bookworm",
        "20.10.",
        DOCKER_PACKAGES,
        _dockerd(),
        _OVERLAY2,
    ),
    Engine(
        "docker-26.1",
        "Docker 26.1, overlay2",
        "trixie",
        "26.1.",
        DOCKER_PACKAGES,
        _dockerd(),
        _OVERLAY2,
    ),
    Engine(
        "docker-26.1-containerd",
        "Docker 26.1, containerd image store",
        "trixie",
        "26.1.",
        DOCKER_PACKAGES,
        _dockerd(),
        _CONTAINERD,
    ),
    Engine(
        "docker-26.1-rootless",
        "Docker 26.1, rootless",
        "trixie",
        "26.1.",
        (*DOCKER_PACKAGES, *ROOTLESS_PACKAGES),
        ("sh", f"{HOME}/rootless.sh"),
        {"rootless.sh": _ROOTLESS},
    ),
    _podman("podman-5.4", "Podman 5.4", "trixie", "5.4."),
)


def engine_called(name: str) -> Engine:
    """Raises ``KeyError`` with the names that there are."""
    for engine in ENGINES:
        if engine.name == name:
            return engine
    raise KeyError(f"{name} is none of {', '.join(engine.name for engine in ENGINES)}")


def packages_of(suite: str) -> tuple[str, ...]:
    """The packages of all engines that one suite has: they share a root file system."""
    wanted = {name for engine in ENGINES if engine.suite == suite for name in engine.packages}
    return tuple(sorted(wanted))

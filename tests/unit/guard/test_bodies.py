"""What a container may be made as: what ``spec`` makes, and nothing that is more."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from runner.guard.bodies import (
    NEEDED,
    check_committed,
    check_container,
    keys_of,
    read_object,
    written,
)
from runner.guard.order import Refused
from runner.guard.terms import Terms
from runner.model import Limits, Mount
from runner.sandbox import spec

LABELS = spec.step_labels("r-1", spec.KIND_STEP, "A-1")
LIMITS = Limits(runtime="runsc", mounts=(Mount("/data", "/mnt"),))
TERMS = Terms(mounts=frozenset(("/data",)), runtimes=frozenset(("runsc",)))


def body(limits: Limits = LIMITS) -> dict[str, Any]:
    """A container's configuration as it is sent."""
    host = spec.host_config(limits, "none")
    config = spec.container_config("oppie/agent:latest", ("sh", "-s"), host, LABELS, ("A=b",))
    found: dict[str, Any] = json.loads(json.dumps(config))
    return found


def refusal(found: dict[str, Any], terms: Terms = TERMS) -> str:
    with pytest.raises(Refused) as told:
        check_container(keys_of(found), terms)
    return str(told.value)


@pytest.mark.parametrize("limits", [LIMITS, Limits(), Limits(read_only=True, open_files=64)])
def test_what_spec_makes_passes(limits: Limits) -> None:
    check_container(keys_of(body(limits)), TERMS)
    check_container(keys_of(body(limits) | {"Tty": True}), TERMS)


def test_a_forwarder_without_a_log_passes() -> None:
    found = body()
    found["HostConfig"]["LogConfig"] = {"Type": "none"}
    check_container(keys_of(found), TERMS)


@pytest.mark.parametrize("key", NEEDED)
def test_nothing_that_shuts_it_in_may_be_left_out(key: str) -> None:
    found = body()
    holder: Any = found
    *above, last = key.split(".")
    for name in above:
        holder = holder[name]
    del holder[last]
    assert f"{key} is missing" in refusal(found)


def host(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda found: found["HostConfig"].update({key: value})


def top(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda found: found.update({key: value})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (host("Privileged", True), "HostConfig.Privileged is nothing that oppie sets"),
        (host("privileged", True), "HostConfig.privileged is nothing"),
        (host("Privileged", {}), "HostConfig.Privileged is nothing"),
        (host("CapAdd", ["SYS_ADMIN"]), "HostConfig.CapAdd is nothing"),
        (host("CapDrop", []), 'HostConfig.CapDrop must be ["ALL"]'),
        (host("capdrop", []), "HostConfig.capdrop is nothing"),
        (host("Binds", ["/:/host"]), "HostConfig.Binds is nothing"),
        (host("Devices", [{"PathOnHost": "/dev/sda"}]), "HostConfig.Devices is nothing"),
        (host("DeviceRequests", []), "HostConfig.DeviceRequests is nothing"),
        (host("DeviceCgroupRules", ["a *:* rwm"]), "HostConfig.DeviceCgroupRules is nothing"),
        (host("PidMode", "host"), "HostConfig.PidMode is nothing"),
        (host("UTSMode", "host"), "HostConfig.UTSMode is nothing"),
        (host("UsernsMode", "host"), "HostConfig.UsernsMode is nothing"),
        (host("CgroupParent", "/"), "HostConfig.CgroupParent is nothing"),
        (host("VolumesFrom", ["db"]), "HostConfig.VolumesFrom is nothing"),
        (host("Sysctls", {"kernel.shmmax": "1"}), "HostConfig.Sysctls"),
        (host("IpcMode", "host"), 'HostConfig.IpcMode must be "private"'),
        (host("SecurityOpt", ["seccomp=unconfined"]), "HostConfig.SecurityOpt must be"),
        (host("SecurityOpt", ["no-new-privileges", "apparmor=unconfined"]), "HostConfig.SecurityOpt"),
        (host("Memory", 0), "HostConfig.Memory must be a whole number from 1"),
        (host("Memory", True), "HostConfig.Memory must be"),
        (host("MemorySwap", 1 << 40), "no swap on top"),
        (host("PidsLimit", -1), "HostConfig.PidsLimit must be"),
        (host("OomScoreAdj", -1000), "HostConfig.OomScoreAdj must be"),
        (host("LogConfig", {"Type": "syslog", "Config": {}}), "HostConfig.LogConfig.Type must be"),
        (host("LogConfig", {"Type": "json-file", "Config": {}}), "HostConfig.LogConfig has no bounds"),
        (host("Tmpfs", {"/tmp": "rw,exec,size=1"}), "HostConfig.Tmpfs must be"),
        (host("Tmpfs", {"/proc": "nosuid,nodev,size=1"}), "HostConfig.Tmpfs must be"),
        (host("Ulimits", [{"Name": "rtprio", "Soft": 9, "Hard": 9}]), "HostConfig.Ulimits must be"),
        (host("Runtime", "other"), "HostConfig.Runtime other isn't granted (--runtime)"),
        (host("Mounts", {}), "HostConfig.Mounts"),
        (top("User", "0:0"), 'User must be "1000:1000"'),
        (top("User", "root"), "User must be"),
        (top("Volumes", {"/v": {}}), "Volumes"),
        (top("NetworkingConfig", {"EndpointsConfig": {"host": {}}}), "NetworkingConfig"),
        (top("Labels", {"io.oppie.run": 1}), "Labels must be"),
        (top("Labels", {"com.docker.compose.project": "x"}), "Labels must be"),
        (top("Healthcheck", {"Test": ["CMD", "true"]}), "Healthcheck.Test must be"),
        (top("HostConfig.CapDrop", ["ALL"]), "'HostConfig.CapDrop' is nothing"),
    ],
)  # fmt: skip
def test_more_than_that_is_refused(change: Callable[[dict[str, Any]], None], why: str) -> None:
    found = body()
    change(found)
    assert why in refusal(found)


@pytest.mark.parametrize(
    "change",
    [
        {"Source": "/"},
        {"Source": "/data/../etc"},
        {"Source": "/var/run/docker.sock"},
        {"ReadOnly": False},
        {"Type": "volume"},
        {"Type": "volume", "Source": "somebodys", "Target": "/workspace"},
        {"BindOptions": {"Propagation": "rshared", "NonRecursive": True}},
        {"readonly": False},
        {"Consistency": "default"},
    ],
)
def test_only_granted_mounts_and_only_for_reading(change: dict[str, Any]) -> None:
    found = body()
    found["HostConfig"]["Mounts"][0] |= change
    assert "HostConfig.Mounts: " in refusal(found)


def test_nothing_is_granted_by_itself() -> None:
    assert "/data isn't granted" in refusal(body(Limits(mounts=LIMITS.mounts)), Terms())
    assert "runsc isn't granted" in refusal(body(Limits(runtime="runsc")), Terms())


def test_an_image_is_committed_for_the_same_user() -> None:
    config = spec.image_config({**LABELS, spec.KIND: spec.KIND_SNAPSHOT})
    check_committed(keys_of(config))
    for change in ({"User": "0"}, {"Volumes": {"/": {}}}, {"OnBuild": ["RUN x"]}):
        with pytest.raises(Refused):
            check_committed(keys_of(config | change))


@pytest.mark.parametrize(
    "text",
    [
        b'{"User": "1000:1000", "User": "0"}',
        b'{"a": {"b": 1, "b": 2}}',
        b"[]",
        b"{} {}",
        b"\xff",
        b'{"a": NaN}',
        b"[" * 100_000,
        b"",
    ],
)
def test_a_body_that_could_be_read_in_two_ways_is_refused(text: bytes) -> None:
    with pytest.raises(Refused):
        read_object(text)


def test_a_body_is_written_anew_and_means_the_same() -> None:
    found = read_object('{"Labels": {"a": "\\u00e4\u2028"}}'.encode())
    assert json.loads(written(found)) == found == {"Labels": {"a": "\u00e4\u2028"}}
    deep: dict[str, Any] = {}
    for _ in range(20):
        deep = {"a": deep}
    with pytest.raises(Refused, match="nested"):
        keys_of(deep)

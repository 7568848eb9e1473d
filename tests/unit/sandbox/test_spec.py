"""What is asked of the engine, as data."""

from __future__ import annotations

from typing import Any, cast

from runner.model import Limits, Mount
from runner.sandbox import spec

LIMITS = Limits(
    memory_bytes=100 << 20,
    cpus=1.5,
    pids=64,
    open_files=1024,
    log_bytes=1 << 20,
    tmp_bytes=8 << 20,
    shm_bytes=4 << 20,
    disk_bytes=10 << 20,
)


def test_the_whole_of_a_containers_limits() -> None:
    assert spec.host_config(LIMITS, "container:pause") == {
        "NetworkMode": "container:pause",
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Memory": 104857600,
        "MemorySwap": 104857600,
        "NanoCpus": 1500000000,
        "PidsLimit": 64,
        "ShmSize": 4194304,
        "Tmpfs": {"/tmp": "rw,nosuid,nodev,exec,mode=1777,size=8388608,nr_inodes=8192"},
        "Ulimits": [
            {"Name": "nofile", "Soft": 1024, "Hard": 1024},
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "fsize", "Soft": 20971520, "Hard": 20971520},
        ],
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "1048576", "max-file": "2"}},
        "Mounts": [],
        "Init": True,
        "IpcMode": "private",
        "OomScoreAdj": 500,
    }


def test_a_runtime_is_named_to_the_engine_where_the_task_names_one() -> None:
    assert spec.host_config(Limits(runtime="runsc"), "none")["Runtime"] == "runsc"


def test_the_log_on_the_engine_is_bounded_whatever_the_cap() -> None:
    config = spec.host_config(Limits(log_bytes=1), "none")["LogConfig"]
    assert config == {"Type": "json-file", "Config": {"max-size": "4096", "max-file": "2"}}


def test_a_container_gets_no_environment_no_mounts_and_no_other_user() -> None:
    labels = spec.step_labels("r1", spec.KIND_STEP, "A.1-1")
    config = spec.container_config("sha256:x", ("sh", "-c", "a b"), {"NetworkMode": "n"}, labels)
    assert config == {
        "Image": "sha256:x",
        "User": "1000:1000",
        "WorkingDir": "/workspace",
        "Entrypoint": ["sh"],
        "Cmd": ["-c", "a b"],
        "Labels": labels,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "OpenStdin": True,
        "StdinOnce": True,
        "NetworkDisabled": False,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {"NetworkMode": "n"},
    }


def test_a_snapshots_labels_overwrite_all_of_its_containers() -> None:
    container = spec.step_labels("r1", spec.KIND_STEP, "A.1-1")
    facts = {"attempt": "A.1-1", "actions": "a b", "tree": "t", "commit": "c"}
    snapshot = spec.snapshot_labels("r1", "A.1", "sha256:p", 7, facts)
    assert snapshot == {
        "io.oppie.run": "r1",
        "io.oppie.kind": "snapshot",
        "io.oppie.attempt": "A.1-1",
        "io.oppie.node": "A.1",
        "io.oppie.parent": "sha256:p",
        "io.oppie.depth": "7",
        "io.oppie.actions": "a b",
        "io.oppie.tree": "t",
        "io.oppie.commit": "c",
        "io.oppie.rebuilt": "",
    }
    assert container.keys() == snapshot.keys()
    assert {key: value for key, value in container.items() if value} == {
        "io.oppie.run": "r1",
        "io.oppie.kind": "step",
        "io.oppie.attempt": "A.1-1",
    }


def test_a_snapshot_without_facts_inherits_none() -> None:
    labels = spec.snapshot_labels("r1", "A", "", 1, {})
    assert labels.keys() == spec.step_labels("r1", spec.KIND_STEP, "A-1").keys()
    assert (labels["io.oppie.attempt"], labels["io.oppie.actions"]) == ("", "")


def test_an_import_restores_the_configuration() -> None:
    config = {"Env": ["PATH=/usr/bin:/bin", 'ODD=a "b" $c \\d', "EMPTY="], "Labels": {"old": "1"}}
    assert spec.import_changes(config, {"io.oppie.run": "r 1"}) == [
        "USER 1000:1000",
        "WORKDIR /workspace",
        'CMD ["sh"]',
        'ENV PATH="/usr/bin:/bin"',
        'ENV ODD="a \\"b\\" \\$c \\\\d"',
        'ENV EMPTY=""',
        'LABEL io.oppie.run="r 1"',
    ]


def test_an_import_of_an_image_without_an_environment() -> None:
    assert spec.import_changes({"Env": None}, {})[-1] == 'CMD ["sh"]'


def mounts_of(limits: Limits) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", spec.host_config(limits, "none")["Mounts"])


def test_a_mount_can_be_read_only() -> None:
    [mount] = mounts_of(Limits(mounts=(Mount("/srv/data", "/data"),)))
    assert (mount["Source"], mount["Target"], mount["ReadOnly"]) == ("/srv/data", "/data", True)
    assert mount["BindOptions"]["NonRecursive"]


def test_who_may_not_write_reads_the_mounts_all_the_same() -> None:
    limits = Limits(read_only=True, mounts=(Mount("/srv/data", "/data"),))
    assert [each["Target"] for each in mounts_of(limits)] == ["/data", "/workspace"]

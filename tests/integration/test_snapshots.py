"""Snapshots on a real engine: what a commit inherits, and long chains."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from worlds import Bench, World

from runner.errors import TaskError
from runner.model import Limits, Snapshot
from runner.sandbox import snapshots, spec

pytestmark = pytest.mark.engine
CHAIN = 130
ODD = {"ODD": 'a "b" $HOME ${x} \\n \\\\ %s #', "EMPTY": "", "UTF": "größe ☃"}


@pytest.fixture
def lab(engine_bench: Bench) -> Bench:
    return engine_bench


def config_of(client: docker.DockerClient, reference: str) -> dict[str, Any]:
    """What an image tells its containers; what is empty is left out."""
    config = client.api.inspect_image(reference)["Config"]
    wanted = ("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Labels", "Volumes", "ExposedPorts")
    found = {key: config.get(key) for key in wanted if config.get(key)}
    # Podman keeps no order, and says in each container whose it is.
    return found | {"Env": sorted({*found["Env"]} - {"container=podman"})}


@pytest.fixture(scope="module")
def odd_image(engine_world: World, client: docker.DockerClient) -> Iterator[str]:
    """The agent image with an odd environment, an entrypoint, a health check, a label, and a file
    that has a capability."""
    name, tag = f"oppie-{engine_world.run_id}-odd", f"oppie-test/{engine_world.run_id}:odd"
    program = (
        "import os, shutil; shutil.copy('/bin/true', '/usr/local/able');"
        "value = bytes.fromhex('0100000200200000000000000000000000000000');"
        "os.setxattr('/usr/local/able', 'security.capability', value);"
        "os.chown('/opt', 7, 8); os.chmod('/opt', 0o2751)"
    )
    command = ["-c", program]
    client.api.create_container(
        engine_world.image,
        command,
        name=name,
        user="0",
        entrypoint=["python3"],
        host_config={"NetworkMode": "none"},
    )
    environment = client.api.inspect_image(engine_world.image)["Config"]["Env"]
    conf = {
        "Env": environment + [f"{key}={value}" for key, value in ODD.items()],
        "Entrypoint": ["sh", "-c"],
        "Cmd": ["exit 99"],
        "Labels": {"org.example.title": 'it\'s "odd"'},
        "Healthcheck": {"Test": ["CMD", "touch", "/tmp/checked"], "Interval": 1_000_000_000},
    }
    try:
        client.api.start(name)
        assert client.api.wait(name)["StatusCode"] == 0, client.api.logs(name)
        client.api.commit(name, *tag.split(":"), conf=conf)
    finally:
        client.api.remove_container(name, force=True)
    yield tag
    client.api.remove_image(tag, noprune=True)


def test_nothing_of_a_container_is_inherited_over_five_generations(
    lab: Bench, client: docker.DockerClient, odd_image: str
) -> None:
    before = config_of(client, odd_image)
    snapshot: Snapshot | None = None
    for generation in range(1, 6):
        step = lab.step("touch f; exit 0", snapshot.digest if snapshot else odd_image)
        result = lab.run(step)
        facts = {"attempt": f"A-{generation}", "actions": "a b"} if generation == 3 else {}
        parent_digest = snapshot.digest if snapshot else ""
        snapshot = lab.commit(result.container, f"A{'.1' * generation}", snapshot, facts)
        lab.sandbox.remove(result.container)
        assert config_of(client, snapshot.tag) == {
            "Env": before["Env"],
            "Cmd": ["sh"],
            "User": "1000:1000",
            "WorkingDir": "/workspace",
            "Labels": {
                **before["Labels"],
                **dict.fromkeys((spec.ATTEMPT, *spec.FACTS), ""),
                **{f"io.oppie.{key}": value for key, value in facts.items()},
                spec.RUN: lab.world.run_id,
                spec.KIND: spec.KIND_SNAPSHOT,
                spec.NODE: f"{lab.label}.A{'.1' * generation}",
                spec.PARENT: parent_digest,
                spec.DEPTH: str(snapshot.depth),
            },
        }


def test_an_images_own_entrypoint_and_health_check_are_not_run(lab: Bench, odd_image: str) -> None:
    result, said = lab.sh("sleep 2.5; printenv ODD; ls -A /tmp", odd_image)
    assert result.code == 0
    assert said.decode().splitlines() == [ODD["ODD"]]


def test_a_name_in_a_label_is_no_instruction(lab: Bench) -> None:
    """Facts hold names that a user gave to files: they are data, on both ways to a snapshot."""
    odd = "a'b\"c $(id) ${x} \\ ☃"
    result, _ = lab.sh("true")
    snapshot = lab.commit(result.container, "A", facts={"attempt": "A-1", "actions": odd})
    api = lab.sandbox._client.api  # type: ignore[attr-defined]
    labels = api.inspect_image(snapshot.tag)["Config"]["Labels"]
    assert labels["io.oppie.actions"] == odd


def test_a_commit_that_the_client_gave_up_on_is_not_made_twice(
    lab: Bench, client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, _ = lab.sh("head -c 300000000 /dev/zero >big")
    label, facts = f"{lab.label}.A", {"attempt": "A-1"}
    with monkeypatch.context() as hasty:
        hasty.setattr(snapshots, "_LONG_S", 0.15)
        made = lab.sandbox.commit(result.container, label, None, facts)
    tag = snapshots.tag_of(lab.world.run_id, label)
    assert client.api.inspect_image(tag)["Id"] == made.digest
    assert lab.commit(result.container, "A", facts=facts).digest == made.digest
    wanted = {"label": [f"{spec.RUN}={lab.world.run_id}", f"{spec.NODE}={label}"]}
    assert [image["Id"] for image in client.api.images(filters=wanted)] == [made.digest]


def test_a_volume_over_the_workspace_is_refused(lab: Bench, client: docker.DockerClient) -> None:
    result, _ = lab.sh("true")
    tag = f"oppie/{lab.world.run_id}:volume"
    labels = {spec.RUN: lab.world.run_id}
    client.api.commit(
        result.container, *tag.split(":"), conf={"Volumes": {"/workspace": {}}, "Labels": labels}
    )
    with pytest.raises(TaskError, match="declares the volume /workspace"):
        lab.sandbox.find(tag)
    client.api.remove_image(tag, noprune=True)


# -- a chain beyond the engine's limit ---------------------------------------------------------

# What a generation does to the workspace: each eighth one is a process, the others are archives.
# (None may change nothing: an empty commit makes an image, and no layer.)
CHANGE = """
echo {n} >>history; rm -f made-{gone} gone-{n}; touch gone-$(({n} + 1)); ln -sf history last-{n}; mkdir -p d/{n}; chmod 75{mode} d/{n}
head -c 1000 /dev/zero >d/{n}/zero; chmod {mode}44 d/{n}/zero; touch -d '2021-01-01 00:00:{n:02d}' d/{n}/zero
ln -f history hard
"""


def archive_of(n: int) -> bytes:
    """One file that is new in generation ``n``, and one that each generation replaces."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in (f"made-{n}", "replaced"):
            member = tarfile.TarInfo(f"workspace/{name}")
            content = f"{name} {n}\n".encode()
            member.size, member.uid, member.gid, member.mtime = (
                len(content),
                1000,
                1000,
                1_600_000_000 + n,
            )
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def grow(lab: Bench, client: docker.DockerClient, n: int, parent: str) -> str:
    """The name of a stopped container in which generation ``n`` has happened."""
    if n % 8 == 0:
        change = CHANGE.format(n=n // 8, gone=n - 5, mode=4 + n // 8 % 4)
        result, said = lab.sh(change, parent)
        assert result.code == 0, said
        return result.container
    name = f"oppie-{lab.world.run_id}-grown-{n}"
    labels = spec.step_labels(lab.world.run_id, spec.KIND_STEP, f"A-{n}")
    config = spec.container_config(parent, ("true",), {"NetworkMode": "none"}, labels)
    client.api.create_container_from_config(config, name)
    client.api.put_archive(name, "/", archive_of(n))
    return name


def chain(lab: Bench, client: docker.DockerClient, image: str) -> list[Snapshot]:
    """A chain of ``CHAIN`` snapshots."""
    made: list[Snapshot] = []
    for n in range(1, CHAIN + 1):
        container = grow(lab, client, n, made[-1].digest if made else image)
        made.append(lab.commit(container, f"A-{n}", made[-1] if made else None))
        lab.sandbox.remove(container)
    return made


def in_one_container(lab: Bench, image: str) -> str:
    """What the chain does, done without a snapshot; the name of the stopped container."""
    script = ["cd /workspace"]
    for n in range(1, CHAIN + 1):
        if n % 8 == 0:
            script.append(CHANGE.format(n=n // 8, gone=n - 5, mode=4 + n // 8 % 4))
        else:
            at = f"@{1_600_000_000 + n}"
            names = (f"made-{n}", "replaced")
            script.extend(f"echo {name} {n} >{name}; touch -d {at} {name}" for name in names)
    result, said = lab.sh("\n".join(script), image)
    assert result.code == 0, said
    return result.container


def workspace_of(lab: Bench, container: str) -> dict[str, tuple[object, ...]]:
    """Type, mode, owner, link and content of everything; times of what was given one."""
    found: dict[str, tuple[object, ...]] = {}
    with lab.open_archive(container) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            content = hashlib.sha256(file.read()).hexdigest() if file else ""
            timed = member.name.endswith(("zero", "replaced")) or "made-" in member.name
            found[member.name] = (
                b"link" if member.islnk() else member.type,
                oct(member.mode),
                member.uid,
                member.gid,
                member.linkname,
                content,
                int(member.mtime) if timed else None,
            )
    return found


# Everything else: type, mode, owner, link and extended attributes of each path, and size and time of
# files (a start makes mount points, and so changes the times of folders).
EVERYTHING = r"""
import os, sys
skipped = {"/proc", "/sys", "/dev", "/tmp", "/workspace", "/.dockerenv", "/run/.containerenv", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"}
pending = ["/"]
while pending:
    folder = pending.pop()
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.path in skipped:
            continue
        facts = entry.stat(follow_symlinks=False)
        link = os.readlink(entry.path) if entry.is_symlink() else ""
        names = os.listxattr(entry.path, follow_symlinks=False)
        values = [(name, os.getxattr(entry.path, name, follow_symlinks=False).hex()) for name in names]
        changing = (0, 0) if entry.is_dir(follow_symlinks=False) else (facts.st_size, int(facts.st_mtime))
        print(entry.path, oct(facts.st_mode), facts.st_uid, facts.st_gid, *changing, link, values)
        if entry.is_dir(follow_symlinks=False) and os.access(entry.path, os.R_OK | os.X_OK):
            pending.append(entry.path)
"""


def everything(lab: Bench, image: str) -> list[str]:
    result, said = lab.sh(f"python3 - <<'END'\n{EVERYTHING}\nEND\n", image, log_bytes=100 << 20)
    assert result.code == 0, said[-500:]
    return said.decode().splitlines()


def test_a_chain_of_130_has_the_same_content_and_configuration_as_without_flattening(
    lab: Bench, client: docker.DockerClient, odd_image: str
) -> None:
    made = chain(lab, client, odd_image)
    depths = [snapshot.depth for snapshot in made]
    assert max(depths) < snapshots.MAX_DEPTH
    flat = depths.index(1)
    assert depths[flat + 1 :] == list(range(2, CHAIN - flat + 1))
    assert [int(label_of(client, snapshot, spec.DEPTH)) for snapshot in made] == depths

    last = lab.sh("true", made[-1].digest)[0].container
    assert workspace_of(lab, last) == workspace_of(lab, in_one_container(lab, odd_image))
    _, history = lab.sh("cat history; ls gone-*", made[-1].digest)
    turns = CHAIN // 8
    assert history.split() == [b"%d" % n for n in range(1, turns + 1)] + [b"gone-%d" % (turns + 1)]

    before, after = config_of(client, made[flat - 1].tag), config_of(client, made[flat].tag)
    own = {spec.ATTEMPT, spec.NODE, spec.PARENT, spec.DEPTH}
    for config in (before, after):
        config["Labels"] = {k: v for k, v in config["Labels"].items() if k not in own}
    assert after == before
    assert label_of(client, made[flat], spec.PARENT) == made[flat - 1].digest

    outside = everything(lab, made[flat].digest)
    assert outside == everything(lab, made[flat - 1].digest)
    assert any(
        line.startswith("/usr/local/able ") and "security.capability" in line for line in outside
    )
    assert any(line.startswith("/opt 0o42751 7 8 ") for line in outside)


def label_of(client: docker.DockerClient, snapshot: Snapshot, key: str) -> str:
    labels: dict[str, str] = client.api.inspect_image(snapshot.tag)["Config"]["Labels"]
    return labels[key]


def test_limits_are_part_of_no_snapshot(lab: Bench, client: docker.DockerClient) -> None:
    snapshot = lab.child("touch f", "A")
    result, _ = lab.sh("ulimit -n", snapshot.digest, open_files=123)
    ulimits = client.api.inspect_container(result.container)["HostConfig"]["Ulimits"]
    (files,) = [limit for limit in ulimits if limit["Name"] in ("nofile", "RLIMIT_NOFILE")]
    assert files["Soft"] == files["Hard"] == 123
    _, said = lab.sh("ulimit -n", snapshot.digest, open_files=Limits().open_files)
    assert said.strip() == b"4096"

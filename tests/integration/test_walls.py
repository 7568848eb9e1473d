"""How containers are shut in, held against a real engine: what ``[sandbox]`` and the defaults say."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from io import BytesIO

import docker
import pytest
from worlds import Bench

from runner.errors import EngineError
from runner.sandbox.protocol import Exit, Step
from runner.sandbox.runtime import demand_runtime

pytestmark = pytest.mark.engine
MB = 1 << 20


@pytest.fixture
def lab(engine_bench: Bench) -> Bench:
    return engine_bench


def packed(**members: bytes | None) -> list[bytes]:
    """An archive of folders (``None``) and files below the workspace, as evidence gives it."""
    made = BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, data in [("", None), *members.items()]:
            info = tarfile.TarInfo(f"workspace/{name}".rstrip("/"))
            info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            info.uid, info.gid, info.size, info.mode = 1000, 1000, len(data or b""), 0o755
            tar.addfile(info, BytesIO(data or b""))
    return [made.getvalue()]


# -- the defaults ------------------------------------------------------------------------------

FACTS = r"""
import json, os, resource
def tail(path):
    try:
        return open(path, "rb").read(64).decode("latin-1")
    except OSError as error:
        return os.strerror(error.errno)
mounts = {line.split()[1]: line.split()[3].split(",") for line in open("/proc/mounts")}
print(json.dumps({
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "fsize": resource.getrlimit(resource.RLIMIT_FSIZE),
    "tmp_inodes": os.statvfs("/tmp").f_files,
    "masked": {path: tail(path) for path in ("/proc/keys", "/proc/timer_list")},
    "read_only": [path for path in ("/proc/sys", "/proc/bus", "/proc/irq", "/sys") if "ro" in mounts[path]],
    "writable": sorted(path for path, how in mounts.items()
                       if "rw" in how and os.access(path, os.W_OK) and os.path.isdir(path)),
    "oom": int(open("/proc/self/oom_score_adj").read()),
    "pids": sorted(filter(str.isdigit, os.listdir("/proc"))),
}))
"""


def test_the_defaults_from_inside(lab: Bench) -> None:
    step = lab.step(disk_bytes=64 * MB, tmp_bytes=8 * MB)
    lab.run(replace(step, command=("python3", "-c", FACTS)))
    found = json.loads(lab.log(step).read_text())
    assert found["core"] == [0, 0]
    assert found["fsize"] == [128 * MB, 128 * MB]
    assert found["tmp_inodes"] == 8192
    assert found["masked"] == dict.fromkeys(("/proc/keys", "/proc/timer_list"), "")
    assert found["read_only"] == ["/proc/sys", "/proc/bus", "/proc/irq", "/sys"]
    # Memory all of them, each with a limit of its own, or the container's.
    assert set(found["writable"]) <= {"/tmp", "/dev/shm", "/dev/mqueue", "/dev", "/"}
    assert found["oom"] == 500
    assert len(found["pids"]) == 2  # the init, and this one


# -- a read-only root --------------------------------------------------------------------------


def test_a_read_only_root_leaves_the_workspace(lab: Bench, client: docker.DockerClient) -> None:
    base = lab.child("mkdir sub; echo image >sub/old; echo image >both; chmod 0711 sub", "A")
    script = (
        "cat sub/old both new; stat -c '%a %u' . sub; echo made >sub/made; echo x >/tmp/x && echo x >/dev/shm/x;"
        'for each in "$HOME/x" /var/tmp/x /run/lock/x /usr/x /etc/passwd; do'
        ' ( : >>"$each" ) 2>/dev/null && echo "could write $each"; done; true'
    )
    archive = packed(both=b"overlay\n", new=b"new\n")
    step = replace(lab.step(image=base.digest, read_only=True), command=("sh", "-c", script))
    result = lab.run(replace(step, archive=archive))
    assert lab.log(step).read_text() == "image\noverlay\nnew\n755 1000\n711 1000\n"
    assert result.exit is Exit.OK
    # What it made can be read after its end, and is gone with it.
    assert b"".join(lab.sandbox.read(result.container, "sub/made")) == b"made\n"
    mounts = client.api.inspect_container(result.container)["Mounts"]
    (volume,) = [mount["Name"] for mount in mounts if mount["Type"] == "volume"]
    lab.sandbox.remove(result.container)
    with pytest.raises(docker.errors.NotFound):
        client.api.inspect_volume(volume)


@pytest.mark.parametrize(
    "script",
    [
        "while :; do head -c 1000000 /dev/zero >>full; done",
        "python3 -c '\nimport os\nfor n in range(10**6): os.close(os.open(str(n), os.O_CREAT))'",
    ],
    ids=["bytes", "files"],
)
def test_a_workspace_that_is_a_volume_has_a_limit_as_well(lab: Bench, script: str) -> None:
    step = replace(lab.step(read_only=True, disk_bytes=8 * MB), command=("sh", "-c", script))
    assert lab.run(step).exit is Exit.DISK


def test_a_session_in_a_read_only_root(lab: Bench) -> None:
    step = replace(
        lab.step(read_only=True),
        command=("sh", "-c", "echo $((1 + $(cat count))) >count; cat count; echo x >$HOME/x"),
        archive=packed(count=b"0\n"),
    )
    with lab.sandbox.session(step, lab.log(step)) as session:
        first, second = session.repeat(), session.repeat()
        session.finish()
    assert first.output.startswith(b"1\n") and second.output.startswith(b"2\n")
    assert b"Read-only file system" in second.output


# -- runtimes ----------------------------------------------------------------------------------


def test_a_runtime_that_the_engine_does_not_have(client: docker.DockerClient) -> None:
    demand_runtime(client, "")
    demand_runtime(client, "runc")
    with pytest.raises(EngineError) as raised:
        demand_runtime(client, "runsc-x")
    said = str(raised.value)
    assert said.startswith('sandbox.runtime = "runsc-x": the engine at ')
    assert "has no such runtime; it has: " in said and "runc" in said


def test_a_runtime_by_its_name(lab: Bench, client: docker.DockerClient) -> None:
    result, said = lab.sh("cat /proc/net/dev", runtime="runc")
    host = client.api.inspect_container(result.container)["HostConfig"]
    assert (host["Runtime"], host["NetworkMode"]) == ("runc", "none")
    assert b"lo:" in said and b"eth" not in said


def test_a_step_says_nothing_of_its_input() -> None:
    step = Step("x", "A-1", "i", ("sh",), Bench.limits(None), b"input", hidden=(b"secret",))  # type: ignore[arg-type]
    assert "input" not in repr(step) and "secret" not in repr(step)


# -- what is laid over a workspace -------------------------------------------------------------


@pytest.mark.parametrize("read_only", [False, True])
def test_an_overlay_goes_where_it_belongs_whatever_is_in_its_way(
    lab: Bench, read_only: bool
) -> None:
    """Links in place of the folders and files of the judge: none is followed, outside or inside."""
    base = lab.child(
        'mkdir "$HOME/mine"; ln -s "$HOME/mine" folder; ln -s /etc/hostname file; mkfifo pipe; '
        'ln -s ../../../../../../../../tmp deep; echo x >"$HOME/mine/kept"',
        "A",
    )
    known = dict.fromkeys(("folder/known", "file", "pipe", "deep/known"), b"judge\n")
    archive = packed(folder=None, deep=None, **known)
    script = (
        'cat folder/known file pipe deep/known; ls "$HOME/mine"; '
        "find / -xdev -name known 2>/dev/null || true"
    )
    step = replace(lab.step(image=base.digest, read_only=read_only), command=("sh", "-c", script))
    assert lab.run(replace(step, archive=archive)).exit is Exit.OK, lab.log(step).read_text()
    said = lab.log(step).read_text().splitlines()
    assert said[:5] == ["judge"] * 4 + ["kept"]
    # Where the workspace is a file system of its own, `find` doesn't look into it.
    assert set(said[5:]) <= {"/workspace/folder/known", "/workspace/deep/known"}

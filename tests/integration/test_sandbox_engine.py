"""The limits of a sandboxed container, held against a real engine."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from worlds import LIMITS, ROOT, Bench, World, wait_for

from runner.errors import EngineError, EngineUnavailable
from runner.model import Limits, Mount
from runner.sandbox import spec
from runner.sandbox.connect import connect
from runner.sandbox.dialect import dialect_of
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.protocol import Door, Exit, Leftovers, Repetition, Step, StepResult
from tests.faults.faults import Cut, Rule
from tests.faults.proxy import proxied

pytestmark = pytest.mark.engine
MB = 1 << 20

# What a container sees of itself, as one JSON object.
PROBE = r"""
import json, os, resource, signal, socket, subprocess, time

def tried(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return os.strerror(error.errno)
    return "worked"

def connect(*address):
    with socket.socket() as sock:
        sock.settimeout(2)
        sock.connect(address)

def fill(path):
    written = 0
    try:
        with open(path, "wb", buffering=0) as file:
            while True:
                written += file.write(b"x" * 65536)
    except OSError as error:
        os.unlink(path)
        return written, os.strerror(error.errno)

for _ in range(10):  # orphans, which nobody but an init waits for
    subprocess.run(["sh", "-c", "sleep 0.05 & exit 0"], check=True)
time.sleep(0.3)
states = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        states.append(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0])
    except OSError:
        pass
status = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
mounts = {line.split()[1]: line.split()[3].split(",") for line in open("/proc/mounts")}
print(json.dumps({
    "status": status,
    "ids": [os.getuid(), os.getgid(), os.geteuid(), os.getegid()],
    "zombies": states.count("Z"),
    "init": open("/proc/1/comm").read().strip(),
    "interfaces": sorted(name for _, name in socket.if_nameindex()),
    "routes": open("/proc/net/route").read().splitlines()[1:],
    "connect": tried(connect, "10.255.255.1", 80),
    "resolve": tried(socket.getaddrinfo, "example.org", 80),
    "sockets": [path for path in ("/var/run/docker.sock", "/run/docker.sock") if os.path.exists(path)],
    "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
    "tmp": [os.statvfs("/tmp").f_blocks * os.statvfs("/tmp").f_frsize, fill("/tmp/x")],
    "shm": [os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize, fill("/dev/shm/x")],
    "mounts": {path: mounts.get(path) for path in ("/tmp", "/dev/shm", "/sys", "/workspace")},
    "chown": tried(os.chown, ".", 0, 0),
    "setuid": tried(os.setuid, 0),
    "mknod": tried(os.mknod, "device", 0o20666, 259),
    "raw": tried(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1),
    "kill": tried(os.kill, 1, signal.SIGKILL),
    "write": tried(open, "/etc/made", "w"),
    "environment": sorted(os.environ),
    "cwd": os.getcwd(),
}))
"""


_MADE_BY_THE_ENGINE = {"HOME", "HOSTNAME", "LC_CTYPE", "container"}  # the last is Podman's


@pytest.fixture(scope="module")
def inside(
    engine_world: World,
    shared_engine_sandbox: EngineSandbox,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What the probe found."""
    limits = Limits(
        time_s=20, memory_bytes=128 * MB, open_files=321, tmp_bytes=8 * MB, shm_bytes=4 * MB
    )
    log = tmp_path_factory.mktemp("probe") / "log"
    step = Step("probe", "A-1", engine_world.image, ("python3", "-c", PROBE), limits)
    result = shared_engine_sandbox.run(step, log)
    shared_engine_sandbox.remove(result.container)
    assert result.exit is Exit.OK, log.read_text()
    found: dict[str, Any] = json.loads(log.read_text())
    return found


def test_there_is_no_network(inside: dict[str, Any]) -> None:
    assert inside["interfaces"] == ["lo"]
    assert inside["routes"] == []
    assert inside["connect"] == "Network is unreachable"
    assert inside["resolve"] != "worked"
    assert inside["sockets"] == []


def test_there_are_no_privileges(inside: dict[str, Any]) -> None:
    status = inside["status"]
    capabilities = {key: int(status[key], 16) for key in status if key.startswith("Cap")}
    assert capabilities == dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert inside["ids"] == [1000] * 4
    assert 0 not in map(int, status["Groups"].split())
    for attempt in ("chown", "setuid", "mknod", "raw"):
        assert inside[attempt] == "Operation not permitted", attempt
    assert inside["write"] == "Permission denied"


def test_an_init_reaps_orphans(inside: dict[str, Any]) -> None:
    assert inside["zombies"] == 0
    assert inside["init"] in ("docker-init", "tini", "catatonit", "podman-init")


def test_files_and_memory_backed_folders_are_limited(inside: dict[str, Any]) -> None:
    assert inside["nofile"] == [321, 321]
    assert inside["tmp"] == [8 * MB, [8 * MB, "No space left on device"]]
    assert inside["shm"] == [4 * MB, [4 * MB, "No space left on device"]]
    assert {"nosuid", "nodev"} <= set(inside["mounts"]["/tmp"])
    assert {"nosuid", "nodev"} <= set(inside["mounts"]["/dev/shm"])
    assert "ro" in inside["mounts"]["/sys"]


def test_the_workspace_is_no_mount_and_the_environment_is_the_images(
    inside: dict[str, Any], client: docker.DockerClient, agent_image: str
) -> None:
    assert inside["mounts"]["/workspace"] is None
    assert inside["cwd"] == "/workspace"
    environment = client.api.inspect_image(agent_image)["Config"]["Env"]
    names = {entry.partition("=")[0] for entry in environment}
    assert set(inside["environment"]) - _MADE_BY_THE_ENGINE == names - {"HOME"}


@pytest.fixture
def lab(engine_bench: Bench) -> Bench:
    return engine_bench


# -- memory, and the three ways to exit with 137 -----------------------------------------------

EAT = "python3 -c 'x = bytearray(400_000_000)'"


@dataclass(frozen=True, slots=True)
class Death:
    script: str
    exit: Exit
    code: int


@pytest.mark.parametrize(
    "death",
    [
        Death(EAT, Exit.OOM, 137),
        Death(f"{EAT}; exit 3", Exit.OOM, 3),
        Death(f"{EAT}; exit 0", Exit.OK, 0),
        Death("kill -9 $$", Exit.NONZERO, 137),
        Death("sh -c 'kill -9 $$'; exit 137", Exit.NONZERO, 137),
        Death("sleep 60", Exit.TIMEOUT, 137),
        Death("head -c 20000000 /dev/zero >big; sleep 60", Exit.DISK, 137),
    ],
    ids=lambda death: f"{death.exit}-{death.code}",
)
def test_endings_with_137_are_told_apart(lab: Bench, death: Death) -> None:
    time_s = 1.0 if death.exit is Exit.TIMEOUT else 20.0
    result, said = lab.sh(death.script, memory_bytes=96 * MB, time_s=time_s, disk_bytes=8 * MB)
    assert (result.exit, result.code) == (death.exit, death.code), said


def test_swap_is_no_way_around_the_memory_limit(lab: Bench, client: docker.DockerClient) -> None:
    result, _ = lab.sh("true", memory_bytes=96 * MB)
    host = client.api.inspect_container(result.container)["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 96 * MB


def test_tmpfs_counts_as_memory_and_a_full_one_is_the_commands_own_failure(lab: Bench) -> None:
    result, said = lab.sh("head -c 20000000 /dev/zero >/tmp/x || exit 9", tmp_bytes=8 * MB)
    assert (result.exit, result.code) == (Exit.NONZERO, 9)
    assert b"No space left on device" in said


def test_a_lack_of_memory_in_a_session(lab: Bench, client: docker.DockerClient) -> None:
    def only(command: str) -> Repetition:
        return lab.repeat(command, memory_bytes=96 * MB)[0]

    told = dialect_of(client.api).tells_oom  # or else it is the command's own failure
    assert only(EAT).exit is (Exit.OOM if told else Exit.NONZERO)
    assert only(f"{EAT}; exit 4").exit is (Exit.OOM if told else Exit.NONZERO)
    assert only(f"{EAT}; exit 0").exit is Exit.OK
    killed = only("kill -9 $$")
    assert (killed.exit, killed.code) == (Exit.NONZERO, 137)


# -- processes, time, CPU ----------------------------------------------------------------------


def test_processes_are_limited(lab: Bench) -> None:
    script = (
        "import os, time\n"
        "born = 0\n"
        "try:\n"
        "    while born < 200:\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(5)\n"
        "            os._exit(0)\n"
        "        born += 1\n"
        "except OSError as error:\n"
        "    print(born, error.strerror)\n"
    )
    step = lab.step(pids=24)
    step = Step(step.name, "A-1", step.image, ("python3", "-c", script), step.limits)
    started = time.monotonic()
    result = lab.run(step)
    born, _, why = lab.log(step).read_text().strip().partition(" ")
    assert 0 < int(born) < 24
    assert why == "Resource temporarily unavailable"
    assert result.exit is Exit.OK
    assert time.monotonic() - started < 4.0  # the children died with their parent


def test_the_processor_is_limited(lab: Bench) -> None:
    script = (
        "import time\n"
        "end = time.monotonic() + 1\n"
        "while time.monotonic() < end: pass\n"
        "print(time.process_time())"
    )
    step = lab.step(cpus=0.3)
    lab.run(Step(step.name, "A-1", step.image, ("python3", "-c", script), step.limits))
    assert float(lab.log(step).read_text()) < 0.6


def test_a_mount_can_be_read_and_not_written(lab: Bench, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    given.chmod(0o777)
    (given / "data").write_text("kept\n")
    (given / "data").chmod(0o666)
    script = "exec 2>&1; cat /given/data; echo changed >/given/data; echo new >/given/new; echo done"
    _, said = lab.sh(script, mounts=(Mount(str(given), "/given"),))
    assert said.startswith(b"kept\n") and said.endswith(b"done\n")
    assert said.count(b"Read-only file system") == 2
    assert {path.name: path.read_text() for path in given.iterdir()} == {"data": "kept\n"}


# -- logs --------------------------------------------------------------------------------------


def test_the_engines_own_copy_of_the_log_is_bounded(
    lab: Bench, client: docker.DockerClient
) -> None:
    result, _ = lab.sh("yes $(printf %099d 0) | head -c 3000000", log_bytes=200_000)
    assert result.exit is Exit.OK
    assert 0 < len(client.api.logs(result.container)) <= 2 * 200_000


def test_a_hundred_megabytes_of_lines_pass_whole_through_a_small_client(lab: Bench) -> None:
    """Nothing is lost below the cap, and the client's memory doesn't grow with the log."""
    step = lab.step("seq -f %099.0f 1000000")
    log = lab.log(step)
    program = (
        "import resource, sys, json\n"
        "from pathlib import Path\n"
        "from runner.model import Limits\n"
        "from runner.sandbox.connect import connect\n"
        "from runner.sandbox.engine import EngineSandbox\n"
        "from runner.sandbox.protocol import Step\n"
        f"sandbox = EngineSandbox(connect(), {lab.world.run_id!r}, {lab.world.image!r}, 8)\n"
        f"step = Step({step.name!r}, 'A-1', {step.image!r}, ('sh', '-s'), Limits(time_s=90,"
        f" cpus=2, log_bytes=200_000_000), stdin={step.stdin!r})\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"result = sandbox.run(step, Path({str(log)!r}))\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "sandbox.remove(result.container)\n"
        "sandbox.close()\n"
        "print(json.dumps([before, after, result.log_bytes, result.log_complete, result.exit]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
        text=True,
    )
    before_kb, after_kb, log_bytes, complete, exit_ = json.loads(done.stdout)
    assert (log_bytes, complete, exit_) == (100_000_000, True, "ok")
    assert after_kb - before_kb < 20_000
    with log.open("rb") as file:
        assert all(int(line) == number for number, line in enumerate(file, 1))


# -- an engine that isn't well -----------------------------------------------------------------


def test_a_container_that_somebody_removed(lab: Bench, client: docker.DockerClient) -> None:
    step = lab.step("echo up; sleep 60")
    name = f"oppie-{lab.world.run_id}-{step.name}"

    def take_away() -> None:
        log = lab.log(step)
        wait_for(lambda: log.exists() and b"up" in log.read_bytes(), "the step is under way")
        client.api.remove_container(name, force=True)

    thief = threading.Thread(target=take_away)
    thief.start()
    with pytest.raises(EngineError):
        lab.run(step)
    thief.join()
    assert lab.sandbox.leftovers() == Leftovers()


def test_a_network_namespace_that_somebody_removed_is_made_again(
    lab: Bench, client: docker.DockerClient
) -> None:
    lab.sh("true")
    if not dialect_of(client.api).shares_networks:
        assert lab.sandbox.leftovers().held_containers[0].kind == spec.KIND_STEP
        return
    client.api.remove_container(f"oppie-{lab.world.run_id}-net-0-0", force=True)
    assert lab.sh("exit 4")[0].code == 4
    client.api.kill(f"oppie-{lab.world.run_id}-net-0-0")
    assert lab.sh("exit 5")[0].code == 5


@pytest.fixture
def hung_up(tmp_path: Path) -> Iterator[str]:
    """The address of an engine that takes calls, and hangs up."""
    path = str(tmp_path / "engine.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()

        def answer() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"unix://{path}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_an_engine_that_is_gone(tmp_path: Path, hung_up: str) -> None:
    client = docker.DockerClient(hung_up, version="1.41", timeout=2)
    sandbox = EngineSandbox(client, "gone", "image", outage_s=0.5)
    with pytest.raises(EngineUnavailable, match=r"run oppie-gone-x: the engine does not answer"):
        sandbox.run(Step("x", "A-1", "image", ("true",), Limits()), tmp_path / "log")
    with pytest.raises(EngineUnavailable):
        sandbox.leftovers()
    sandbox.close()


def test_an_engine_over_tls_is_refused_before_anything_is_started() -> None:
    client = docker.DockerClient("tcp://localhost:1", version="1.41", tls=True)
    with pytest.raises(EngineError, match=r"https://localhost:1: .* over TLS; forward"):
        EngineSandbox(client, "tls", "image")
    client.close()


# -- what is on the engine ---------------------------------------------------------------------


def test_everything_carries_the_products_labels(lab: Bench, client: docker.DockerClient) -> None:
    with lab.session("true"):
        lab.sh("true")
        wanted = {"label": [f"{spec.RUN}={lab.world.run_id}"]}
        found = client.api.containers(all=True, filters=wanted)
        kinds = sorted(container["Labels"][spec.KIND] for container in found)
    pauses = {spec.KIND_PAUSE} if dialect_of(client.api).shares_networks else set()
    assert set(kinds) == pauses | {spec.KIND_SESSION, spec.KIND_STEP}
    assert all(name.startswith("/oppie-") for container in found for name in container["Names"])


@pytest.mark.usefixtures("nothing_left_behind")
def test_a_closed_sandbox_leaves_nothing(engine_world: World, run_id: str, tmp_path: Path) -> None:
    sandbox = engine_world.open(run_id=run_id)
    limits = Limits(time_s=20)
    results: list[StepResult] = []
    for name in ("a", "b"):
        step = Step(name, "A-1", engine_world.image, ("true",), limits)
        results.append(sandbox.run(step, tmp_path / name))
    baseline = Step("s-baseline", "A-1", engine_world.image, ("true",), limits)
    with sandbox.session(baseline, tmp_path / "s") as s:
        assert s.repeat().exit is Exit.OK
    for result in results:
        sandbox.remove(result.container)
    sandbox.close()


_TALK = """
import socket
with socket.create_connection(("127.0.0.1", 3129), 20) as sock:
    while sock.send(bytes(1 << 16)):
        pass
"""


def test_doors_that_the_engine_lets_go_of_are_no_failure_of_the_step(
    client: docker.DockerClient, agent_image: str, run_id: str, tmp_path: Path
) -> None:
    def swallow(sock: socket.socket) -> None:
        def serve() -> None:
            with sock:
                while sock.recv(1 << 16):
                    pass

        threads.append(threading.Thread(target=serve))
        threads[-1].start()

    threads: list[threading.Thread] = []
    step = Step(
        "s", "A-1", agent_image, ("python3", "-c", _TALK), LIMITS, doors=(Door(3129, swallow),)
    )
    with proxied(client.api._custom_adapter.socket_path) as proxy:
        sandbox = EngineSandbox(connect(proxy.url), run_id, agent_image)
        proxy.plan(Rule(r"POST /containers/.*-s-doors/attach", Cut(200_000)))
        with pytest.raises(EngineUnavailable, match=r"let go of oppie-.*-s-doors during a step"):
            sandbox.run(step, tmp_path / "log")
        assert sandbox.leftovers() == Leftovers()
        sandbox.close()
    for thread in threads:
        thread.join(20)

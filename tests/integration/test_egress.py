"""The listed hosts and nothing else: containers of a real engine, services on the host's loopback."""

from __future__ import annotations

import http.server
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import docker
import pytest
from commands import Machine, said
from worlds import LIMITS, ROOT, Bench, World, wait_for

from runner.egress import exports
from runner.egress.record import Connection, connections
from runner.egress.tunnel import PORT
from runner.errors import EngineError
from runner.sandbox import spec
from runner.sandbox.connect import connect
from runner.sandbox.endpoints import DEFAULT_SOCKET
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.outgoing import Outlet
from runner.sandbox.proof import demand_way_out
from runner.sandbox.protocol import Door, Exit, Step
from runner.wire import Tally, shut, splice

pytestmark = pytest.mark.engine

GET = "python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=20).read().decode())'"


@dataclass
class Service:
    """A web server on the host's loopback, and what it was asked for."""

    port: int
    asked: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Serves the folder ``served``."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "hello").write_text("hello from the host")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, directory=str(served), **more)

        def log_message(self, *_: object) -> None:
            found.asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Service(server.server_port)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield found
        server.shutdown()
        serving.join()


def run(bench: Bench, script: str, *hosts: str, told: bool = True) -> tuple[str, tuple[Connection, ...], str]:
    """What a script printed, what it reached for, and its container; it was told of the proxy or not."""
    step = bench.step((exports(hosts) if told else b"") + script.encode(), hosts=hosts)
    result = bench.run(step)
    printed = bench.log(step).read_text("utf-8", "replace")
    assert result.exit is Exit.OK, printed
    return printed, tuple(connections(bench.log(step))), result.container


def test_a_listed_host_is_reached_by_what_people_use(
    engine_bench: Bench, service: Service, tmp_path: Path, client: docker.DockerClient
) -> None:
    repository = tmp_path / "served/repository.git"
    commands: tuple[tuple[str, ...], ...] = (
        ("git", "init", "-q", "--bare", "-b", "main", str(repository)),
        ("git", "-C", str(repository), "update-server-info"),
    )
    for command in commands:
        subprocess.run(command, check=True)
    script = f"""set -e
    {GET} {service.url}/hello
    git ls-remote {service.url}/repository.git && echo listed
    python3 - <<'END'
import os, socket
proxy = os.environ["https_proxy"].removeprefix("http://").split(":")
with socket.create_connection(proxy) as sock:
    sock.sendall(b"CONNECT {service.host} HTTP/1.1\\r\\n\\r\\n")
    print(sock.recv(100).split(b"\\r\\n")[0].decode())
    sock.sendall(b"GET /hello HTTP/1.0\\r\\n\\r\\n")
    sock.shutdown(socket.SHUT_WR)
    print(sock.makefile("rb").read().splitlines()[-1].decode())
END
    echo made > made
    """
    printed, reached, container = run(engine_bench, script, service.host)
    assert printed.splitlines() == [
        "hello from the host", "listed", "HTTP/1.1 200 Connection established", "hello from the host",
    ]  # fmt: skip
    assert {(each.target, each.allowed, each.why) for each in reached} == {(service.host, True, "")}
    assert {each.method for each in reached} == {"GET", "CONNECT"}
    assert all(each.received_bytes > 0 for each in reached)
    facts = client.api.inspect_container(container)
    assert not [entry for entry in facts["Config"]["Env"] if "proxy" in entry.lower()]
    snapshot = engine_bench.commit(container, "A")
    image = client.api.inspect_image(snapshot.digest)
    assert not [entry for entry in image["Config"]["Env"] if "proxy" in entry.lower()]
    printed, _, _ = run(engine_bench, "env | grep -ci proxy || true")
    assert printed.strip() == "0"


# What an action may try without a proxy; collects what worked. Arguments: a port of the host's that
# listens, an abstract socket's name, the ports of the forwarder.
REACH = r"""
import errno, json, os, socket, struct, sys

port, abstract, doors = int(sys.argv[1]), sys.argv[2], list(map(int, sys.argv[3:]))
worked = []

def tried(name, function):
    try:
        if function():
            worked.append(name)
    except OSError:
        pass

def tcp(host, port, family=socket.AF_INET):
    with socket.socket(family) as sock:
        sock.settimeout(1)
        sock.connect((host, port))
        return True

def udp(host):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        sock.sendto(b"\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1", (host, 53))
        return sock.recv(512)

def abstract_socket():
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect("\0" + abstract)
        return True

for address in ("127.0.0.1", "127.0.0.2", "172.17.0.1", "169.254.169.254", "10.0.0.1", "1.1.1.1", "0.0.0.0"):
    tried(f"tcp {address}", lambda: tcp(address, port))
    tried(f"https {address}", lambda: tcp(address, 443))
    tried(f"udp {address}", lambda: udp(address))
for address in ("::1", "fe80::1", "2606:4700::1111", "::ffff:1.1.1.1"):
    tried(f"tcp6 {address}", lambda: tcp(address, port, socket.AF_INET6))
for name in ("example.org", "host.docker.internal", "gateway.docker.internal", "metadata.google.internal"):
    tried(f"dns {name}", lambda: socket.getaddrinfo(name, 80))
tried("abstract", abstract_socket)
def vsock():
    with socket.socket(socket.AF_VSOCK) as sock:
        sock.settimeout(1)
        sock.connect((2, 22))
        return True

def bound(address, door):
    # the forwarder's own place
    with socket.socket() as sock:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.bind((address, door))
        sock.listen()
        return True

tried("vsock", vsock)
for address in ("127.0.0.1", "0.0.0.0"):
    for door in doors:
        tried(f"bind {address} {door}", lambda: bound(address, door))
for door in {3127, 3128, 3129, 3130, 3131} - {*doors}:
    tried(f"door {door}", lambda: tcp("127.0.0.1", door))
for family, kind, protocol in ((socket.AF_INET, socket.SOCK_RAW, 1), (socket.AF_PACKET, socket.SOCK_RAW, 3)):
    tried(f"raw {family}", lambda: socket.socket(family, kind, protocol))
"""

# What it may try of the proxy, which lists ``port``, and ``other`` not.
ASK = r"""
other = int(os.environ["OTHER"])

def asked(request):
    with socket.create_connection(("127.0.0.1", 3128), 5) as proxy:
        proxy.sendall(request.encode("latin-1"))
        return proxy.makefile("rb").readline(200).split(b" ")[1:2] == [b"200"]

targets = [
    f"127.0.0.1:{other}", f"localhost:{port}", f"127.1:{port}", f"2130706433:{port}", f"0x7f000001:{port}",
    f"0177.0.0.1:{port}", f"[::1]:{port}", f"[::ffff:127.0.0.1]:{port}", f"127.0.0.1.:{other}", f"0:{port}",
    f"127.0.0.1@evil.example:{port}", f"evil.example:{port}", f"127.0.0.1%00.evil.example:{port}",
    f"127.0.0.1.evil.example:{port}", f"0.0.0.0:{port}", "169.254.169.254:80", "1.1.1.1:443", "172.17.0.1:80",
    "127.0.0.1:2375", "127.0.0.1:22", "127.0.0.1", f":{port}", "",
]
for target in targets:
    tried(f"CONNECT {target}", lambda: asked(f"CONNECT {target} HTTP/1.1\r\n\r\n"))
    tried(f"GET {target}", lambda: asked(f"GET http://{target}/hello HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"))
tried("unix", lambda: asked("GET http+unix://%2Fvar%2Frun%2Fdocker.sock/info HTTP/1.1\r\n\r\n"))
tried("file", lambda: asked("GET file:///etc/passwd HTTP/1.1\r\n\r\n"))
tried("relative", lambda: asked(f"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"))
with socket.create_connection(("127.0.0.1", 3128), 5) as proxy:
    proxy.sendall(f"GET http://127.0.0.1:{port}/hello HTTP/1.1\r\nConnection: keep-alive\r\n\r\n"
                  f"GET http://127.0.0.1:{port}/smuggled HTTP/1.1\r\n\r\n".encode())
    if proxy.makefile("rb").read().count(b"HTTP/1.") != 1:
        worked.append("second request")
"""

TELL = r"""
with open("/proc/net/dev") as devices:
    print(json.dumps([worked, [line.split(":")[0].strip() for line in devices.readlines()[2:]],
                      open("/proc/net/route").read().splitlines()[1:], os.path.exists("/var/run/docker.sock")]))
"""


def test_nothing_else_is_reached(engine_bench: Bench, service: Service) -> None:
    name = f"oppie-{os.getpid()}"
    with (
        socket.socket() as unlisted,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        unlisted.bind(("127.0.0.1", 0))
        abstract.bind(f"\0{name}")
        for each in (unlisted, abstract):
            each.listen()
        other = unlisted.getsockname()[1]
        script = f"cat >attack.py <<'END'\n{REACH + ASK + TELL}\nEND\n"
        script += f"OTHER={other} python3 attack.py {service.port} {name} {PORT}\n"
        printed, reached, _ = run(engine_bench, script, service.host)
    assert json.loads(printed) == [[], ["lo"], [], False]
    assert service.asked == ["/hello"]
    assert [each.target for each in reached if each.allowed] == [service.host]
    refused = {each.target for each in reached if not each.allowed}
    assert {f"127.0.0.1:{other}", "169.254.169.254:80", f"evil.example:{service.port}"} <= refused
    assert all(each.why for each in reached if not each.allowed)


def test_a_step_with_doors_has_them_and_nothing_else(
    engine_bench: Bench, service: Service, client: docker.DockerClient
) -> None:
    came: list[socket.socket] = []
    doors = (Door(3129, came.append), Door(3130, came.append))
    name = f"oppie-{os.getpid()}"
    script = f"cat >attack.py <<'END'\n{REACH + TELL}\nEND\npython3 attack.py {service.port} {name} 3129 3130\n"
    step = replace(engine_bench.step(script), doors=doors)
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        result = engine_bench.run(step)
    assert json.loads(engine_bench.log(step).read_text()) == [[], ["lo"], [], False]
    assert (service.asked, came) == ([], [])
    facts = client.api.inspect_container(result.container)
    assert facts["Mounts"] == []
    assert facts["HostConfig"]["NetworkMode"].startswith("container:")


@contextmanager
def engine_on_tcp() -> Iterator[int]:
    """A port of loopback where the engine answers, for as long as the block lasts."""
    path = os.environ.get("DOCKER_HOST", DEFAULT_SOCKET).removeprefix("unix://")
    threads, callers = list[threading.Thread](), list[socket.socket]()

    def relay(caller: socket.socket) -> None:
        with caller, socket.socket(socket.AF_UNIX) as engine:
            engine.connect(path)
            splice(caller, engine, engine.sendall, caller.sendall, Tally(), 60.0)

    def listen() -> None:
        while True:
            try:
                caller = listener.accept()[0]
            except OSError:
                return
            callers.append(caller)
            threads.append(threading.Thread(target=relay, args=(caller,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listening = threading.Thread(target=listen)
        listening.start()
        try:
            yield listener.getsockname()[1]
        finally:
            for each in (listener, *callers):
                shut(each, socket.SHUT_RDWR)
            for thread in (listening, *threads):
                thread.join(20)


def test_an_engine_on_the_network_is_reached_by_nobody_but_the_planner(
    engine_world: World, run_id: str, tmp_path: Path
) -> None:
    with engine_on_tcp() as port:
        host, log = f"127.0.0.1:{port}", tmp_path / "engine.log"
        script = exports((host,)) + f"{GET} http://{host}/_ping 2>&1 | tail -1\n".encode()
        limits = replace(LIMITS, hosts=(host,))
        step = Step("engine", "A-1", engine_world.image, ("sh", "-s"), limits, stdin=script)
        with closing(EngineSandbox(connect(f"tcp://{host}"), run_id, engine_world.image)) as sandbox:
            sandbox.remove(sandbox.run(step, log).container)
    assert "403" in log.read_text()
    assert [each.why for each in connections(log)] == [f"{host} leads nowhere that may be reached"]


def test_without_the_variables_there_is_no_network_and_others_have_no_proxy(
    engine_bench: Bench, service: Service
) -> None:
    printed, reached, _ = run(engine_bench, f"{GET} {service.url}/hello 2>&1 | tail -1", service.host, told=False)
    assert "Connection refused" in printed
    assert reached == ()
    # Not even in a container that the same worker makes next, which is told where the proxy had been.
    tell = exports((service.host,)).decode()
    printed, _, _ = run(engine_bench, f"{tell}{GET} {service.url}/hello 2>&1 | tail -1")
    assert "Connection refused" in printed
    [repetition] = engine_bench.repeat(f"{tell}{GET} {service.url}/hello 2>&1 | tail -1", hosts=(service.host,))
    assert b"Connection refused" in repetition.output
    assert service.asked == []


def test_many_at_once_and_a_client_that_does_not_read(
    engine_bench: Bench, service: Service, tmp_path: Path
) -> None:
    size = 4 << 20
    (tmp_path / "served/large").write_bytes(os.urandom(size))
    script = f"""python3 - <<'END'
import socket, threading, urllib.request
stalled = socket.create_connection(("127.0.0.1", 3128))
stalled.sendall(b"GET {service.url}/large HTTP/1.1\\r\\n\\r\\n")
got = []
def fetch():
    got.append(len(urllib.request.urlopen("{service.url}/large", timeout=30).read()))
threads = [threading.Thread(target=fetch) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(sum(got))
END
"""
    printed, reached, _ = run(engine_bench, script, service.host)
    assert printed.strip() == str(8 * size)
    assert len(reached) == 9


def test_an_image_without_the_forwarders_means_is_told_at_once(
    engine_world: World, client: docker.DockerClient, tmp_path: Path, run_id: str
) -> None:
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w"):
        pass
    name = f"oppie/{run_id}"
    client.api.import_image_from_data(empty.getvalue(), repository=name, tag="empty")
    try:
        sandbox = EngineSandbox(connect(), run_id, engine_world.image, outlet=Outlet(f"{name}:empty"))
        limits = Bench(engine_world, sandbox, tmp_path, "").limits(hosts=("a.example",))
        with closing(sandbox), pytest.raises(EngineError, match=r"must have python3 \(3.8 or newer\)"):
            demand_way_out(sandbox, limits, engine_world.image, tmp_path)
    finally:
        client.api.remove_image(f"{name}:empty", noprune=True)


@pytest.mark.parametrize("hosts", [(), ("a.example",)])
def test_the_doors_are_shown_to_work(
    engine_bench: Bench, tmp_path: Path, hosts: tuple[str, ...]
) -> None:
    limits = engine_bench.limits(hosts=hosts)
    demand_way_out(engine_bench.sandbox, limits, engine_bench.world.image, tmp_path)


_PLANNER = """
import json, sys
from pathlib import Path
from runner.model import Limits
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.protocol import Step
run_id, image, name, host, script, log = json.load(sys.stdin)
sandbox = EngineSandbox(connect(), run_id, image, 8)
limits = Limits(time_s=60, hosts=(host,))
sandbox.run(Step(name, "A-1", image, ("sh", "-s"), limits, stdin=script.encode()), Path(log))
"""


def test_a_planner_that_dies_takes_the_way_out_with_it(
    engine_bench: Bench, service: Service, client: docker.DockerClient
) -> None:
    fetch = f"{GET} {service.url}/hello"
    body = f"{fetch}\nwhile {fetch} >/dev/null 2>&1; do sleep 0.2; done\necho cut off\n"
    script = exports((service.host,)).decode() + body
    step = engine_bench.step(script, hosts=(service.host,), time_s=60)
    run_id, image = engine_bench.world.run_id, engine_bench.world.image
    facts = (run_id, image, step.name, service.host, script, str(engine_bench.log(step)))
    forwarder = f"{engine_bench.sandbox.container_of(step.name)}-doors"
    with subprocess.Popen(
        [sys.executable, "-c", _PLANNER], stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as planner:
        assert planner.stdin
        planner.stdin.write(json.dumps(facts).encode())
        planner.stdin.close()
        wait_for(lambda: len(service.asked) > 1, "the first requests", 60)
        planner.kill()

    def ended() -> bool:
        return not client.api.inspect_container(forwarder)["State"]["Running"]

    wait_for(ended, "the forwarder's end", 30)
    result = engine_bench.run(step)
    printed = engine_bench.log(step).read_text()
    for each in (result.container, forwarder):  # in this order, for Podman's sake
        engine_bench.sandbox.remove(each)
    assert result.exit is Exit.OK
    assert "cut off" in printed


# What judges has no network, and nobody who would fetch something for it.
_SHUT = """
import os, socket
assert not [name for name in os.environ if "proxy" in name.lower()]
try:
    socket.create_connection(("127.0.0.1", 3128))
except ConnectionRefusedError:
    raise SystemExit(0)
raise SystemExit("the proxy is reached")
"""


def test_a_whole_run(machine: Machine, service: Service, client: docker.DockerClient, agent_image: str) -> None:
    fetch = f"{GET} {service.url}/hello"
    (machine.project.folder / "app/shut.py").write_text(_SHUT)
    sandbox = f'[sandbox]\nnetwork = "allow"\nhosts = ["{service.host}"]\n'
    task = machine.project.write_task(
        agent_image,
        ("fetch", f"{fetch} > fetched && ! {GET} http://unlisted.example/ && echo 6 > costs/a"),
        catalogue=False,
        check="python3 shut.py",
        more=sandbox,
    )
    setup = f"setup = [{json.dumps(fetch)}]"
    task.write_text(task.read_text().replace('setup = ["echo ready > ready"]', setup))
    done = machine.oppie("run", "--plain", "--workers", "1", "--nodes", "1")
    assert done.returncode == 0, said(done)
    [folder] = (machine.state / "runs").iterdir()
    reached = connections(folder / "attempts/A.1-1/act.log")
    assert {(each.target, each.allowed) for each in reached} == {
        (service.host, True), ("unlisted.example:80", False),
    }  # fmt: skip
    # The root's set-up; in the clean room the root's and the candidate's; and the action.
    assert service.asked == ["/hello"] * 4
    for image in client.api.images(filters={"label": [f"{spec.RUN}={folder.name}"]}):
        config = client.api.inspect_image(image["Id"])["Config"]
        assert not [entry for entry in config["Env"] if "proxy" in entry.lower()]

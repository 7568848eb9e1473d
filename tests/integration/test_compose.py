"""``docker compose up``, for real: built, run, interrupted, resumed, with Compose v2.

On a copy of the checkout, under a project and image name of the test's own, over a target that
takes seconds. ``examples/helios`` itself is the demo's matter.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker.errors
import pytest

from runner import images
from runner.guard.listing import Recorder
from runner.guard.policy import Recording
from runner.guard.relay import relaying
from runner.sandbox import images as engine
from runner.sandbox import spec
from runner.sandbox.connect import Client

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = (
    ".dockerignore",
    "Dockerfile.agent",
    "README.md",
    "compose.guard.yaml",
    "compose.yaml",
    "pyproject.toml",
)
IMAGE = "oppie/test-planner:1"
CERTIFICATES = ("OPPIE_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")

TASK = """\
name = "tiny"
target = "."
protected = ["bench.sh"]
image = { agent = true }
checks = [{ name = "there", command = "test -s cost.txt" }]
budget = { nodes = %(nodes)d }
limits = { memory = "64MiB" }
search = { verify_top = 1, verify_pairs = 2 }

[benchmark]
command = "sh bench.sh"
metrics = [{ name = "cost", unit = "us" }]
pairs = 2

[[actions]]
name = "halve"
command = "echo $(($(cat cost.txt) / 2)) > cost.txt"
open_ended = true
"""

OVERRIDE = f"""\
services:
  planner:
    image: {IMAGE}
    command: [run, --workers, "1", "examples/${{TARGET:-tiny}}"]
"""
GUARD_OVERRIDE = f"""\
services:
  guard:
    image: {IMAGE}
"""
# Becomes who the planner is, and looks at itself in oppie's place.
LOOK = """\
sed 's/tini -- oppie "$@"/cat \\/proc\\/self\\/status/' /opt/oppie/images/planner/enter >/tmp/look
exec sh /tmp/look
"""
PLAIN = ("compose.yaml", "override.yaml")
GUARDED = ("compose.yaml", "compose.guard.yaml", "override.yaml", "override.guard.yaml")


@dataclass(frozen=True, slots=True)
class Compose:
    """A project: ``docker compose`` in ``folder``, under a name of its own."""

    command: tuple[str, ...]
    folder: Path
    project: str
    files: tuple[str, ...] = PLAIN

    def argv(self, *arguments: str) -> list[str]:
        files = (part for file in self.files for part in ("-f", file))
        return [*self.command, "-p", self.project, *files, *arguments]

    def done(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*arguments), cwd=self.folder, env={**os.environ, **environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def __call__(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> str:
        done = self.done(*arguments)
        assert done.returncode in allowed, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def oppie(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> str:
        return self("run", "--rm", "-T", "planner", *arguments, allowed=allowed)

    def runs(self) -> list[dict[str, Any]]:
        said = self.oppie("runs", "--json", allowed=(0, 2))  # 2: nothing has run yet
        found: list[dict[str, Any]] = json.loads(said or '{"runs": []}')["runs"]
        return found

    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("config", "--format", "json"))
        return found

    def exit_code(self) -> int:
        state = json.loads(self("ps", "--all", "--format", "json"))
        code: int = state["ExitCode"]
        return code


def compose_command(folder: Path) -> tuple[str, ...]:
    """Compose v2: the one that is there, else the one that ``images/compose-plugin.sh`` fetches."""
    if shutil.which("docker"):
        probe = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if probe.returncode == 0:
            return ("docker", "compose")
    script = [ROOT / "images/compose-plugin.sh", folder]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"no Docker Compose v2 could be fetched:\n{done.stderr}"
    return (done.stdout.strip(),)


def hand_in_certificates(folder: Path) -> None:
    """What this host trusts, for it may sit behind a proxy that opens TLS."""
    named = [os.environ[name] for name in CERTIFICATES if os.environ.get(name)]
    for bundle in map(Path, [*named, "/etc/ssl/certs/ca-certificates.crt"]):
        if bundle.is_file():
            shutil.copy(bundle, folder / "images/ca/host.crt")
            return


def write_target(folder: Path, *, nodes: int, pause_s: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cost.txt").write_text("1000000\n")
    (folder / "bench.sh").write_text(f'sleep {pause_s}\necho "METRIC cost=$(cat cost.txt) unit=us"\n')
    (folder / "oppie.toml").write_text(TASK % {"nodes": nodes})


@pytest.fixture(scope="module")
def checkout(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of what the image is built from, with the tiny target instead of the examples."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in CONTEXT:
        shutil.copy(ROOT / name, folder / name)
    for name in ("images", "runner"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    hand_in_certificates(folder)
    write_target(folder / "examples/tiny", nodes=3, pause_s=0)
    write_target(folder / "examples/slow", nodes=3, pause_s=0.3)
    (folder / "override.yaml").write_text(OVERRIDE)
    (folder / "override.guard.yaml").write_text(GUARD_OVERRIDE)
    base = images.BASE if engine.find(client, images.BASE) else "debian:12-slim"
    (folder / ".env").write_text(f"OPPIE_BASE_IMAGE={base}\n")
    yield folder
    with contextlib.suppress(docker.errors.ImageNotFound):
        client.api.remove_image(IMAGE, force=True)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return compose_command(tmp_path_factory.mktemp("plugin"))


@pytest.fixture
def compose(
    client: Client, checkout: Path, command: tuple[str, ...], request: pytest.FixtureRequest
) -> Iterator[Compose]:
    """A project that leaves no container, image or volume of its own."""
    files = getattr(request, "param", PLAIN)
    project = Compose(command, checkout, f"oppie-test-{secrets.token_hex(4)}", files)
    yield project
    run_ids = [run["run_id"] for run in project.runs()] if engine.find(client, IMAGE) else []
    if run_ids:
        project.oppie("gc", "--keep", "0", "--evidence")
    project("down", "--volumes", "--timeout", "60")
    for run_id in run_ids:
        labelled = {"label": f"{spec.RUN}={run_id}"}
        assert client.api.containers(all=True, filters=labelled) == []
        assert client.api.images(all=True, filters=labelled) == []


def test_the_planner_gets_the_socket_its_state_and_nothing_else(compose: Compose) -> None:
    planner = compose.config()["services"]["planner"]
    assert planner["cap_drop"] == ["ALL"]
    assert planner["security_opt"] == ["no-new-privileges:true"]
    assert planner["read_only"] is True
    assert planner["network_mode"] == "none"
    assert "privileged" not in planner
    assert planner["cap_add"] == ["SETGID", "SETUID"]  # which images/planner/enter gives up
    mounts = {mount["target"]: (mount["type"], mount["source"]) for mount in planner["volumes"]}
    assert mounts == {
        "/var/run/docker.sock": ("bind", "/var/run/docker.sock"),
        "/state": ("volume", "state"),
    }


def test_the_base_and_the_socket_can_be_named(compose: Compose) -> None:
    (compose.folder / "named.env").write_text("OPPIE_BASE_IMAGE=mine:1\nENGINE_SOCKET=/run/x.sock\n")
    named = json.loads(compose("--env-file", "named.env", "config", "--format", "json"))
    planner = named["services"]["planner"]
    assert planner["build"]["args"]["BASE"] == "mine:1"
    assert planner["volumes"][0]["source"] == "/run/x.sock"
    (compose.folder / "empty.env").write_text("")
    unnamed = json.loads(compose("--env-file", "empty.env", "config", "--format", "json"))
    assert unnamed["services"]["planner"]["build"]["args"]["BASE"] == "debian:12-slim"


@pytest.mark.usefixtures("agent_image")
def test_up_builds_searches_and_keeps_what_it_found(compose: Compose) -> None:
    compose("up", "--exit-code-from", "planner")
    (run,) = compose.runs()
    assert run["status"] == "stopped"
    assert run["verified"]["verdict"] == "improved"
    assert "A.1" in compose.oppie("tree")
    assert compose.oppie("diff", "A", run["best"]).startswith("diff --git a/cost.txt")


@contextlib.contextmanager
def other_socket(folder: Path, gid: int, mode: int) -> Iterator[Path]:
    """The engine's socket as another machine has it: of another group, or with another mode."""
    path = folder / "engine.sock"
    policy = Recording(Recorder(io.StringIO()))
    with relaying(path, Path("/var/run/docker.sock"), policy, print, mode):
        os.chown(path, 0, gid)
        yield path


@pytest.mark.parametrize("gid", [0, 54321])
def test_the_planner_is_no_root_and_in_the_sockets_group(
    compose: Compose, tmp_path: Path, gid: int
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a socket to another group")
    looking = ("run", "--rm", "-T", "--entrypoint")
    with other_socket(tmp_path, gid, 0o660) as path:
        doctor = compose.done("run", "--rm", "-T", "planner", "doctor", ENGINE_SOCKET=str(path))
        assert "Docker Engine" in doctor.stdout, doctor.stderr
        status = compose.done(*looking, "sh", "planner", "-c", LOOK, ENGINE_SOCKET=str(path))
    found = dict(line.split(":", 1) for line in status.stdout.splitlines() if ":" in line)
    assert found["Uid"].split() == found["Gid"].split() == ["1000"] * 4
    assert str(gid) in found["Groups"].split()
    assert int(found["CapEff"], 16) == int(found["CapPrm"], 16) == int(found["CapAmb"], 16) == 0
    assert found["NoNewPrivs"].strip() == "1"


def test_a_socket_that_gives_its_group_nothing_is_told(compose: Compose, tmp_path: Path) -> None:
    with other_socket(tmp_path, 0, 0o600) as path:
        done = compose.done("run", "--rm", "-T", "planner", "runs", ENGINE_SOCKET=str(path))
    assert done.returncode == 5
    assert "gives its group no access" in done.stderr


def test_the_planner_may_begin_as_its_user(compose: Compose) -> None:
    gid = Path("/var/run/docker.sock").stat().st_gid
    named = {"PLANNER_USER": "1000:1000", "SOCKET_GID": str(gid)}
    done = compose.done("run", "--rm", "-T", "planner", "doctor", **named)
    assert "Docker Engine" in done.stdout, done.stderr


def test_a_state_volume_of_roots_is_told_with_the_way_out(compose: Compose) -> None:
    as_root = ("run", "--rm", "-T", "--user", "0:0", "--cap-add", "CHOWN", "--entrypoint", "sh")
    # Not empty: an empty volume is given the image's owner each time that it is mounted.
    compose(*as_root, "planner", "-c", "chown 0:0 /state && mkdir /state/runs")
    done = compose.done("run", "--rm", "-T", "planner", "runs")
    assert done.returncode == 5
    told = done.stderr.strip().splitlines()[-1]
    assert told.startswith("oppie: the volume at /state belongs to user 0")
    fix = told.partition("To hand it over: docker compose ")[2].split()
    compose(*fix[:1], "-T", *fix[1:])
    assert compose.runs() == []


@pytest.mark.usefixtures("agent_image")
@pytest.mark.parametrize("compose", [GUARDED], indirect=True)
def test_with_a_guard_the_planner_has_no_socket_and_finds_the_same(compose: Compose) -> None:
    planner = compose.config()["services"]["planner"]
    assert not {"cap_add", "group_add"} & planner.keys()
    assert planner["user"] == "1000:1000"
    assert [mount["target"] for mount in planner["volumes"]] == ["/run/oppie", "/state"]
    assert planner["volumes"][0]["read_only"] is True
    compose("up", "--exit-code-from", "planner")
    (run,) = compose.runs()
    assert run["verified"]["verdict"] == "improved"
    said = compose("logs", "--no-log-prefix", "guard")
    assert "/run/oppie/engine.sock answers for /var/run/docker.sock" in said
    assert '"refused"' not in said


@pytest.mark.usefixtures("agent_image")
def test_ctrl_c_ends_it_in_order_and_resume_goes_on(compose: Compose, client: Client) -> None:
    environment = {**os.environ, "TARGET": "slow"}
    with subprocess.Popen(
        compose.argv("up"), cwd=compose.folder, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if " A.1 " in line:
                process.send_signal(signal.SIGINT)
                break
        said.append(process.communicate(timeout=90)[0])
    assert compose.exit_code() == 130, "".join(said)
    (run,) = compose.runs()
    assert run["status"] == "interrupted"
    labelled = {"label": f"{spec.RUN}={run['run_id']}"}
    assert client.api.containers(all=True, filters=labelled) == []
    compose.oppie("resume")
    (run,) = compose.runs()
    assert run["status"] == "stopped"
    assert run["evaluations"] == 3

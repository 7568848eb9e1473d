"""The engine that the script starts, and the images, on the real thing.

The engine may be shared: the agent image that is there stays the one that is there, and whatever
else a test makes has a name of its own and goes again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runner import images
from runner.errors import EngineError, TaskError
from runner.sandbox import images as engine
from runner.sandbox.connect import Client, connect

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]
TRIAL = "oppie/test-trial:1"


@pytest.fixture
def trial(client: Client) -> Iterator[str]:
    """A name for an image that is removed in the end."""
    yield TRIAL
    if engine.find(client, TRIAL):
        client.api.remove_image(TRIAL)  # with the untagged steps of its build


def in_container(client: Client, image: str, script: str) -> str:
    output: bytes = client.containers.run(
        image, ["-c", script], entrypoint="sh", remove=True, network_mode="none"
    )
    return output.decode()


# -- an engine from nothing ------------------------------------------------------------------------


def start_engine(folder: Path) -> str:
    environment = {**os.environ, "OPPIE_TEST_ENGINE_DIR": str(folder), "OPPIE_NO_INSTALL": "1"}
    script = [sys.executable, ROOT / "images/engine.py"]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def stop_engine(folder: Path, by: signal.Signals) -> None:
    pid = int((folder / "docker.pid").read_text())
    os.kill(pid, by)
    for _ in range(300):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail(f"dockerd {pid} survives {by.name}")


@pytest.fixture
def engine_folder() -> Iterator[Path]:
    """A folder for a daemon of the test's own: short, for it holds a socket, and not on tmpfs."""
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        pytest.skip("only root, with dockerd installed, can start another daemon")
    folder = Path(f"/var/tmp/oppie-{os.getpid()}")
    folder.mkdir()
    yield folder
    if (folder / "docker.pid").exists():
        stop_engine(folder, signal.SIGTERM)
    # A daemon that was killed leaves its mounts.
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", mount], check=True)
    shutil.rmtree(folder)


def test_an_engine_starts_is_used_and_starts_again_after_a_kill(engine_folder: Path) -> None:
    url = start_engine(engine_folder)
    first = (engine_folder / "docker.pid").read_text()
    assert start_engine(engine_folder) == url
    assert (engine_folder / "docker.pid").read_text() == first

    stop_engine(engine_folder, signal.SIGKILL)
    assert (engine_folder / "docker.sock").exists()
    # The numbers went to other programs, as they do after a reboot.
    (engine_folder / "docker.pid").write_text(str(os.getpid()))
    containerd = engine_folder / "exec/containerd/containerd.pid"
    containerd.write_text(str(os.getpid()))

    assert start_engine(engine_folder) == url
    with closing(connect(url)) as client:
        assert client.ping()


def test_a_daemon_that_cannot_start_says_why(engine_folder: Path) -> None:
    (engine_folder / "data").write_text("in the way")
    environment = {**os.environ, "OPPIE_TEST_ENGINE_DIR": str(engine_folder)}
    script = [sys.executable, ROOT / "images/engine.py"]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (5, "")
    reason = done.stderr.partition(f"The end of {engine_folder / 'dockerd.log'}:\n")[2]
    assert str(engine_folder / "data") in reason  # dockerd's own words


# -- the agent image -------------------------------------------------------------------------------


def test_the_agent_image_is_what_sandboxes_need(client: Client, agent_image: str) -> None:
    said = in_container(
        client,
        agent_image,
        "id -u; id -g; pwd; stat -c %u:%g . ~; git --version; tini --version;"
        " python3 -m pytest --version; python3 -c 'import ensurepip'; touch here && echo writable",
    ).splitlines()
    assert said[:5] == ["1000", "1000", "/workspace", "1000:1000", "1000:1000"]
    assert said[5].startswith("git version")
    assert said[6].startswith("tini version")
    assert said[7].startswith("pytest ")
    assert said[8:] == ["writable"]


def test_the_agent_image_leaves_room_for_deep_trees(client: Client, agent_image: str) -> None:
    found = engine.find(client, agent_image)
    assert found
    assert found.layers <= 8
    config = client.api.inspect_image(agent_image)["Config"]
    assert not config.get("Volumes")
    assert "PYTHONDONTWRITEBYTECODE=1" in config["Env"]


@pytest.mark.usefixtures("agent_image")
def test_nothing_is_made_that_is_there(client: Client) -> None:
    before = engine.find(client, images.AGENT)
    assert list(images.prepare(client, images.Sources(registry_image=""))) == []
    assert images.ensure_agent_image(client) == engine.find(client, images.AGENT).id  # type: ignore[union-attr]
    assert engine.find(client, images.AGENT) == before
    assert images.AGENT in [image.name for image in images.list_images(client)]


@pytest.mark.usefixtures("agent_image")
def test_certificates_that_are_handed_in_are_trusted(
    client: Client, trial: str, tmp_path: Path
) -> None:
    if engine.find(client, images.BASE) is None:
        pytest.skip(f"the agent image was loaded, so there is no {images.BASE} to build on")
    name = "oppie-test-authority"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
         "-keyout", tmp_path / "key.pem", "-out", tmp_path / "ca.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    sources = images.Sources(ca_bundle=tmp_path / "ca.pem")
    lines = list(engine.build(client, images.agent_plan(sources, trial, images.BASE)))
    assert any(line.startswith("Step 1/") for line in lines)
    trusted = in_container(client, trial, "cat /etc/ssl/certs/ca-certificates.crt")
    assert (tmp_path / "ca.pem").read_text() in trusted
    environment = client.api.inspect_image(trial)["Config"]["Env"]
    assert "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" in environment


def test_a_ca_bundle_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"CA bundle .*none\.pem: No such file"):
        images.agent_plan(images.Sources(ca_bundle=tmp_path / "none.pem"), TRIAL, images.BASE)


def test_a_build_that_fails_says_where(client: Client, trial: str) -> None:
    files = {"Dockerfile": f"FROM {images.AGENT}\nRUN echo before; exit 7\n".encode()}
    plan = engine.Build(trial, files, "Dockerfile", network=False)
    with pytest.raises(EngineError, match=r"(?s)build oppie/test-trial.*code: 7.*before"):
        list(engine.build(client, plan))
    assert engine.find(client, trial) is None


@pytest.mark.usefixtures("agent_image")
def test_agents_that_cannot_be_fetched_are_one_sentence(client: Client) -> None:
    if engine.find(client, images.BASE) is None:
        pytest.skip(f"the agent image was loaded, so there is no {images.BASE} to build on")
    nowhere = images.Sources(proxies={"https_proxy": "http://127.0.0.1:9"})
    wanted = images.agents_of(["mini@0.0.0"])
    why = (
        r"\Abuild oppie/agent-mini:0\.0\.0: The agent mini@0\.0\.0 could not be installed: its "
        r"registry can't be reached from the build\.[^\n]+\Z"
    )
    with pytest.raises(EngineError, match=why):
        list(images.build_agent(client, nowhere, agents=wanted))
    assert engine.find(client, images.name_of(wanted)) is None


# -- moving images ---------------------------------------------------------------------------------


def test_a_saved_image_is_the_same_when_it_is_loaded(
    client: Client, agent_image: str, trial: str, tmp_path: Path
) -> None:
    archive = tmp_path / "trial.tar"
    client.api.tag(agent_image, "oppie/test-trial", "1")
    original = engine.find(client, trial)
    assert list(images.save(client, archive, trial))[-1] == f"saved to {archive}"
    assert list(tmp_path.iterdir()) == [archive]
    client.api.remove_image(trial)
    told = list(images.load(client, archive))
    assert any(trial in line for line in told)
    loaded = engine.find(client, trial)
    assert original
    assert loaded
    assert loaded.id == original.id


def test_a_root_file_system_becomes_an_image_of_one_layer(
    client: Client, trial: str, tmp_path: Path
) -> None:
    tar = tmp_path / "root.tar"
    with tarfile.open(tar, "w") as archive:
        member = tarfile.TarInfo("./etc/os-release")
        member.size = 6
        archive.addfile(member, io.BytesIO(b"ID=no\n"))
    engine.import_root(client, tar, trial, images.BASE_CHANGES)
    found = engine.find(client, trial)
    assert found
    assert found.layers == 1
    assert found.labels["org.opencontainers.image.title"] == "oppie base"


def test_what_is_no_tar_is_refused_before_the_engine_sees_it(
    client: Client, tmp_path: Path
) -> None:
    garbage = tmp_path / "garbage.tar"
    garbage.write_bytes(b"garbage" * 1000)
    with pytest.raises(TaskError, match=r"garbage\.tar is no tar archive"):
        list(images.load(client, garbage))
    with pytest.raises(TaskError, match=r"can't read .*none\.tar: No such file"):
        list(images.load(client, tmp_path / "none.tar"))


def test_a_registry_that_does_not_answer_costs_seconds_at_most(client: Client) -> None:
    started = time.monotonic()
    # TEST-NET-1: no host has this address, and packets to it vanish.
    assert engine.registry_refusal(client, "192.0.2.77:5000/base:1", timeout_s=1.0)
    assert time.monotonic() - started < 5
    usual_s = client.api.timeout
    assert engine.registry_refusal(client, "127.0.0.1:9/base:1", timeout_s=1.0)
    assert client.api.timeout == usual_s


@contextmanager
def registry(blobs: Mapping[str, bytes], manifest: bytes) -> Iterator[str]:
    """A registry with one image in it, on a port of this host; engines trust 127.0.0.0/8."""
    kind = "application/vnd.docker.distribution.manifest.v2+json"

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            what, _, reference = self.path.rpartition("/")
            body = manifest if what.endswith("/manifests") else blobs.get(reference, b"{}")
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Content-Digest", digest_of(body))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}/oppie-test:1"
        finally:
            server.shutdown()
            thread.join()


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def test_a_registry_that_answers_gives_its_image(client: Client) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("from-the-registry"))
    layer = stream.getvalue()
    rootfs = {"type": "layers", "diff_ids": [digest_of(layer)]}
    architecture = client.version()["Arch"]
    config = json.dumps({"architecture": architecture, "os": "linux", "rootfs": rootfs}).encode()
    media = "application/vnd.docker."
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{media}distribution.manifest.v2+json",
        "config": {
            "mediaType": f"{media}container.image.v1+json",
            "size": len(config),
            "digest": digest_of(config),
        },
        "layers": [
            {
                "mediaType": f"{media}image.rootfs.diff.tar.gzip",
                "size": len(layer),
                "digest": digest_of(layer),
            }
        ],
    }
    blobs = {digest_of(blob): blob for blob in (layer, config)}
    with registry(blobs, json.dumps(manifest).encode()) as name:
        assert engine.registry_refusal(client, name, timeout_s=10) == ""
        told = list(engine.pull(client, name))
        assert any("Pull complete" in line for line in told)
        pulled = engine.find(client, name)
        assert pulled
        client.api.remove_image(name)
        assert pulled.id == digest_of(config)


def test_what_is_not_there_is_said_with_the_way_to_it(client: Client, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no image oppie/none:1 .* oppie images build"):
        list(images.save(client, tmp_path / "none.tar", "oppie/none:1"))


def test_a_base_that_cannot_be_made_says_what_to_type(tmp_path: Path) -> None:
    """The script itself, with a PATH on which there is no mmdebstrap."""
    for program in ("bash", "apt-get", "id", "dirname"):
        found = shutil.which(program)
        if not found:
            pytest.skip(f"no {program} here: base images are made on Debian and Ubuntu")
        (tmp_path / program).symlink_to(found)
    environment = {"PATH": str(tmp_path), "OPPIE_NO_INSTALL": "1"}
    done = subprocess.run(
        [ROOT / "images/base.sh", tmp_path / "base.tar"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 5
    assert "apt-get install --yes mmdebstrap" in done.stderr
    assert not (tmp_path / "base.tar").exists()

"""Where engines are looked for, what their silence is called, and what the script does about it."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.errors import EngineUnavailable
from runner.sandbox.connect import connect
from runner.sandbox.endpoints import Endpoint, candidate_endpoints, certificates_for, refusal

SCRIPT = Path(__file__).resolve().parents[2] / "images" / "engine.py"


def make_context(config: Path, name: str, host: str, *, tls: bool = False) -> Path:
    """A Docker context on disk, as ``docker context create`` lays it out; its TLS folder."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = config / "contexts/meta" / digest
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Endpoints": {"docker": {"Host": host}}}))
    certificates = config / "contexts/tls" / digest / "docker"
    if tls:
        certificates.mkdir(parents=True)
    return certificates


def urls(environment: Mapping[str, str], home: Path) -> list[str]:
    return [endpoint.url for endpoint in candidate_endpoints(environment, home)]


# -- where ---------------------------------------------------------------------------------------


def test_the_usual_sockets_end_with_podmans(tmp_path: Path) -> None:
    assert urls({"XDG_RUNTIME_DIR": "/run/user/7"}, tmp_path) == [
        "unix:///var/run/docker.sock",
        "unix:///run/user/7/docker.sock",
        f"unix://{tmp_path}/.docker/run/docker.sock",
        "unix:///run/user/7/podman/podman.sock",
        "unix:///run/podman/podman.sock",
    ]


def test_without_a_runtime_folder_the_users_own_is_assumed(tmp_path: Path) -> None:
    assert f"unix:///run/user/{os.getuid()}/docker.sock" in urls({}, tmp_path)


def test_docker_host_is_the_only_candidate(tmp_path: Path) -> None:
    found = candidate_endpoints({"DOCKER_HOST": "tcp://host:2375"}, tmp_path)
    assert found == [Endpoint("tcp://host:2375", "DOCKER_HOST")]


def test_docker_host_with_tls_takes_its_certificates_along(tmp_path: Path) -> None:
    environment = {"DOCKER_HOST": "tcp://host:2376", "DOCKER_TLS_VERIFY": "1"}
    assert candidate_endpoints(environment, tmp_path)[0].certificates == tmp_path / ".docker"
    environment["DOCKER_CERT_PATH"] = "/certificates"
    assert candidate_endpoints(environment, tmp_path)[0].certificates == Path("/certificates")
    assert certificates_for("unix:///socket", environment, tmp_path) is None


def test_the_current_context_goes_before_the_sockets(tmp_path: Path) -> None:
    config = tmp_path / ".docker"
    certificates = make_context(config, "far", "tcp://far:2376", tls=True)
    (config / "config.json").write_text('{"currentContext": "far"}')
    found = candidate_endpoints({}, tmp_path)
    assert found[0] == Endpoint("tcp://far:2376", "context far", certificates)
    assert len(found) == 6


def test_a_context_that_is_a_usual_socket_is_tried_once(tmp_path: Path) -> None:
    make_context(tmp_path / ".docker", "here", "unix:///var/run/docker.sock")
    (tmp_path / ".docker/config.json").write_text('{"currentContext": "here"}')
    found = candidate_endpoints({}, tmp_path)
    assert found[0].origin == "context here"
    assert [e.url for e in found].count("unix:///var/run/docker.sock") == 1


def test_a_context_of_the_session_is_the_only_candidate(tmp_path: Path) -> None:
    make_context(tmp_path / "config", "far", "tcp://far:2375")
    environment = {"DOCKER_CONTEXT": "far", "DOCKER_CONFIG": str(tmp_path / "config")}
    assert urls(environment, tmp_path) == ["tcp://far:2375"]
    assert urls({"DOCKER_CONTEXT": "default"}, tmp_path) == ["unix:///var/run/docker.sock"]


def test_a_context_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="no such Docker context"):
        connect(environment={"DOCKER_CONTEXT": "gone"}, home=tmp_path)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"currentContext": 3}', '{"currentContext": "x"}'])
def test_a_damaged_configuration_is_no_obstacle(tmp_path: Path, damage: str) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(damage)
    assert urls({}, tmp_path)[0] == "unix:///var/run/docker.sock"


# -- what silence is called ------------------------------------------------------------------------


@contextmanager
def answering(path: Path, answer: bytes | None) -> Iterator[str]:
    """Something on a socket that gives each caller ``answer``, or nothing until the end."""
    over = threading.Event()

    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            if answer is None:
                over.wait(10)
            else:
                self.request.sendall(answer)

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = False

    with Server(str(path), Talk) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"unix://{path}"
        finally:
            over.set()
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", ""),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answers HTTP 404"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "SSH-2.0"),
        (b"", "closed connection"),
        (None, "no answer within 0.2 s"),
    ],
)
def test_only_a_ping_that_is_answered_makes_an_engine(
    tmp_path: Path, answer: bytes | None, why: str
) -> None:
    with answering(tmp_path / "s", answer) as url:
        said = refusal(Endpoint(url, "test"), timeout_s=0.2 if answer is None else 10)
    assert why in said
    assert bool(said) == bool(why)


def test_a_socket_that_a_killed_daemon_left_is_told_from_none(tmp_path: Path) -> None:
    left = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(left))
        listener.listen()
    assert "connection refused" in refusal(Endpoint(f"unix://{left}", "test"))
    assert refusal(Endpoint(f"unix://{tmp_path}/none", "test")) == "no such socket"


def test_what_cannot_be_spoken_is_said_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"ssh -nNT -L .*/var/run/docker\.sock"):
        connect("ssh://somewhere", environment={}, home=tmp_path)
    assert "'npipe' is not one of unix, tcp" in refusal(Endpoint("npipe:////pipe", "test"))


def test_all_that_was_tried_is_listed_with_the_fix(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/none.sock"
    with pytest.raises(EngineUnavailable) as caught:
        connect(environment={"DOCKER_HOST": url}, home=tmp_path)
    assert f"{url} (DOCKER_HOST): no such socket" in str(caught.value)
    assert "make setup" in str(caught.value)


# -- what the script does --------------------------------------------------------------------------


def run_script(
    folder: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT],
        env={"PATH": os.environ["PATH"], **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_address_of_an_engine_is_all_there_is_on_stdout(tmp_path: Path) -> None:
    with answering(tmp_path / "docker.sock", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as url:
        done = run_script(DOCKER_HOST=url)
    assert (done.returncode, done.stdout) == (0, url + "\n")
    assert "answers" in done.stderr


def test_another_engine_that_is_named_but_silent_starts_nothing_here(tmp_path: Path) -> None:
    done = run_script(DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert (done.returncode, done.stdout) == (5, "")
    assert "names another engine" in done.stderr
    assert "apt-get install --yes docker.io" in done.stderr


def test_the_engine_that_the_settings_name_goes_before_all_others(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('# settings\nOPPIE_ENGINE="unix:///in/the/file"\n')
    done = run_script(tmp_path, DOCKER_HOST="unix:///in/docker/host")
    assert "unix:///in/the/file (OPPIE_ENGINE): no such socket" in done.stderr
    done = run_script(tmp_path, OPPIE_ENGINE="unix:///in/the/environment")
    assert "unix:///in/the/environment (OPPIE_ENGINE)" in done.stderr
    assert "OPPIE_ENGINE names another engine" in done.stderr
    assert (done.returncode, done.stdout) == (5, "")


def test_nothing_is_installed_if_that_is_forbidden(tmp_path: Path) -> None:
    done = run_script(
        OPPIE_TEST_ENGINE_DIR=str(tmp_path), OPPIE_DOCKERD="no-such-daemon", OPPIE_NO_INSTALL="1"
    )
    assert (done.returncode, done.stdout) == (5, "")
    expected = "OPPIE_NO_INSTALL forbids" if os.geteuid() == 0 else "takes root's rights"
    assert expected in done.stderr
    assert "sudo apt-get update" in done.stderr
    assert "setsid dockerd" in done.stderr


ForgetDead = Callable[[Path, str], int | None]


@pytest.fixture
def forget_dead(monkeypatch: pytest.MonkeyPatch) -> Iterator[ForgetDead]:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    monkeypatch.setattr(sys, "path", [*sys.path])  # the script extends it
    import engine

    yield engine.forget_dead
    for name in ("engine", "endpoints"):
        sys.modules.pop(name, None)


def test_a_pid_file_counts_only_while_its_daemon_lives(tmp_path: Path, forget_dead: ForgetDead) -> None:
    pid_file = tmp_path / "docker.pid"
    with subprocess.Popen(["sleep", "60"]) as process:
        pid_file.write_text(f"{process.pid}\n")
        assert forget_dead(pid_file, "sleep") == process.pid
        assert pid_file.exists()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert forget_dead(pid_file, "sleep") is None  # a zombie is dead
        assert not pid_file.exists()


@pytest.mark.parametrize("content", ["1", "", "garbage", "999999999"])
def test_a_number_that_went_to_another_program_is_stale(
    tmp_path: Path, content: str, forget_dead: ForgetDead
) -> None:
    pid_file = tmp_path / "docker.pid"
    pid_file.write_text(content)
    assert forget_dead(pid_file, "dockerd") is None
    assert not pid_file.exists()
    assert forget_dead(pid_file, "dockerd") is None

"""`oppie guard` before a real engine: all that oppie does passes, and nothing else does."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import docker
import pytest
from commands import OPPIE, Machine
from guard.attacks import Attack, Ground, attacks, config, create, request
from guard.exercise import TERMS, Stage, exercise, remove_images

from runner.errors import EngineError
from runner.guard.exchange import Policy, Refusal
from runner.guard.listing import Recorder, Seen, allowed, merged, read_recording
from runner.guard.policy import Guard, Recording
from runner.guard.relay import dial, relaying
from runner.guard.rules import RULES
from runner.guard.terms import Terms
from runner.sandbox import images, spec
from runner.sandbox.connect import connect

pytestmark = pytest.mark.engine

LIMIT_S = 60.0
# How a guard asks whose something is, which changes nothing; and an archive that is cut off.
LOOKS = {"GET /containers/{container}/json", "GET /images/{image}/json"}
CUT_OFF = {"POST /images/load"}


@dataclass
class Guarded:
    """A guard's socket, what it refused, and what reached the engine through it."""

    path: Path
    refused: list[Refusal]
    recording: io.StringIO = field(default_factory=io.StringIO)

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def reached(self) -> dict[str, Seen]:
        return merged(read_recording(self.recording.getvalue().splitlines(), "recording"))

    def ask(self, said: bytes) -> bytes:
        """All that is answered."""
        with dial(self.path) as sock:
            sock.settimeout(LIMIT_S)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                sock.sendall(said)
                sock.shutdown(socket.SHUT_WR)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                while data := sock.recv(1 << 16):
                    answer += data
            return answer


@pytest.fixture
def engine_socket(client: docker.DockerClient) -> Path:
    """The engine's own socket."""
    assert client.api.ping()
    url = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not url.startswith("unix://"):
        pytest.skip(f"a guard stands before a socket, and the engine is at {url}")
    return Path(url.removeprefix("unix://"))


@contextlib.contextmanager
def guarding(folder: Path, engine: Path, terms: Terms) -> Iterator[Guarded]:
    """A guard with the list that is shipped, and behind it a recorder of what it tells the engine."""
    inner, guarded = folder / "inner.sock", Guarded(folder / "guard.sock", [])
    recorder: Policy = Recording(Recorder(guarded.recording))
    guard = Guard(allowed(), terms, inner)
    with (
        relaying(inner, engine, recorder, print),
        relaying(guarded.path, inner, guard, guarded.refused.append),
    ):
        yield guarded


# -- what oppie does -------------------------------------------------------------------------------


def test_all_that_oppie_does_passes_and_the_list_holds_nothing_more(
    client: docker.DockerClient, engine_socket: Path, agent_image: str, tmp_path: Path
) -> None:
    refused: list[Refusal] = []
    recording, path = io.StringIO(), tmp_path / "guard.sock"
    guard = Guard(allowed(), TERMS, engine_socket, Recorder(recording))
    machine = Machine(tmp_path / "machine", agent_image, client)
    try:
        with relaying(path, engine_socket, guard, refused.append):
            exercise(Stage(f"unix://{path}", machine, client, tmp_path))
    finally:
        machine.clean()
        remove_images(client)
    assert refused == []
    seen = merged(read_recording(recording.getvalue().splitlines(), "recording"))
    assert seen == allowed(), "to record it anew: PYTHONPATH=.:tests python -m guard.record"


def test_every_listed_call_has_a_rule_and_every_rule_is_listed() -> None:
    assert allowed().keys() == RULES.keys()


# -- what nobody may do ----------------------------------------------------------------------------


@pytest.fixture
def ground(client: docker.DockerClient, agent_image: str, run_id: str) -> Iterator[Ground]:
    """Somebody else's running container and image, and a container of oppie's own."""
    theirs, ours = f"oppie-theirs-{secrets.token_hex(3)}", f"oppie-{run_id}-ours"
    image = f"somebody/{secrets.token_hex(3)}"
    client.api.tag(agent_image, image, "1")
    found = client.api.create_container(agent_image, ["sleep", "600"], name=theirs)
    ground = Ground(theirs, found["Id"], f"{image}:1", ours, agent_image, run_id)
    try:
        client.api.create_container_from_config(config(ground), ours)
        client.api.start(theirs)
        yield ground
    finally:
        for name in (theirs, ours):
            with contextlib.suppress(docker.errors.NotFound):
                client.api.remove_container(name, force=True)
        client.api.remove_image(f"{image}:1", noprune=True)


@pytest.mark.usefixtures("nothing_left_behind")
def test_each_attack_is_refused_and_nothing_happens(
    client: docker.DockerClient, engine_socket: Path, ground: Ground, tmp_path: Path
) -> None:
    before, began_s = client.api.inspect_container(ground.theirs), time.time()
    image = client.api.inspect_image(ground.their_image)
    every = attacks(ground)
    with guarding(tmp_path, engine_socket, Terms()) as guarded:
        for attack in every:
            _assert_refused(guarded, attack)
        assert guarded.reached().keys() <= LOOKS | CUT_OFF
        assert len(guarded.refused) >= len(every) >= 100
    assert client.api.inspect_container(ground.theirs) == before
    assert client.api.inspect_image(ground.their_image) == image
    for name in (ground.theirs, ground.ours):
        wanted = {"container": name}
        events = client.api.events(since=began_s, until=time.time(), filters=wanted, decode=True)
        assert list(events) == []
    labelled = {"label": f"{spec.RUN}={ground.run_id}"}
    (only,) = client.api.containers(all=True, filters=labelled)
    assert (only["Names"], only["State"]) == ([f"/{ground.ours}"], "created")


def _assert_refused(guarded: Guarded, attack: Attack) -> None:
    known = len(guarded.refused)
    answer = guarded.ask(attack.said)
    status = int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else 0
    assert status in (400, 403, 431, 501), f"{attack.name}: {answer[:300]!r}"
    told, _ = json.JSONDecoder().raw_decode(answer.partition(b"\r\n\r\n")[2].decode())
    told = told["message"]
    assert told.startswith("oppie guard: ") and "\n" not in told
    assert len(guarded.refused) > known, attack.name


def test_a_slow_head_is_refused_and_holds_nobody_up(
    engine_socket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.guard.exchange.HEAD_S", 1.0)
    with guarding(tmp_path, engine_socket, Terms()) as guarded, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(dial(guarded.path)) for _ in range(40)]
        for sock in slow:
            sock.sendall(b"GET /_pi")
        assert guarded.ask(request("GET", "/_ping")).startswith(b"HTTP/1.1 200")
        for sock in slow:
            sock.settimeout(LIMIT_S)
            assert sock.recv(100).startswith(b"HTTP/1.1 408")
        assert set(guarded.reached()) == {"GET /_ping"}


@pytest.mark.usefixtures("nothing_left_behind")
def test_what_the_attacks_are_made_of_passes_when_it_is_honest(
    client: docker.DockerClient, engine_socket: Path, ground: Ground, tmp_path: Path
) -> None:
    """The proof that the attacks fail for what they ask, and not for how they are asked."""
    with guarding(tmp_path, engine_socket, Terms()) as guarded:
        try:
            assert guarded.ask(create(ground, config(ground), "fine")).startswith(b"HTTP/1.1 201")
        finally:
            client.api.remove_container(f"oppie-{ground.run_id}-fine", force=True)
        assert guarded.refused == []


def test_what_is_not_there_is_told_as_the_engine_tells_it(
    engine_socket: Path, tmp_path: Path
) -> None:
    with guarding(tmp_path, engine_socket, Terms()) as guarded:
        with contextlib.closing(connect(guarded.url)) as client:
            with pytest.raises(docker.errors.NotFound, match="No such container: oppie-none"):
                client.api.remove_container("oppie-none")
            with pytest.raises(docker.errors.ImageNotFound, match="No such image: sha256:00"):
                client.api.inspect_image(f"sha256:{'0' * 64}")
        assert guarded.refused == []
        assert "DELETE /containers/{container}" not in guarded.reached()


def test_of_others_events_only_the_number_is_told(
    client: docker.DockerClient, engine_socket: Path, ground: Ground, tmp_path: Path
) -> None:
    with guarding(tmp_path, engine_socket, Terms()) as guarded:
        told = guarded.ask(request("GET", f"/v1.41/events?since=1&until={time.time():.6f}"))
    assert told.count(b"{}\n") >= 2  # their container was made, and started
    assert ground.theirs.encode() not in told and b"Action" not in told
    assert client.api.inspect_container(ground.theirs)["State"]["Running"]


def test_a_refusal_is_one_clear_line_to_who_asked(
    engine_socket: Path, tmp_path: Path
) -> None:
    with guarding(tmp_path, engine_socket, Terms(builds=False)) as guarded:
        client = connect(guarded.url)
        with contextlib.closing(client), pytest.raises(EngineError) as told:
            list(images.build(client, images.Build("oppie/x:1", {"D": b"FROM scratch"}, "D")))
    assert str(told.value) == (
        "build oppie/x:1: the engine refused: oppie guard: POST /build: "
        "images aren't made through this guard (--no-builds)"
    )


# -- the command -----------------------------------------------------------------------------------


def test_the_command_guards_and_notes_what_it_refused(
    client: docker.DockerClient, engine_socket: Path, agent_image: str, tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "machine", agent_image, client)
    path, log = tmp_path / "guard.sock", tmp_path / "refused.jsonl"
    arguments = ("guard", "--listen", str(path), "--engine", f"unix://{engine_socket}", "--log", str(log))
    with subprocess.Popen(
        [*OPPIE, *arguments, "--mode", "660"], env=machine.environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        assert process.stderr.readline() == f"{path} answers for {engine_socket}\n"
        assert path.stat().st_mode & 0o777 == 0o660
        assert machine.oppie("doctor", OPPIE_ENGINE=f"unix://{path}").returncode == 0
        guarded = Guarded(path, [])
        assert b"400 Bad Request" in guarded.ask(request("GET", "/v1.41/volumes?x=%1b[31m%22"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0
    (line,) = log.read_text("ascii").splitlines()
    assert json.loads(line) == {
        "refused": "GET /v1.41/volumes?x=%1b[31m%22",
        "status": 400,
        "why": "the query's 'x' is no single line",
    }
    assert not path.exists()

"""A daemon that is killed, restarted, or away while it is needed, and images that change under a run.

The daemon is the tests' own. ``OPPIE_TEST_LONG=1`` lets it be away for longer, and has all tests run
with live restore, too. ``python -m benchmarks.faults`` kills it in the middle of every call.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from worlds import LIMITS, wait_for

from runner.errors import EngineUnavailable, SnapshotMissing
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.protocol import Exit, Leftovers, Step, StepResult
from tests.faults.daemon import IMAGE, Daemon, give_image, own_daemon, small_image
from tests.faults.faults import Cut, CutUpload, Dropped, Rule, Struck
from tests.faults.proxy import Proxy, proxied
from tests.faults.searches import Search, Told

pytestmark = pytest.mark.engine

LONG = bool(os.environ.get("OPPIE_TEST_LONG"))
AWAY_S = 30.0 if LONG else 1.0

PLAIN, LIVE_RESTORE = (
    pytest.param(live, id=name) for live, name in ((False, "plain"), (True, "live-restore"))
)
both = pytest.mark.parametrize("daemon", [PLAIN, LIVE_RESTORE], indirect=True)
one = pytest.mark.parametrize("daemon", [PLAIN, LIVE_RESTORE] if LONG else [PLAIN], indirect=True)


@pytest.fixture(scope="module")
def root(client: docker.DockerClient, agent_image: str) -> bytes:
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        pytest.skip("only root, with dockerd installed, can start another daemon")
    return small_image(client, agent_image)


@pytest.fixture(scope="module")
def daemon(request: pytest.FixtureRequest, root: bytes) -> Iterator[Daemon]:
    with own_daemon(live_restore=request.param) as daemon:
        give_image(daemon, root)
        yield daemon


@pytest.fixture(scope="module")
def proxy(daemon: Daemon) -> Iterator[Proxy]:
    with proxied(str(daemon.socket)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def calm(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """How a search ends that nothing disturbs."""
    search = Search(tmp_path_factory.mktemp("calm"), daemon.url, IMAGE, run_id="calm")
    told = search.go()
    assert (search.faults(), told.retried) == ([], 0)
    search.clear()
    return told


@pytest.fixture
def door(daemon: Daemon, run_id: str) -> Iterator[EngineSandbox]:
    with closing(EngineSandbox(connect(daemon.url), run_id, IMAGE, outage_s=30.0)) as door:
        yield door
        assert door.leftovers() == Leftovers()


# -- searches --------------------------------------------------------------------------------------

START, COMMIT = r"POST /containers/.*-act/start", r"POST /commit"
REMOVE = r"DELETE /containers/.*-act"


def blow(daemon: Daemon) -> Struck:
    def come_back() -> None:
        time.sleep(AWAY_S)
        daemon.start()

    return Struck(daemon.kill, come_back, 0.02)


@one
def test_a_daemon_killed_in_mid_start_commit_and_remove(
    daemon: Daemon, proxy: Proxy, calm: Told, tmp_path: Path
) -> None:
    search = Search(tmp_path, proxy.url, IMAGE)
    rules = [
        Rule(START, blow(daemon)),
        Rule(COMMIT, blow(daemon), 2),  # the first is the root's
        Rule(REMOVE, blow(daemon), 3),
    ]
    proxy.plan(*rules)
    told = search.go()
    assert [rule.hits for rule in rules] == [1, 1, 1]
    assert told.is_as(calm), told
    assert search.faults() == []
    search.clear()


@one
def test_a_daemon_that_stays_away_stops_the_search_which_can_be_resumed(
    daemon: Daemon, proxy: Proxy, calm: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.search.MAX_ATTEMPTS", 2)
    search = Search(tmp_path, proxy.url, IMAGE, workers=2, outage_s=1.0)
    proxy.plan(Rule(START, Struck(daemon.kill, lambda: None), 2))
    told = search.go()
    assert told.stop == "environment"
    assert "does not answer" in told.detail
    daemon.start()
    proxy.plan()
    search = Search(tmp_path, proxy.url, IMAGE)
    assert search.go().is_as(calm)
    assert search.faults() == []
    search.clear()


# -- steps -----------------------------------------------------------------------------------------


def step_of(script: str, name: str = "s") -> Step:
    body = b"{ " + script.encode() + b"\n}\n"
    return Step(name, "A-1", IMAGE, ("sh", "-s"), LIMITS, stdin=body)


def during(log: Path, act: Callable[[], None]) -> threading.Thread:
    """Do something once a step is under way."""

    def wait_and_act() -> None:
        wait_for(lambda: log.exists() and b"begun" in log.read_bytes(), "the step is under way")
        act()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


def unless_lost(door: EngineSandbox, step: Step, log: Path) -> StepResult | None:
    """The result, if the container outlived its daemon and the next one has noticed its end, which
    Docker's live restore doesn't always do. Else it is the engine's fault, and nobody else's."""
    try:
        return door.run(step, log)
    except EngineUnavailable:
        return None


@both
def test_a_step_whose_daemon_is_killed(daemon: Daemon, door: EngineSandbox, tmp_path: Path) -> None:
    """Its container goes down with the daemon, which is no failure of the step's; or lives on."""
    step = step_of("echo begun; sleep 4; echo x >>runs; echo done")
    log = tmp_path / "log"
    killer = during(log, lambda: daemon.restart(0.5))
    result = unless_lost(door, step, log)
    if result:
        assert daemon.live_restore
        assert (result.exit, log.read_bytes()) == (Exit.OK, b"begun\ndone\n")
        assert b"".join(door.read(result.container, "runs")) == b"x\n"
        door.remove(result.container)
    killer.join()


@both
@pytest.mark.parametrize(
    "script", ["trap 'exit 1' TERM", *(["trap 'exit 0' TERM"] if LONG else [])]
)
def test_a_step_that_its_daemon_takes_down_politely(
    daemon: Daemon, door: EngineSandbox, tmp_path: Path, script: str
) -> None:
    """It ends by itself when told to, with a code of its own choice, which means nothing."""
    log = tmp_path / "log"

    def restart() -> None:
        daemon.kill(signal.SIGTERM)
        daemon.start()

    killer = during(log, restart)
    step = step_of(f"{script}; echo begun; for n in 1 2 3 4; do sleep 1; done; echo done")
    result = unless_lost(door, step, log)
    if result:
        assert daemon.live_restore
        assert (result.exit, log.read_bytes()) == (Exit.OK, b"begun\ndone\n")
        door.remove(result.container)
    killer.join()


@both
def test_a_session_whose_daemon_is_killed(
    daemon: Daemon, door: EngineSandbox, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    step = replace(step_of(""), stdin=b"", command=("sh", "-c", "echo begun; sleep 3"))
    killer = during(log, daemon.restart)
    with pytest.raises(EngineUnavailable), door.session(step, log) as session:
        session.repeat()
    killer.join()


@one
def test_a_step_whose_containerd_is_killed(
    daemon: Daemon, door: EngineSandbox, tmp_path: Path
) -> None:
    """Docker may not hear of the container's end then. Nobody is blamed, and nothing stays."""
    log = tmp_path / "log"
    killer = during(log, daemon.kill_containerd)
    step = step_of("echo begun; sleep 2; echo done")
    result = unless_lost(door, replace(step, limits=replace(LIMITS, time_s=4.0)), log)
    if result:
        assert (result.exit, log.read_bytes()) == (Exit.OK, b"begun\ndone\n")
        door.remove(result.container)
    killer.join()


# -- images ----------------------------------------------------------------------------------------


def commit_of(door: EngineSandbox, tmp_path: Path, script: str, label: str) -> str:
    result = door.run(step_of(script, label.lower()), tmp_path / label)
    made = door.commit(result.container, label, None, {"attempt": label})
    door.remove(result.container)
    return made.digest


@one
def test_a_tag_that_somebody_moved_takes_nothing_of_theirs(
    daemon: Daemon, door: EngineSandbox, run_id: str, tmp_path: Path
) -> None:
    """A run's images are addressed by digest; its tag on another's image isn't its image."""
    digest = commit_of(door, tmp_path, "echo ours >file", "A")
    tag = f"oppie/{run_id}:A"
    with closing(connect(daemon.url)) as client:
        theirs = client.api.inspect_image(IMAGE)["Id"]
        client.api.tag(IMAGE, f"oppie/{run_id}", "A", force=True)
        result = door.run(replace(step_of("cat file"), image=digest), tmp_path / "log")
        assert (tmp_path / "log").read_bytes() == b"ours\n"
        door.remove(result.container)
        client.api.remove_image(IMAGE, noprune=True)  # now only our tag holds their image
        door.discard(tag)
        assert client.api.inspect_image(theirs)["Id"] == theirs
        client.api.tag(theirs, *IMAGE.split(":"))
        client.api.remove_image(tag, noprune=True)
    door.discard(digest)


@one
def test_an_image_that_somebody_removed_is_told_apart(
    daemon: Daemon, door: EngineSandbox, tmp_path: Path
) -> None:
    digest = commit_of(door, tmp_path, "echo ours >file", "A")
    with closing(connect(daemon.url)) as client:
        client.api.remove_image(digest, force=True)
    with pytest.raises(SnapshotMissing):
        door.run(replace(step_of("cat file"), image=digest), tmp_path / "log")
    with pytest.raises(SnapshotMissing):
        door.find(digest)


# -- many layers made one --------------------------------------------------------------------------

IMPORTED = [
    Rule(r"GET /containers/.*/export", Cut(512 * 3000, clean=True)),
    Rule(r"GET /containers/.*/export", Cut(512 * 3000)),
    Rule(r"POST /images/create", Dropped()),
    Rule(r"POST /images/create", CutUpload(512 * 3000)),
]


@one
def test_layers_are_made_one_from_all_files_or_not_at_all(
    proxy: Proxy, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.sandbox.snapshots.MAX_DEPTH", 1)
    with closing(EngineSandbox(connect(proxy.url), run_id, IMAGE, outage_s=30.0)) as door:
        for number, rule in enumerate(IMPORTED):
            proxy.plan(rule)
            digest = commit_of(door, tmp_path, "echo x >>runs", f"A.{number}")
            assert rule.hits == 1
            assert [image.digest for image in door.leftovers().held_images] == [digest]
            result = door.run(replace(step_of("cat runs"), image=digest), tmp_path / "log")
            assert (tmp_path / "log").read_bytes() == b"x\n"
            door.remove(result.container)
            door.discard(f"oppie/{run_id}:A.{number}")
        assert door.leftovers() == Leftovers()


@one
def test_variables_of_several_lines_outlive_the_making_of_one_layer(
    daemon: Daemon, door: EngineSandbox, run_id: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("runner.sandbox.snapshots.MAX_DEPTH", 1)
    with closing(connect(daemon.url)) as client:
        conf = {"Env": ["PATH=/usr/bin:/bin", "LINES=one\n two \"$three\"\n"]}
        made = client.api.create_container(IMAGE, ["true"])
        base = client.api.commit(made, conf={**conf, "Labels": {"several": "a\nb"}})["Id"]
        client.api.remove_container(made)
        result = door.run(replace(step_of("echo x >file", "a"), image=base), tmp_path / "log")
        digest = door.commit(result.container, "A", None, {"attempt": "A-1"}).digest
        door.remove(result.container)
        step = replace(step_of('printf "%s" "$LINES"; cat file', "b"), image=digest)
        door.remove(door.run(step, tmp_path / "log").container)
        assert (tmp_path / "log").read_bytes() == b'one\n two "$three"\nx\n'
        labels = client.api.inspect_image(digest)["Config"]["Labels"]
        assert (labels["several"], labels["io.oppie.node"]) == ("a\nb", "A")
        door.discard(f"oppie/{run_id}:A")
        for name in door.leftovers().images:  # the files alone, which the snapshot was made of
            door.discard(name)
        client.api.remove_image(base)

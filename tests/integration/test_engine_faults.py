"""Calls to a real engine that go wrong on their way: what was done is recognised, and nothing is
taken for whole that isn't.

Several faults befall one step here, one after another; ``OPPIE_TEST_LONG=1`` lets each have a step of
its own as well. ``python -m benchmarks.faults`` lets every fault befall every call of a search.
"""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from worlds import LIMITS, wait_for

from runner.errors import EngineError, EngineUnavailable
from runner.sandbox.connect import connect
from runner.sandbox.engine import EngineSandbox
from runner.sandbox.protocol import Exit, Leftovers, Step, StepResult
from tests.faults.faults import Away, Cut, CutUpload, Dropped, Failed, Fault, Late, Rule, Stalled
from tests.faults.proxy import Proxy, proxied
from tests.faults.searches import Search

pytestmark = pytest.mark.engine

LONG = bool(os.environ.get("OPPIE_TEST_LONG"))
SILENCE_S = 4.0  # of the client's time-out, where a fault is to outlast it


@pytest.fixture(scope="module")
def proxy(client: docker.DockerClient) -> Iterator[Proxy]:
    with proxied(client.api._custom_adapter.socket_path) as proxy:
        yield proxy


@pytest.fixture
def door(proxy: Proxy, agent_image: str, run_id: str) -> Iterator[EngineSandbox]:
    """A sandbox behind the proxy; in the end nothing of it may be left on the engine."""
    proxy.plan()
    sandbox = EngineSandbox(connect(proxy.url), run_id, agent_image, outage_s=20.0)
    yield sandbox
    proxy.plan()
    left = sandbox.leftovers()
    sandbox.close()
    with closing(EngineSandbox(connect(), run_id, agent_image)) as direct:
        for name in direct.leftovers().containers:
            direct.remove(name)
        for tag in direct.leftovers().images:
            direct.discard(tag)
        assert direct.leftovers() == Leftovers()
    assert left == Leftovers()


@pytest.fixture
def step(agent_image: str) -> Step:
    """A step that counts its executions in a file, prints, and exits with 3."""
    script = b"{ echo x >>runs\nseq 2000\nexit 3\n}\n"
    return Step("s", "A-1", agent_image, ("sh", "-s"), LIMITS, stdin=script)


WHOLE = b"".join(b"%d\n" % n for n in range(1, 2001))


def ran_once(door: EngineSandbox, result: StepResult) -> bool:
    return b"".join(door.read(result.container, "runs")) == b"x\n"


def say(rule: Rule) -> str:
    return f"{rule.call.partition(' ')[2].strip('/.*')}-{type(rule.fault).__name__}-{rule.nth}"


# -- calls whose answer is lost --------------------------------------------------------------------

CREATE, START = r"POST /containers/create", r"POST /containers/.*-s/start"
WAIT, INSPECT = r"POST /containers/.*-s/wait", r"GET /containers/.*-s/json"
ATTACH, LOGS = r"POST /containers/.*-s/attach", r"GET /containers/.*-s/logs"
ARCHIVE, COMMIT = r"GET /containers/.*-s/archive", r"POST /commit"
REMOVE, IMAGE = r"DELETE /containers/.*-s", r"GET /images/.*/json"

SURVIVED = [
    Rule(CREATE, Dropped(), 2),  # the first makes the network's container
    Rule(CREATE, Dropped(), 1),
    Rule(CREATE, Failed(500), 2),
    Rule(CREATE, Failed(503, after=True), 2),
    Rule(CREATE, Away(1.0), 2),
    Rule(r"POST /containers/.*-net-0-0/start", Dropped()),
    Rule(START, Dropped()),
    Rule(WAIT, Dropped()),
    Rule(WAIT, Failed(500)),
    Rule(WAIT, Cut(clean=True)),
    Rule(INSPECT, Dropped(), 2),
    Rule(INSPECT, Failed(500), 2, 2),
    Rule(INSPECT, Cut(40), 2),
    Rule(INSPECT, Away(1.0), 2),
    Rule(LOGS, Dropped()),
    Rule(LOGS, Failed(500)),
    Rule(LOGS, Cut(100)),
    Rule(REMOVE, Dropped()),
    Rule(REMOVE, Failed(500)),
    Rule(REMOVE, Failed(500, after=True)),
    Rule(REMOVE, Away(1.0)),
]


TOGETHER = [
    Rule(CREATE, Dropped(), 1),
    Rule(CREATE, Failed(503, after=True), 3),
    Rule(CREATE, Failed(500), 5),
    Rule(r"POST /containers/.*-net-0-0/start", Dropped()),
    Rule(START, Dropped()),
    Rule(WAIT, Failed(500)),
    Rule(INSPECT, Dropped(), 2),
    Rule(INSPECT, Cut(40), 4),
    Rule(LOGS, Cut(100)),
    Rule(LOGS, Away(0.5), 2),
    Rule(REMOVE, Dropped()),
]


def show(rules: Sequence[Rule]) -> str:
    return say(rules[0]) if len(rules) == 1 else "many"


@pytest.mark.parametrize("rules", [TOGETHER, *([rule] for rule in SURVIVED if LONG)], ids=show)
def test_a_step_runs_once_and_is_told_whole(
    proxy: Proxy, door: EngineSandbox, step: Step, tmp_path: Path, rules: Sequence[Rule]
) -> None:
    rules = [replace(rule) for rule in rules]
    proxy.plan(*rules)
    result = door.run(step, tmp_path / "log")
    assert (result.exit, result.code) == (Exit.NONZERO, 3)
    assert (tmp_path / "log").read_bytes() == WHOLE
    assert ran_once(door, result)
    door.remove(result.container)
    assert [rule for rule in rules if rule.hits != rule.times] == []


@pytest.mark.parametrize("fault", [Cut(5000), *([Cut(1), Cut(1000)] if LONG else [])], ids=repr)
def test_a_stream_that_breaks_off_is_no_short_log(
    proxy: Proxy, door: EngineSandbox, step: Step, tmp_path: Path, fault: Fault
) -> None:
    """The engine's own copy takes its place, and isn't called complete."""
    proxy.plan(Rule(ATTACH, fault))
    late = step.stdin.replace(b"seq", b"sleep 0.5; seq")
    result = door.run(replace(step, stdin=late), tmp_path / "log")
    assert (result.exit, result.code, result.log_complete) == (Exit.NONZERO, 3, False)
    assert (tmp_path / "log").read_bytes() == WHOLE
    assert ran_once(door, result)
    door.remove(result.container)


def test_a_script_that_is_lost_on_its_way_is_no_short_script(
    proxy: Proxy, door: EngineSandbox, step: Step, tmp_path: Path
) -> None:
    """A shell that reads nothing ends well; one that reads half has a syntax error."""
    proxy.plan(Rule(ATTACH, Cut(0)))
    with pytest.raises(EngineUnavailable, match=r"cut off the input|let go of"):
        door.run(replace(step, first_words=b"1\n"), tmp_path / "log")
    proxy.plan()
    result = door.run(replace(step, first_words=b"1\n"), tmp_path / "log")
    assert result.code == 3
    door.remove(result.container)


def test_bytes_that_are_no_text_are_no_cut(door: EngineSandbox, step: Step, tmp_path: Path) -> None:
    script = rb"printf '\377\376a\0b\r\n'; head -c 70000 /dev/zero | tr '\0' '\377'; printf end"
    result = door.run(replace(step, stdin=script), tmp_path / "log")
    assert (result.exit, result.log_complete) == (Exit.OK, True)
    assert (tmp_path / "log").read_bytes() == b"\xff\xfea\0b\r\n" + b"\xff" * 70000 + b"end"
    door.remove(result.container)


# -- calls that can't be asked again ---------------------------------------------------------------

GIVEN_UP = [
    Rule(START, Failed(500)),
    Rule(ATTACH, Dropped()),
    Rule(ATTACH, Failed(500)),
    Rule(ATTACH, Away(0.5)),
    Rule(r"PUT /containers/.*-s/archive", CutUpload(2000)),
    Rule(r"PUT /containers/.*-s/archive", Failed(500)),
    Rule(r"PUT /containers/.*-s/archive", Dropped()),
]


@pytest.mark.parametrize("rule", GIVEN_UP, ids=say)
def test_what_comes_to_nothing_is_the_engines_fault_and_leaves_nothing(
    proxy: Proxy, door: EngineSandbox, step: Step, tmp_path: Path, rule: Rule
) -> None:
    rule = replace(rule)
    proxy.plan(rule)
    with pytest.raises(EngineError):
        door.run(replace(step, archive=[tar_of(b"x" * 5000)]), tmp_path / "log")
    assert rule.hits == 1
    assert door.leftovers() == Leftovers()


def tar_of(content: bytes) -> bytes:
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo("workspace/given")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        return buffer.getvalue()


def test_a_start_that_is_slow_is_not_asked_for_twice(
    proxy: Proxy, agent_image: str, run_id: str, step: Step, tmp_path: Path
) -> None:
    """The client's patience with one call ends before the answer comes."""
    client = connect(proxy.url, timeout_s=SILENCE_S)
    with closing(EngineSandbox(client, run_id, agent_image, outage_s=20.0)) as door:
        rule = Rule(START, Late(SILENCE_S + 2.0))
        proxy.plan(rule)
        result = door.run(step, tmp_path / "log")
        assert (result.code, ran_once(door, result)) == (3, True)
        assert (tmp_path / "log").read_bytes() == WHOLE
        assert [call for call in proxy.calls if call.endswith(f"{run_id}-s/start")] != []
        assert rule.seen == 1
        door.remove(result.container)


# -- archives and snapshots ------------------------------------------------------------------------


@contextmanager
def stopped(door: EngineSandbox, step: Step, log: Path) -> Iterator[str]:
    result = door.run(step, log)
    yield result.container
    door.remove(result.container)


@pytest.mark.parametrize("clean", [False, True], ids=["cut", "ended"])
def test_an_archive_that_breaks_off_is_never_taken_for_whole(
    proxy: Proxy, door: EngineSandbox, step: Step, tmp_path: Path, clean: bool
) -> None:
    script = b"echo a >a; echo b >b; head -c 60000 /dev/zero >zeros; echo c >zz"
    with stopped(door, replace(step, stdin=script), tmp_path / "log") as container:
        whole = b"".join(door.archive(container))
        with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
            assert len(archive.getnames()) == 5
        for blocks in (0, 1, 2, 3, 4, 5, 100, len(whole) // 512 - 2):
            proxy.plan(Rule(ARCHIVE, Cut(512 * blocks, clean=clean)))
            with pytest.raises(EngineError):
                b"".join(door.archive(container))
        for size_bytes in (0, 300, 512, 30_000):
            proxy.plan(Rule(ARCHIVE, Cut(size_bytes, clean=clean)))
            with pytest.raises(EngineError):
                b"".join(door.read(container, "zeros"))
        assert b"".join(door.read(container, "a")) == b"a\n"


COMMITTED = [
    Rule(COMMIT, Dropped()),
    Rule(COMMIT, Failed(500)),
    Rule(COMMIT, Failed(500, after=True)),
    Rule(COMMIT, Away(1.0)),
    Rule(IMAGE, Dropped()),
    Rule(IMAGE, Failed(500), 2),
    Rule(IMAGE, Cut(30), 3),
]


def test_a_commit_leaves_one_image_whatever_is_heard_of_it(
    proxy: Proxy, door: EngineSandbox, step: Step, tmp_path: Path
) -> None:
    with stopped(door, step, tmp_path / "log") as container:
        for number, rule in enumerate(COMMITTED):
            proxy.plan(rule)
            label, facts = f"A.{number}", {"attempt": f"A.{number}-1"}
            made = door.commit(container, label, None, facts)
            again = door.commit(container, label, None, facts)
            assert again == made == replace(door.find(made.tag), tag=made.tag)
            assert [image.digest for image in door.leftovers().held_images] == [made.digest]
            assert rule.hits == 1
            proxy.plan(Rule(r"DELETE /images/.*", Dropped()))
            door.discard(made.tag)


def test_a_commit_that_is_slow_is_not_made_twice(
    proxy: Proxy, door: EngineSandbox, step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.sandbox.snapshots._LONG_S", SILENCE_S)
    with stopped(door, step, tmp_path / "log") as container:
        rule = Rule(COMMIT, Late(SILENCE_S + 2.0))
        proxy.plan(rule)
        made = door.commit(container, "A", None, {"attempt": "A-1"})
    assert (rule.hits, rule.seen) == (1, 1)
    assert [image.digest for image in door.leftovers().held_images] == [made.digest]
    door.discard(made.tag)


# -- sessions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size_bytes", [0, 60, 140] if LONG else [60])
def test_a_session_whose_stream_is_cut_fails_nobody(
    proxy: Proxy, door: EngineSandbox, step: Step, tmp_path: Path, size_bytes: int
) -> None:
    """Whether the cut comes before the command, in what it prints or in the word that ends it."""
    proxy.plan(Rule(ATTACH, Cut(size_bytes)))
    command = ("sh", "-c", "printf %050d 1; sleep 0.3; printf %050d 2")
    with (
        door.session(replace(step, command=command), tmp_path / "log") as session,
        suppress(EngineUnavailable),
    ):
        for _ in range(3):
            assert session.repeat().exit is Exit.OK
        pytest.fail("nobody noticed")


def test_a_session_whose_stream_stalls_fails_nobody(
    proxy: Proxy, door: EngineSandbox, step: Step, tmp_path: Path
) -> None:
    limits = replace(LIMITS, time_s=SILENCE_S)
    timed = replace(step, command=("true",), limits=limits)
    proxy.plan(Rule(ATTACH, Stalled(10)))
    with door.session(timed, tmp_path / "log") as session, pytest.raises(EngineUnavailable):
        session.repeat()


@pytest.mark.parametrize(
    ("command", "code"),
    [("kill -9 $PPID; sleep 9", -1), ("kill -15 $PPID; sleep 9", -1), ("exit 75", 75)],
)
def test_a_command_that_ends_its_session_has_failed(
    door: EngineSandbox, step: Step, tmp_path: Path, command: str, code: int
) -> None:
    timed = replace(step, command=("sh", "-c", command))
    with door.session(timed, tmp_path / "log") as session:
        repetition = session.repeat()
    assert (repetition.exit, repetition.code) == (Exit.NONZERO, code)


# -- an engine that stays away ---------------------------------------------------------------------


def test_an_engine_that_stays_away_is_waited_for_once(
    proxy: Proxy, agent_image: str, run_id: str, step: Step, tmp_path: Path
) -> None:
    with closing(EngineSandbox(connect(proxy.url), run_id, agent_image, outage_s=2.0)) as door:
        proxy.plan(Rule(CREATE, Away(6.0)))
        started = time.monotonic()
        with pytest.raises(EngineUnavailable, match="does not answer"):
            door.run(step, tmp_path / "log")
        for _ in range(3):
            with pytest.raises(EngineUnavailable):
                door.leftovers()
        assert 1.9 <= time.monotonic() - started < 6.0
        wait_for(lambda: proxy.path.exists(), "the engine is back", 20)
        assert door.leftovers() == Leftovers()


# -- searches --------------------------------------------------------------------------------------


def test_a_search_in_which_everything_fails_once_ends_as_one_that_nothing_disturbed(
    proxy: Proxy, agent_image: str, run_id: str, tmp_path: Path
) -> None:
    """Every fault comes after the root: until then there is no search that could go on."""
    proxy.plan()
    calm = Search(tmp_path / "calm", proxy.url, agent_image, run_id=f"{run_id}c")
    told = calm.go(2)
    assert (calm.faults(), told.retried) == ([], 0)
    calm.clear()
    rules = [
        Rule(r"POST /containers/.*-act/attach", Cut(10)),
        Rule(r"POST /containers/.*-act/start", Failed(500), 2),
        Rule(r"GET /containers/.*-act/archive", Cut(1000, clean=True)),
        Rule(COMMIT, Dropped(), 2),
        Rule(r"DELETE /containers/.*-act", Failed(500, after=True)),
        Rule(r"POST /containers/.*-check-whole/attach", Cut(0), 2),
        Rule(r"POST /containers/.*-1-bench-candidate/attach", Cut(50), 2),
        Rule(r"DELETE /images/.*", Away(0.5)),
    ]
    proxy.plan(*rules)
    search = Search(tmp_path / "struck", proxy.url, agent_image, run_id=run_id)
    struck = search.go(2)
    assert struck.is_as(told), struck
    assert search.faults() == []
    assert [rule for rule in rules if not rule.hits] == []
    proxy.plan()
    search.clear()

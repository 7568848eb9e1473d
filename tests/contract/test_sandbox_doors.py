"""What ``protocol.py`` says of doors and of watching, held against the fake and the engine alike."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from worlds import Bench, wait_for

from runner.errors import EngineError
from runner.sandbox import protocol
from runner.sandbox.protocol import Door, Exit, Step
from runner.wire import shut

FIRST, SECOND = 3129, 3130
PORTS = f"FIRST=${{OPPIE_PORT_{FIRST}:-{FIRST}}} SECOND=${{OPPIE_PORT_{SECOND}:-{SECOND}}}"


@dataclass
class Echo:
    """Behind a door: says ``word`` to whoever comes, and then what they say."""

    word: bytes
    socks: list[socket.socket] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def take(self, sock: socket.socket) -> None:
        self.socks.append(sock)
        self.threads.append(threading.Thread(target=self._serve, args=(sock,)))
        self.threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            sock.sendall(self.word)
            while data := sock.recv(1 << 16):
                sock.sendall(data)

    def close(self) -> None:
        for sock in self.socks:
            shut(sock, socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def first() -> Iterator[Echo]:
    with contextlib.closing(Echo(b"one")) as echo:
        yield echo


@pytest.fixture
def second() -> Iterator[Echo]:
    with contextlib.closing(Echo(b"two")) as echo:
        yield echo


def python(bench: Bench, program: str, *doors: Door, **limits: object) -> Step:
    """A step that runs a program with the doors' ports in its environment."""
    script = f"{PORTS} python3 - <<'END'\n{program}\nEND\n"
    return replace(bench.step(script, **limits), doors=doors)


CONNECT = """
import os, socket, threading
def connect(name):
    sock = socket.create_connection(("127.0.0.1", int(os.environ[name])), 20)
    assert sock.recv(3) in (b"one", b"two")
    return sock
"""


# -- doors -------------------------------------------------------------------------------------


def test_a_program_talks_through_two_doors_at_once(bench: Bench, first: Echo, second: Echo) -> None:
    program = """
import os, socket
socks = [socket.create_connection(("127.0.0.1", int(os.environ[name])), 20) for name in ("FIRST", "SECOND")]
for sock in socks:
    sock.sendall(b" and back\\n")
    sock.shutdown(socket.SHUT_WR)
for sock in reversed(socks):
    print(sock.makefile().read(), end="", flush=True)
"""
    step = python(bench, program, Door(FIRST, first.take), Door(SECOND, second.take))
    result = bench.run(step)
    assert bench.log(step).read_bytes() == b"two and back\none and back\n"
    assert (result.exit, result.container) == (Exit.OK, bench.sandbox.container_of(step.name))


def test_sixteen_connections_of_a_megabyte_each(bench: Bench, first: Echo) -> None:
    program = CONNECT + """
def talk():
    with connect("FIRST") as sock:
        data = os.urandom(1 << 20)
        sending = threading.Thread(target=sock.sendall, args=(data,))
        sending.start()
        back = sock.makefile("rb").read(1 << 20)
        sending.join()
        same.append(back == data)
same = []
threads = [threading.Thread(target=talk) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(same.count(True))
"""
    step = python(bench, program, Door(FIRST, first.take))
    bench.run(step)
    assert bench.log(step).read_bytes() == b"16\n"


def test_the_end_of_a_step_is_the_end_of_its_connections(bench: Bench, first: Echo) -> None:
    # The grandchild that holds the connection outlives the main process where nothing kills it.
    script = f"""{PORTS}
setsid python3 -c 'import socket
sock = socket.create_connection(("127.0.0.1", int("'$FIRST'")))
assert sock.recv(3)
open("connected", "w")
sock.recv(1)' &
until [ -e connected ]; do sleep 0.1; done
"""
    step = replace(bench.step(script), doors=(Door(FIRST, first.take),))
    assert bench.run(step).exit is Exit.OK
    for thread in first.threads:
        thread.join(10)
    assert [thread.is_alive() for thread in first.threads] == [False]


def test_a_door_is_there_for_its_own_step_only(bench: Bench, first: Echo) -> None:
    step = python(bench, CONNECT + 'connect("FIRST")', Door(FIRST, first.take))
    assert bench.run(step).exit is Exit.OK
    refused = """
import os, socket
try:
    socket.create_connection(("127.0.0.1", int(os.environ["FIRST"])), 20)
except ConnectionRefusedError:
    print("refused")
"""
    for doors in ((), (Door(SECOND, first.take),)):
        step = python(bench, refused, *doors)
        bench.run(step)
        assert bench.log(step).read_bytes() == b"refused\n"
    assert len(first.socks) == 1


def test_a_step_whose_doors_went_with_their_planner_runs_again(bench: Bench, first: Echo) -> None:
    step = bench.step("sleep ${WAIT:-60}", time_s=60.0)
    with bench.world.another_planner(step, bench.log(step)):
        wait_for(lambda: Path(f"{bench.log(step)}.sent").exists(), "the step has its input", 30)
    again = replace(step, doors=(Door(FIRST, first.take),), env=("WAIT=0",))
    result = bench.run(again)
    assert (result.exit, result.log_complete) == (Exit.OK, True)
    assert result.seconds < 30.0


# -- watching ----------------------------------------------------------------------------------


def test_a_silent_step_is_ended(bench: Bench) -> None:
    step = replace(bench.step("echo said; touch written; sleep 60"), quiet_s=2.0)
    result = bench.run(step)
    assert (result.exit, bench.log(step).read_bytes()) == (Exit.SILENT, b"said\n")
    assert 1.5 < result.seconds < 18.0
    assert "workspace/written" in bench.files(result.container)


def test_one_that_closed_its_outputs_is_silent(bench: Bench) -> None:
    result = bench.run(replace(bench.step("exec >&- 2>&-; sleep 60"), quiet_s=1.0))
    assert result.exit is Exit.SILENT


def test_the_time_limit_holds_for_one_that_prints(bench: Bench) -> None:
    step = bench.step("while :; do echo x; sleep 0.1; done", time_s=1.0)
    assert bench.run(replace(step, quiet_s=30.0)).exit is Exit.TIMEOUT


@pytest.mark.parametrize(
    ("then", "exit_", "code"),
    [("sleep 60", Exit.OK, 0), ("sleep 0.3; exit 3", Exit.NONZERO, 3), ("exit 0", Exit.OK, 0)],
    ids=["hangs", "fails", "ends"],
)
def test_a_step_is_left_a_while_once_its_result_is_in(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, then: str, exit_: Exit, code: int
) -> None:
    monkeypatch.setattr("runner.sandbox.vigil.PARTING_S", 2.0)
    seen: list[bytes] = []

    def watch(data: bytes) -> bool:
        seen.append(data)
        return b"result" in b"".join(seen)

    script = f"echo thinking; sleep 0.2; echo result; sleep 0.5; echo more; {then}"
    step = replace(bench.step(script), watch=watch, quiet_s=15.0)
    started = time.monotonic()
    result = bench.run(step)
    assert (result.exit, result.code) == (exit_, code)
    assert b"".join(seen) == bench.log(step).read_bytes() == b"thinking\nresult\nmore\n"
    assert time.monotonic() - started < 15.0
    assert protocol.PARTING_S == 10.0


def test_what_is_hidden_is_not_seen_and_what_the_log_leaves_out_is(bench: Bench) -> None:
    seen: list[bytes] = []
    script = "echo a s3cret-word; head -c 300000 /dev/zero | tr '\\0' x; sleep 1; printf s3c"
    step = bench.step(script, log_bytes=1000)
    step = replace(step, hidden=(b"s3cret-word",), watch=lambda data: bool(seen.append(data)))
    result = bench.run(step)
    assert (result.exit, result.log_complete) == (Exit.OK, False)
    said = b"".join(seen)
    assert (said[:6], said[-4:], {*said[6:-3]}) == (b"a ***\n", b"xs3c", {*b"x"})
    if bench.world.kind == "engine":  # without one, what is too much may be cut before it is seen
        assert len(said) == 6 + 300_000 + 3
    assert max(map(len, seen)) <= (1 << 16) + len(b"s3cret-word")


@pytest.mark.parametrize("kind", [LookupError, OSError, EngineError])
def test_what_watching_raises_ends_the_step_and_is_nobody_elses(
    bench: Bench, kind: type[Exception]
) -> None:
    error = kind("of whoever watches")

    def watch(data: bytes) -> bool:
        assert data == b"said\n"
        raise error

    step = replace(bench.step("echo said; sleep 60"), watch=watch)
    with pytest.raises(kind) as raised:
        bench.run(step)
    assert raised.value is error
    assert bench.sandbox.container_of(step.name) not in bench.sandbox.leftovers().containers


# -- snapshots of a step that runs ---------------------------------------------------------------


def test_a_running_step_is_committed_as_it_is_then_and_goes_on(bench: Bench) -> None:
    step = bench.step("echo 1 >file; echo ready; sleep 1; echo 2 >>file; echo done")

    def watch(data: bytes) -> bool:
        if b"ready" in data:
            bench.commit(bench.sandbox.container_of(step.name), "A")
        return False

    result = bench.run(replace(step, watch=watch))
    assert (result.exit, bench.read(result.container, "file")) == (Exit.OK, b"1\n2\n")
    last = bench.commit(result.container, "B")
    for tag, content in ((bench.tags[0], b"1\n"), (last.tag, b"1\n2\n")):
        _, said = bench.sh("cat file", tag)
        assert said == content


def test_it_stands_still_while_it_is_committed(bench: Bench) -> None:
    """Two files that are always written one after the other differ by one line at most."""
    script = "i=0; while :; do i=$((i+1)); echo $i >>one; echo $i >>two; [ $i = 50 ] && echo ready; done"
    step = bench.step(script, disk_bytes=256 << 20)

    def watch(data: bytes) -> bool:
        if b"ready" in data:
            bench.commit(bench.sandbox.container_of(step.name), "A")
            raise EngineError("enough")
        return False

    with pytest.raises(EngineError, match="enough"):
        bench.run(replace(step, watch=watch))
    _, said = bench.sh("wc -l <one; wc -l <two", bench.tags[0])
    one, two = map(int, said.split())
    assert one >= 50
    assert one - two in (0, 1)

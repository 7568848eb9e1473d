"""The wires to a container: one over the engine's socket, one over a process's pipes."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.errors import Cancelled
from runner.sandbox.pipes import Pipes
from runner.sandbox.stream import Stream


def never() -> bool:
    return False


def framed(payload: bytes) -> bytes:
    return b"\x01\0\0\0" + len(payload).to_bytes(4, "big") + payload


@contextmanager
def wired() -> Iterator[tuple[Stream, socket.socket]]:
    ours, theirs = socket.socketpair()
    stream = Stream(ours, never)
    with theirs:
        yield stream, theirs
        stream.close()


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def test_output_is_read_until_the_other_side_ends() -> None:
    with wired() as (stream, engine):
        engine.sendall(framed(b"one") + framed(b"two")[:5])
        engine.sendall(framed(b"two")[5:])
        engine.shutdown(socket.SHUT_WR)
        assert b"".join(stream.read(soon())) == b"onetwo"


def test_input_and_output_do_not_wait_for_each_other() -> None:
    """An engine that only reads after it could write, and a caller with a megabyte to send."""
    size = 1 << 20
    with wired() as (stream, engine):
        got = bytearray()

        def serve() -> None:
            engine.sendall(framed(b"x" * size))
            while data := engine.recv(1 << 16):
                got.extend(data)
            engine.sendall(framed(b"end"))
            engine.shutdown(socket.SHUT_WR)

        server = threading.Thread(target=serve)
        server.start()
        script = os.urandom(size)
        stream.send(script, close=True)
        assert not stream.delivered
        output = b"".join(stream.read(soon(20)))
        server.join()
        assert stream.delivered
        assert output == b"x" * size + b"end"
        assert got == script


def test_an_empty_input_is_closed_at_once() -> None:
    with wired() as (stream, engine):
        stream.send(b"", close=True)
        assert stream.delivered
        assert engine.recv(10) == b""


def test_input_stays_open_unless_it_is_closed() -> None:
    with wired() as (stream, engine):
        stream.send(b"word\n")
        assert stream.delivered
        engine.settimeout(0.05)
        assert engine.recv(10) == b"word\n"
        with pytest.raises(TimeoutError):
            engine.recv(10)


def test_a_quiet_stream_gives_signs_of_life_until_the_deadline() -> None:
    with wired() as (stream, _):
        started = time.monotonic()
        came = list(stream.read(started + 0.5))
        assert 0.5 <= time.monotonic() - started < 1.0
        assert came and set(came) == {b""}


def test_a_deadline_that_has_passed_reads_nothing() -> None:
    with wired() as (stream, engine):
        engine.sendall(framed(b"late"))
        assert list(stream.read(time.monotonic() - 1)) == []


def test_being_told_to_stop_ends_the_reading() -> None:
    told = threading.Event()
    ours, theirs = socket.socketpair()
    stream = Stream(ours, told.is_set)
    with theirs:
        threading.Timer(0.2, told.set).start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            list(stream.read(soon()))
        assert time.monotonic() - started < 1.0
        stream.close()


def test_a_command_that_ended_without_reading_its_input_is_no_error() -> None:
    with wired() as (stream, engine):
        engine.sendall(framed(b"bye"))
        engine.close()
        stream.send(b"x" * (1 << 20), close=True)
        assert b"".join(stream.read(soon())) in (b"bye", b"")
        assert stream.delivered


def test_a_stream_that_is_closed_lets_go_of_what_it_kept() -> None:
    ours, theirs = socket.socketpair()
    reader = ours.makefile("rb")
    stream = Stream(ours, never, keep=reader)
    stream.close()
    assert reader.closed
    assert ours.fileno() == -1
    with theirs:
        assert theirs.recv(1) == b""


# -- pipes -------------------------------------------------------------------------------------


@contextmanager
def piped(script: str) -> Iterator[tuple[Pipes, subprocess.Popen[bytes]]]:
    stdin, ours = os.pipe()
    theirs, output = os.pipe()
    with subprocess.Popen(["sh", "-c", script], stdin=stdin, stdout=output) as process:
        os.close(stdin)
        os.close(output)
        pipes = Pipes(os.pidfd_open(process.pid), ours, theirs, never)
        yield pipes, process
        pipes.close()
        process.kill()


def test_pipes_carry_both_ways() -> None:
    with piped("cat; echo end") as (pipes, _):
        script = os.urandom(1 << 20)
        pipes.send(script, close=True)
        assert b"".join(pipes.read(soon())) == script + b"end\n"
        assert pipes.delivered


def test_output_is_over_when_the_process_is() -> None:
    with piped("echo said; sleep 2 & exit 0") as (pipes, _):
        started = time.monotonic()
        assert b"".join(pipes.read(soon())) == b"said\n"
        assert time.monotonic() - started < 1.0


def test_a_process_that_closed_its_output_is_waited_for() -> None:
    with piped("echo said; exec >&-; sleep 0.3") as (pipes, _):
        started = time.monotonic()
        assert b"".join(pipes.read(soon())) == b"said\n"
        assert 0.25 <= time.monotonic() - started < 2.0


def test_a_file_is_followed_while_the_process_runs(tmp_path: Path) -> None:
    path = tmp_path / "output"
    script = "echo one; sleep 0.3; echo two"
    with (
        path.open("wb") as output,
        subprocess.Popen(["sh", "-c", script], stdin=subprocess.DEVNULL, stdout=output) as process,
    ):
        source = os.open(path, os.O_RDONLY)
        pipes = Pipes(os.pidfd_open(process.pid), -1, source, never, tail=True)
        came = [data for data in pipes.read(soon()) if data]
        pipes.close()
    assert came == [b"one\n", b"two\n"]

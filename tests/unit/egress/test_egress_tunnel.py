"""Many connections over one stream of bytes."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.egress import tunnel
from runner.egress.tunnel import CREDIT, DATA, END, OPEN, PORT, RESET, WINDOW, Broken, Tunnel

OTHER = PORT + 1


class SocketWire:
    """A wire over a socket, which takes a few bytes at a time."""

    def __init__(self, sock: socket.socket, most: int = 1 << 16) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.reads = self.writes = sock.fileno()
        self._most = most

    def receive(self) -> bytes:
        return self.sock.recv(self._most)

    def send(self, data: bytes) -> int:
        return self.sock.send(data[: self._most])


def frame(number: int, kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">IBH", number, kind, len(payload)) + payload


def opening(number: int, port: int = PORT) -> bytes:
    return frame(number, OPEN, struct.pack(">H", port))


@contextlib.contextmanager
def both_ends(serve: Callable[[socket.socket], None], most: int = 1 << 16) -> Iterator[tuple[str, int]]:
    """An address whose connections go through a tunnel to ``serve``, each in a thread of its own."""
    near, far = socket.socketpair()
    threads: list[threading.Thread] = []

    def opened(sock: socket.socket) -> None:
        threads.append(threading.Thread(target=serve, args=(sock,)))
        threads[-1].start()

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    tunnels = (
        Tunnel(SocketWire(near, most), listeners={PORT: listener}),
        Tunnel(SocketWire(far, most), {PORT: opened}),
    )

    def carry(end: Tunnel) -> None:
        with contextlib.suppress(OSError):  # the wire is cut in the end
            end.serve()

    ends = [threading.Thread(target=carry, args=(end,)) for end in tunnels]
    for end in ends:
        end.start()
    try:
        yield listener.getsockname()
    finally:
        near.shutdown(socket.SHUT_RDWR)
        for thread in (*ends, *threads):
            thread.join(20)
            assert not thread.is_alive()
        for each in (near, far, listener):
            each.close()


def echo(sock: socket.socket) -> None:
    with sock, contextlib.suppress(OSError):
        while data := sock.recv(1 << 16):
            sock.sendall(data)


def through(address: tuple[str, int], data: bytes) -> bytes:
    """What comes back of ``data``, which is sent while it comes back."""
    with socket.create_connection(address, 20) as sock:

        def send() -> None:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)

        sending = threading.Thread(target=send)
        sending.start()
        back = b"".join(iter(lambda: sock.recv(1 << 16), b""))
        sending.join()
        return back


@pytest.mark.parametrize("most", [1 << 16, 1000])
def test_more_than_any_window_both_ways_at_once(most: int) -> None:
    data = os.urandom(4 * WINDOW + 17)
    with both_ends(echo, most) as address:
        assert through(address, data) == data
        assert through(address, b"") == b""


def test_many_connections_and_a_stalled_one_that_harms_none() -> None:
    data = os.urandom(WINDOW)
    got: list[bool] = []
    with both_ends(echo) as address, socket.create_connection(address, 20) as stalled:
        stalled.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                stalled.send(bytes(1 << 16))  # and what comes back is never read
        clients = [threading.Thread(target=lambda: got.append(through(address, data) == data)) for _ in range(10)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(30)
    assert got == [True] * 10


def test_an_end_one_way_leaves_the_other_open() -> None:
    def serve(sock: socket.socket) -> None:
        with sock:
            question = b"".join(iter(lambda: sock.recv(100), b""))
            sock.sendall(question.upper())

    with both_ends(serve) as address:
        assert through(address, b"question") == b"QUESTION"


def test_a_connection_that_breaks_is_told_at_the_other_end() -> None:
    ended = threading.Event()

    def serve(sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            while True:
                sock.sendall(bytes(1 << 16))
        ended.set()

    with both_ends(serve) as address:
        sock = socket.create_connection(address, 20)
        assert sock.recv(10)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        assert ended.wait(20)


def test_more_connections_than_are_carried_wait_their_turn() -> None:
    with both_ends(echo) as address, contextlib.ExitStack() as stack:
        many = [stack.enter_context(socket.create_connection(address, 20)) for _ in range(tunnel.MOST_CONNECTIONS + 5)]
        for sock in many[: tunnel.MOST_CONNECTIONS]:
            sock.sendall(b"x")
        for sock in many[: tunnel.MOST_CONNECTIONS]:
            assert sock.recv(1) == b"x"
        many[-1].sendall(b"y")
        for sock in many[:5]:
            sock.close()
        assert many[-1].recv(1) == b"y"


@contextlib.contextmanager
def alone() -> Iterator[tuple[socket.socket, list[socket.socket], list[BaseException], threading.Thread]]:
    """The planner's end of a tunnel whose other end is the test."""
    near, far = socket.socketpair()
    near.settimeout(20)
    sockets, raised = list[socket.socket](), list[BaseException]()

    def run() -> None:
        try:
            Tunnel(SocketWire(far), {PORT: sockets.append, OTHER: sockets.append}).serve()
        except (Broken, OSError) as error:
            raised.append(error)
        finally:
            with contextlib.suppress(OSError):  # who is still sending need not wait
                far.shutdown(socket.SHUT_RDWR)

    running = threading.Thread(target=run)
    running.start()
    try:
        yield near, sockets, raised, running
    finally:
        with contextlib.suppress(OSError):
            near.shutdown(socket.SHUT_RDWR)
        running.join(20)
        assert not running.is_alive()
        for each in (near, far, *sockets):
            each.close()


@pytest.mark.parametrize(
    "frames",
    [
        opening(1) * 2,
        opening(1, OTHER + 1),  # where there is no door
        frame(1, OPEN),
        frame(1, OPEN, b"\0" + struct.pack(">H", PORT) + b"\0"),
        frame(1, 9),
        opening(1) + frame(1, 9),
        opening(1) + frame(1, CREDIT, b"\0\0\0\1"),
        opening(1) + frame(1, CREDIT, bytes([255] * 9)),
        opening(1) + frame(1, DATA, bytes(60000)) * 8,  # nobody reads it there
    ],
)
def test_an_end_that_breaks_the_rules_is_cut_off(frames: bytes) -> None:
    with alone() as (near, _, raised, running):
        with contextlib.suppress(OSError):
            near.sendall(frames)
        running.join(20)
        assert [type(error) for error in raised] == [Broken]


def test_what_comes_for_a_connection_that_is_gone_is_nothing() -> None:
    with alone() as (near, sockets, raised, _):
        near.sendall(frame(7, DATA, b"x") + frame(7, END) + frame(7, RESET) + frame(7, CREDIT, b"\0\0\0\1"))
        near.sendall(opening(1) + frame(1, DATA, b"hello"))
        deadline = time.monotonic() + 20
        while not sockets and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sockets[0].recv(10) == b"hello"
        near.sendall(frame(1, RESET))
        assert sockets[0].recv(10) == b""
        assert raised == []


def test_too_many_are_turned_away_at_their_own_door() -> None:
    with alone() as (near, sockets, raised, _):
        for number in range(tunnel.MOST_CONNECTIONS + 1):
            near.sendall(opening(number))
        assert near.recv(100) == frame(tunnel.MOST_CONNECTIONS, RESET)
        assert len(sockets) == tunnel.MOST_CONNECTIONS
        near.sendall(opening(1000, OTHER) + frame(1000, DATA, b"hello") + opening(1001))
        assert near.recv(100) == frame(1001, RESET)
        assert sockets[-1].recv(10) == b"hello"
        assert raised == []


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.binary(max_size=9)), max_size=20))
def test_nothing_else_breaks_it(noise: bytes, frames: list[tuple[int, int, bytes]]) -> None:
    with alone() as (near, _, raised, _), contextlib.suppress(OSError):
        near.sendall(b"".join(frame(*each) for each in frames) + noise)
        near.shutdown(socket.SHUT_WR)
    assert {type(error) for error in raised} <= {Broken, ConnectionResetError, BrokenPipeError}


def test_the_program_of_the_container_ends_with_its_input() -> None:
    """It runs as text, isolated, as it does in a container; at free ports here."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [each.getsockname()[1] for each in (one, two)]
    command = [sys.executable, "-I", "-S", "-c", Path(tunnel.__file__).read_text(), *map(str, ports)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == tunnel.HELLO
        for number, port in enumerate(ports, 1):
            with socket.create_connection(("127.0.0.1", port), 20) as sock:
                sock.sendall(b"out")
                assert process.stdout.read(9) == opening(number, port)
                assert process.stdout.read(10) == frame(number, DATA, b"out")
                process.stdin.write(frame(number, DATA, b"in") + frame(number, RESET))
                process.stdin.flush()
                assert sock.recv(10) == b"in"
                assert sock.recv(10) == b""
        with socket.create_connection(("127.0.0.1", ports[1]), 20):
            process.stdin.close()
            assert process.wait(20) == 0

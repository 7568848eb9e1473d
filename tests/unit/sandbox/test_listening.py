"""Doors of steps that have no container: ports of loopback."""

from __future__ import annotations

import gc
import os
import socket
import struct
import threading

import pytest

from runner.sandbox.listening import listening
from runner.sandbox.protocol import Door


def port_of(variable: str, door: int) -> int:
    name, _, port = variable.partition("=")
    assert name == f"OPPIE_PORT_{door}"
    return int(port)


def test_each_door_takes_who_comes_to_its_own_port() -> None:
    taken: list[tuple[str, socket.socket]] = []
    came = threading.Semaphore(0)

    def take(name: str, sock: socket.socket) -> None:
        taken.append((name, sock))
        came.release()

    doors = (Door(1, lambda sock: take("one", sock)), Door(2, lambda sock: take("two", sock)))
    with listening(doors) as (one, two):
        for name, variable, door in (("two", two, 2), ("one", one, 1)):
            with socket.create_connection(("127.0.0.1", port_of(variable, door)), 20) as caller:
                assert came.acquire(timeout=20)
                said, sock = taken.pop()
                assert said == name
                sock.sendall(b"x")
                sock.close()
                assert caller.recv(10) == b"x"


def test_when_it_is_closed_nobody_comes_in_and_who_is_in_is_cut_off() -> None:
    taken: list[socket.socket] = []
    came = threading.Semaphore(0)

    def take(sock: socket.socket) -> None:
        taken.append(sock)
        came.release()

    with listening((Door(7, take),)) as (where,):
        address = ("127.0.0.1", port_of(where, 7))
        callers = [socket.create_connection(address, 20) for _ in range(3)]
        for _ in callers:
            assert came.acquire(timeout=20)
        taken.pop(0).close()  # one that was done is no trouble
        gc.collect()
    assert [caller.recv(10) for caller in callers] == [b""] * 3
    assert [sock.recv(10) for sock in taken] == [b""] * 2
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 20)
    for sock in (*callers, *taken):
        sock.close()


def test_without_doors_there_is_nothing() -> None:
    before = threading.active_count()
    with listening(()) as where:
        assert where == ()
        assert threading.active_count() == before


def test_another_user_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    somebody_else = os.geteuid() + 1
    monkeypatch.setattr("os.geteuid", lambda: somebody_else)
    taken: list[socket.socket] = []
    with (
        listening((Door(1, taken.append),)) as (where,),
        socket.create_connection(("127.0.0.1", port_of(where, 1)), 20) as caller,
    ):
        assert caller.recv(10) == b""
    assert taken == []


def test_one_who_has_gone_already_is_no_trouble() -> None:
    taken: list[socket.socket] = []
    came = threading.Semaphore(0)

    def take(sock: socket.socket) -> None:
        taken.append(sock)
        came.release()

    with listening((Door(1, take),)) as (where,):
        address = ("127.0.0.1", port_of(where, 1))
        for _ in range(50):
            gone = socket.create_connection(address, 20)
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            gone.close()  # a reset, which may come before it is let in
        with socket.create_connection(address, 20) as caller:
            while not taken or not _is_of(taken[-1], caller):
                assert came.acquire(timeout=20)
    for sock in taken:
        sock.close()


def _is_of(taken: socket.socket, caller: socket.socket) -> bool:
    try:
        return bool(taken.getpeername() == caller.getsockname())
    except OSError:
        return False

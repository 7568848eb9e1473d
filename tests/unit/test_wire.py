"""HTTP on a wire, read strictly; and copying both ways."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.wire import (
    HEAD_LIMIT_BYTES,
    Framing,
    Gone,
    Malformed,
    Tally,
    Wire,
    framing_of,
    lines_of,
    splice,
)


@contextlib.contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        for each in (one, other):
            each.settimeout(20)
        yield one, other


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(1 << 16), b""))


_held: list[socket.socket] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _held:
        _held.pop().close()


def said(data: bytes, *, end: bool = True) -> Wire:
    """A wire on which ``data`` has come."""
    one, other = socket.socketpair()
    _held.extend((one, other))
    other.sendall(data)
    if end:
        other.close()
    return Wire(one)


def test_heads_one_after_the_other_and_what_follows() -> None:
    wire = said(b"A b\r\nC: d\r\n\r\nE f\r\n\r\nrest")
    assert [wire.head(5, 5), wire.head(5, 5), wire.taken(), wire.head(5, 5)] == [b"A b\r\nC: d", b"E f", b"rest", b""]


def test_a_head_is_bounded_in_bytes_and_in_time() -> None:
    with pair() as (one, other):
        threading.Thread(target=lambda: other.sendall(b"x" * (HEAD_LIMIT_BYTES + 100)), daemon=True).start()
        with pytest.raises(Malformed, match="longer than") as raised:
            Wire(one).head(5, 5)
        assert raised.value.status == 431
    with pair() as (one, other):
        over = threading.Event()

        def drip() -> None:
            while not over.wait(0.05):
                with contextlib.suppress(OSError):
                    other.sendall(b"x")

        dripping = threading.Thread(target=drip)
        dripping.start()
        started = time.monotonic()
        with pytest.raises(Malformed, match="took longer") as raised:
            Wire(one).head(5, 0.5)
        over.set()
        dripping.join()
        assert raised.value.status == 408
        assert time.monotonic() - started < 10


def test_a_head_that_breaks_off_or_never_comes() -> None:
    with pytest.raises(Gone):
        said(b"GET / HT").head(5, 5)
    with pytest.raises(Gone):
        said(b"", end=False).head(0.05, 5)


@pytest.mark.parametrize(
    "line",
    [b"a : b", b" a: b", b"a", b": b", b"a\tb: c", b"a: b\nc: d", b"a: b\rc: d", b"a: \0", b"a: \xff", b"a\xc3\xa9: b", b"a: b\x7f", b"\tfolded"],
)
def test_headers_that_are_none(line: bytes) -> None:
    with pytest.raises(Malformed):
        lines_of(b"GET / HTTP/1.1\r\n" + line)


def test_headers() -> None:
    assert lines_of(b"x\r\nHost:a\r\nX-Y: \t b c \t\r\nx-y:") == (
        "x",
        (("host", "a"), ("x-y", "b c"), ("x-y", "")),
    )
    with pytest.raises(Malformed, match="more than 64"):
        lines_of(b"x" + b"\r\na: b" * 65)


@pytest.mark.parametrize(
    "headers",
    [
        [("content-length", "1"), ("content-length", "1")],
        [("content-length", "1"), ("content-length", "2")],
        [("content-length", "1"), ("transfer-encoding", "chunked")],
        [("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        *[[("transfer-encoding", value)] for value in ("identity", "gzip, chunked", "chunked, chunked", "x", "")],
        *[[("content-length", value)] for value in ("", "-1", "+1", "1, 1", "0x1", "1 ", "٣", "01", "9" * 19)],
    ],
)
def test_bodies_whose_length_can_be_read_in_two_ways(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(Malformed):
        framing_of(tuple(headers))


def test_framings() -> None:
    assert framing_of(()) is None
    assert framing_of((("content-length", "12"),)) == Framing(12)
    assert framing_of((("transfer-encoding", "Chunked"),)) == Framing(chunked=True)


def test_a_body_takes_what_is_its_own() -> None:
    wire = said(b"12345678")
    assert b"".join(wire.body(Framing(5))) == b"12345"
    assert wire.taken() == b"678"
    wire = said(b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nGET /next")
    assert b"".join(wire.body(Framing(chunked=True))) == b"abc0123456789"
    assert wire.taken() == b"GET /next"


@pytest.mark.parametrize(
    "data",
    [b"3\r\nabcd\r\n", b"3;x=y\r\nabc\r\n", b"-1\r\n", b"0x3\r\nabc\r\n", b" 3\r\nabc\r\n", b"\r\n", b"3\nabc\n0\n\n", b"0\r\nTrailer: x\r\n\r\n", b"1" * 100 + b"\r\n"],
)
def test_chunks_that_are_none(data: bytes) -> None:
    with pytest.raises((Malformed, Gone)):
        list(said(data).body(Framing(chunked=True)))


@pytest.mark.parametrize(("framing", "data"), [(Framing(5), b"1234"), (Framing(chunked=True), b"5\r\n1234")])
def test_bodies_that_break_off(framing: Framing, data: bytes) -> None:
    with pytest.raises(Gone):
        list(said(data).body(framing))
    with pytest.raises(Gone):
        list(said(data, end=False).body(framing, 0.05))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.integers(1, 9))
def test_chunks_come_out_as_they_went_in(pieces: list[bytes], step: int) -> None:
    chunks = b"".join(b"%X\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    with pair() as (one, other):

        def send() -> None:
            for at in range(0, len(chunks), step):
                other.sendall(chunks[at : at + step])

        sending = threading.Thread(target=send)
        sending.start()
        assert b"".join(Wire(one).body(Framing(chunked=True), 5)) == b"".join(pieces)
        sending.join()


@contextlib.contextmanager
def spliced(idle_s: float = 20.0) -> Iterator[tuple[socket.socket, socket.socket, Tally, list[Exception]]]:
    """A client, a server, and a splice between the two in a thread of its own."""
    tally, raised = Tally(), list[Exception]()
    with pair() as (client, inner), pair() as (outer, server):

        def up(data: bytes) -> None:
            if b"forbidden" in data:
                raise Malformed("forbidden")
            tally.sent(len(data))
            outer.sendall(data)

        def down(data: bytes) -> None:
            tally.received(len(data))
            inner.sendall(data)

        def run() -> None:
            try:
                splice(inner, outer, up, down, tally, idle_s)
            except Exception as error:
                raised.append(error)

        running = threading.Thread(target=run)
        running.start()
        yield client, server, tally, raised
        for each in (client, server):
            each.close()
        running.join(20)
        assert not running.is_alive()


def test_an_end_one_way_leaves_the_other_open() -> None:
    with spliced() as (client, server, tally, _):
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert read_all(server) == b"question"

        def answer() -> None:
            server.sendall(b"answer" * 100_000)
            server.shutdown(socket.SHUT_WR)

        answering = threading.Thread(target=answer)
        answering.start()
        assert read_all(client) == b"answer" * 100_000
        answering.join()
    assert (tally.sent_bytes, tally.received_bytes) == (8, 600_000)


def test_both_ways_at_once_and_more_than_any_buffer_holds() -> None:
    size = 3 << 20
    with spliced() as (client, server, tally, _):
        senders = [threading.Thread(target=each.sendall, args=(b"x" * size,)) for each in (client, server)]
        for sender in senders:
            sender.start()
        got = [0, 0]
        while min(got) < size:
            for number, each in enumerate((client, server)):
                if got[number] < size:
                    got[number] += len(each.recv(1 << 16))
        for sender in senders:
            sender.join()
    assert (tally.sent_bytes, tally.received_bytes) == (size, size)


def test_what_is_not_passed_on_ends_both_ways() -> None:
    with spliced() as (client, server, tally, raised):
        client.sendall(b"forbidden")
        assert (read_all(client), read_all(server)) == (b"", b"")
    assert [str(error) for error in raised] == ["forbidden"]
    assert tally.sent_bytes == 0


def test_silence_both_ways_is_an_end_and_silence_one_way_is_none() -> None:
    with spliced(idle_s=0.6) as (client, server, _, raised):
        for _ in range(12):
            server.sendall(b".")
            assert client.recv(1) == b"."
            time.sleep(0.1)
        assert (read_all(client), read_all(server)) == (b"", b"")
    assert raised == []

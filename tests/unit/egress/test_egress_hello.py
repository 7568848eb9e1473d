"""What a TLS client asks for, read from what real clients and hostile ones say."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.egress.hello import Fronted, HelloGate


def hello(name: str | None, **options: object) -> bytes:
    """The first flight of Python's own TLS client."""
    context = ssl.create_default_context()
    context.check_hostname = False
    for key, value in options.items():
        setattr(context, key, value)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def records(data: bytes, size: int) -> bytes:
    """The same handshake in records of ``size`` bytes."""
    message = data[5:]
    pieces = (message[at : at + size] for at in range(0, len(message), size))
    return b"".join(data[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces)


A_HELLO = hello("a.example")


@pytest.mark.parametrize("options", [{}, {"maximum_version": ssl.TLSVersion.TLSv1_2}])
def test_the_host_itself_passes_and_another_does_not(options: dict[str, object]) -> None:
    data = hello("Files.PythonHosted.org", **options)
    assert HelloGate("files.pythonhosted.org").passes(data) == data
    with pytest.raises(Fronted, match=r"TLS asks for 'Files\.PythonHosted\.org'"):
        HelloGate("pypi.org").passes(data)


def test_nobody_asked_for_is_nobody_else() -> None:
    data = hello(None)
    assert HelloGate("10.0.0.5").passes(data) == data
    with pytest.raises(Fronted):
        HelloGate("10.0.0.5").passes(hello("a.example"))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 700), st.integers(1, 200))
def test_however_it_is_cut_nothing_passes_before_the_name_is_known(record: int, step: int) -> None:
    data = records(A_HELLO, record)
    for host, passes in (("a.example", True), ("b.example", False)):
        gate, passed, refused = HelloGate(host), b"", False
        for at in range(0, len(data), step):
            try:
                passed += gate.passes(data[at : at + step])
            except Fronted:
                refused = True
                break
        assert (passed, refused) == ((data, False) if passes else (b"", True))


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-OpenSSH_9\r\n", b"GET / HTTP/1.1\r\n", b"\x16\x00", b"\x15\x03\x01\x00\x02\x02\x28", b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", b"\0"],
)
def test_what_is_no_hello_passes(data: bytes) -> None:
    gate = HelloGate("a.example")
    assert gate.passes(data) == data
    assert gate.passes(hello("b.example")) != b""  # it is not looked at any more


def with_names(*names: bytes, lie: int = 0) -> bytes:
    """A ClientHello with the names given; ``lie`` is added to the length of the extension."""
    entries = b"".join(b"\0" + len(name).to_bytes(2, "big") + name for name in names)
    vector = len(entries).to_bytes(2, "big") + entries
    extension = b"\0\0" + (len(vector) + lie).to_bytes(2, "big") + vector
    body = b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0"
    body += len(extension).to_bytes(2, "big") + extension
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + len(message).to_bytes(2, "big") + message


def test_hellos_that_lie() -> None:
    assert HelloGate("a.example").passes(with_names(b"a.example."))
    for data in (
        with_names(b"a.example", b"b.example"),
        with_names(b"a.example", b"a.example"),
        with_names(b"a.example\0.b.example"),
        with_names(b"\xc3\xa9.example"),
        with_names(b"a.example", lie=5),
        with_names(b""),
    ):
        with pytest.raises(Fronted):
            HelloGate("a.example").passes(data)


def test_a_hello_without_an_end_is_not_waited_for() -> None:
    gate = HelloGate("a.example")
    endless = b"\x16\3\1\x40\0" + b"\1\xff\xff\xff" + bytes(0x4000 - 4)
    with pytest.raises(Fronted, match="without an end"):
        for _ in range(10):
            assert gate.passes(endless) == b""


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_nothing_breaks_it(data: bytes, framed: bool) -> None:
    if framed:
        message = b"\1" + len(data).to_bytes(3, "big") + data
        data = b"\x16\3\1" + len(message).to_bytes(2, "big") + message
    gate = HelloGate("a.example")
    try:
        passed = gate.passes(data)
    except Fronted:
        return
    assert passed in (b"", data)



"""Bytes come in pieces of any size, and mean the same."""

from __future__ import annotations

import itertools
import re
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.frames import LOOP, NO_MORE_WORDS, Demux, FrameReader

WORD = b"0123456789abcdef0123456789abcdef"
FRAME = b"\n" + WORD + b" "

# Pieces of output that look like a frame, or like a part of one, and some that don't.
lookalikes = st.sampled_from(
    [
        b"\n",
        WORD,
        FRAME,
        FRAME[:-1],
        FRAME + b"x\n",
        FRAME + b"12345\n",
        FRAME + b"\n",
        b"\n" + WORD[:-1] + b"0 0\n",
        b"\n\n\n",
        b"0\n",
    ]
)
outputs = st.lists(st.one_of(st.binary(max_size=80), lookalikes), max_size=12).map(b"".join)


def pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    cuts = draw(st.lists(st.integers(0, len(data)), max_size=20).map(sorted))
    edges = [0, *cuts, len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@st.composite
def multiplexed(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """The engine's stream, cut anywhere, and the payloads in it."""
    payloads = draw(st.lists(st.binary(max_size=300), max_size=8))
    stream = b"".join(
        bytes([draw(st.sampled_from([1, 2])), 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload
        for payload in payloads
    )
    return pieces(draw, stream), payloads


@given(multiplexed())
def test_demultiplexing_does_not_depend_on_the_cuts(case: tuple[list[bytes], list[bytes]]) -> None:
    cut, payloads = case
    demux = Demux()
    came = [piece for data in cut for piece in demux.feed(data)]
    assert b"".join(came) == b"".join(payloads)
    assert b"" not in came


def test_a_payload_is_handed_on_before_it_is_whole() -> None:
    demux = Demux()
    assert demux.feed(b"\x01\0\0\0\0\0\0\x05he") == [b"he"]
    assert demux.feed(b"llo\x02\0") == [b"llo"]
    assert demux.feed(b"\0\0\0\0\0\x01!") == [b"!"]


@st.composite
def repetitions(draw: st.DrawFn) -> tuple[list[bytes], bytes, int]:
    """One repetition's stream, cut anywhere; its output, and its exit code."""
    output = draw(outputs.filter(lambda data: not _holds_a_frame(data)))
    code = draw(st.integers(0, 255))
    stream = output + FRAME + str(code).encode() + b"\n" + draw(st.binary(max_size=20))
    return pieces(draw, stream), output, code


def _holds_a_frame(data: bytes) -> bool:
    """Whether output alone, or with the line end that begins the true frame, is one."""
    return re.search(re.escape(FRAME) + rb"\d+\n", data + b"\n") is not None


@given(repetitions())
def test_a_frame_is_found_however_the_bytes_come(case: tuple[list[bytes], bytes, int]) -> None:
    cut, output, code = case
    reader = FrameReader(WORD)
    assert any(reader.feed(data) for data in cut)
    assert (reader.collected(), reader.code, reader.complete) == (output, code, True)


@given(outputs.filter(lambda data: not _holds_a_frame(data)), st.data())
def test_without_a_frame_nothing_is_lost(output: bytes, data: st.DataObject) -> None:
    reader = FrameReader(WORD)
    cut = data.draw(st.composite(pieces)(output))
    assert not any(reader.feed(piece) for piece in cut)
    assert reader.collected() == output
    assert reader.code is None


@given(outputs.filter(lambda data: not _holds_a_frame(data)), st.integers(0, 120), st.data())
def test_the_cap_keeps_the_beginning_and_says_so(
    output: bytes, cap: int, data: st.DataObject
) -> None:
    reader = FrameReader(WORD, cap_bytes=cap)
    for piece in data.draw(st.composite(pieces)(output + FRAME + b"7\n")):
        if reader.feed(piece):
            break
    assert reader.code == 7
    assert reader.collected() == output[:cap]
    assert reader.complete is (len(output) <= cap)


def test_another_words_frame_is_output() -> None:
    reader = FrameReader(WORD)
    other = b"\n" + b"f" * 32 + b" 0\n"
    assert not reader.feed(b"x" + other)
    assert reader.feed(b"y" + FRAME + b"3\n")
    assert reader.collected() == b"x" + other + b"y"


def test_a_long_line_that_begins_like_a_frame_is_not_held_back() -> None:
    reader = FrameReader(WORD, cap_bytes=100)
    assert not reader.feed(FRAME + b"9" * 1_000_000)
    assert len(reader.collected()) == 100


def test_the_loop_says_the_word_back_with_the_exit_code() -> None:
    done = subprocess.run(
        ["sh", "-c", LOOP, "oppie", "sh", "-c", "echo out; echo err >&2; cat; exit 3"],
        input=b"first\nsecond\n",
        capture_output=True,
        check=False,
    )
    assert done.returncode == NO_MORE_WORDS
    assert done.stdout == b"out\nerr\n\nfirst 3\nout\nerr\n\nsecond 3\n"
    assert done.stderr == b""


def test_the_loop_takes_words_and_commands_as_they_are() -> None:
    done = subprocess.run(
        ["sh", "-c", LOOP, "oppie", "sh", "-c", r"printf '%s\n' 'a\b'; false"],
        input=rb"  w\n %s $x " + b"\n",
        capture_output=True,
        check=False,
    )
    assert done.returncode == NO_MORE_WORDS
    assert done.stdout == b"a\\b\n\n" + rb"  w\n %s $x " + b" 1\n"

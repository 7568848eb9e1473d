"""Secrets are taken out of what containers print, however it is cut into pieces."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runner.sandbox.logfile import LogFile
from runner.sandbox.redact import MASK, Redactor

# Few letters, so that secrets overlap, repeat and begin alike.
words = st.text("ab", min_size=1, max_size=5).map(str.encode)
texts = st.text("abc", max_size=40).map(str.encode)


def shown(hidden: list[bytes], pieces: list[bytes]) -> bytes:
    redactor = Redactor(hidden)
    return b"".join([*map(redactor.feed, pieces), redactor.end()])


@given(st.lists(words, min_size=1, max_size=3), texts, st.data())
def test_no_secret_is_shown_and_the_pieces_make_no_difference(
    hidden: list[bytes], text: bytes, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    said = shown(hidden, pieces)
    assert said == shown(hidden, [text])
    assert not any(secret in part for part in said.split(MASK) for secret in hidden)


@given(st.lists(st.binary(max_size=9), max_size=9))
def test_without_secrets_nothing_is_held_back(pieces: list[bytes]) -> None:
    redactor = Redactor([b""])
    assert [redactor.feed(piece) for piece in pieces] == pieces
    assert redactor.end() == b""


def test_a_secret_byte_by_byte_in_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with LogFile(log, 1000, [b"s3cret-value"]) as sink:
        for byte in b"it is s3cret-value, s3cret-val":
            sink.write(bytes([byte]))
    assert log.read_bytes() == b"it is ***, s3cret-val"


def test_the_cap_counts_what_is_written(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with LogFile(log, 5, [b"a long secret"]) as sink:
        sink.write(b"a long secret" * 2)
    assert log.read_bytes() == b"*****\n[oppie: log cut at 5 bytes]\n"

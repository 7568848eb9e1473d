"""Logs are written as they come, up to their cap."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import StateError
from runner.sandbox.logfile import LogFile, sent_mark

NOTICE = b"\n[oppie: log cut at 10 bytes]\n"


def test_what_was_written_can_be_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "act.log"
    with LogFile(path, 100) as log:
        log.write(b"first")
        assert path.read_bytes() == b"first"
        log.write(b"\0\xff")
    assert path.read_bytes() == b"first\0\xff"
    assert (log.size_bytes, log.complete) == (7, True)


def test_a_folder_that_has_gone_away_does_not_come_back_empty(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"can't write the log .*act\.log: No such file"):
        LogFile(tmp_path / "gone" / "act.log", 100)
    assert not (tmp_path / "gone").exists()


def test_an_older_log_gives_way(tmp_path: Path) -> None:
    path = tmp_path / "act.log"
    path.write_bytes(b"old and long")
    with LogFile(path, 100) as log:
        log.write(b"new")
    assert path.read_bytes() == b"new"


@given(st.lists(st.binary(max_size=8), max_size=8))
def test_the_cap_does_not_depend_on_the_pieces(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        with LogFile(path, 10) as log:
            for piece in pieces:
                log.write(piece)
        said = path.read_bytes()
    assert log.complete is (len(whole) <= 10)
    assert log.size_bytes == min(len(whole), 10)
    assert said == (whole if log.complete else whole[:10] + NOTICE)


def test_the_mark_lies_beside_its_log() -> None:
    assert sent_mark(Path("/x/A-1/act.log")) == Path("/x/A-1/act.log.sent")
    assert sent_mark(Path("/x/A-1/log")) == Path("/x/A-1/log.sent")


def test_whoever_watches_sees_all_but_what_is_hidden(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def watch(data: bytes) -> bool:
        seen.append(data)
        return data == b"result"

    with LogFile(tmp_path / "log", 10, [b"s3cret"], watch) as log:
        log.write(b"a s3cr")
        assert seen == [b"a "]
        log.write(b"et b" + b"x" * 20)
        assert not log.result_is_in
        log.write(b"result")
        log.write(b"s3")
        assert log.result_is_in
    assert seen == [b"a ", b"*** b" + b"x" * 20, b"result", b"s3"]
    assert not log.complete


def test_what_watching_raises_goes_through_and_closes_the_log(tmp_path: Path) -> None:
    calls: list[bytes] = []

    def watch(data: bytes) -> bool:
        calls.append(data)
        raise LookupError(data)

    log = LogFile(tmp_path / "log", 10, [b"s3cret"], watch)
    with pytest.raises(LookupError), log:
        log.write(b"said s3c")
    assert calls == [b"said "]  # and not once more at the end
    assert (tmp_path / "log").read_bytes() == b"said s3c"

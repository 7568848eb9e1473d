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

"""Trouble with the state folder's disk, in words."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from runner.errors import ExitCode, StateError
from runner.keeping import keep_whole, keeping, number_of, state_error


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "make room there"),
        (errno.EDQUOT, "within the quota"),
        (errno.EROFS, "mount the disk for writing again"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EACCES, "let this user write there"),
        (errno.ENOENT, "bring the folder back"),
        (errno.ESTALE, "bring the folder back"),
        (errno.EIO, "look after the disk"),
        (0, "look after the disk"),
    ],
)
def test_each_trouble_says_what_where_why_and_what_to_do(number: int, advice: str) -> None:
    error = state_error("write", Path("/s/journal.db"), number, "it said so")
    assert str(error).startswith("can't write /s/journal.db: it said so; ")
    assert advice in str(error)
    assert "`oppie resume` goes on" in str(error)
    assert error.exit_code is ExitCode.ENVIRONMENT


def test_what_the_system_says_becomes_an_error_of_ours(tmp_path: Path) -> None:
    gone, said = tmp_path / "x" / "y", r"can't write .*: No such file or directory; bring"
    with pytest.raises(StateError, match=said), keeping("write", gone):
        gone.write_text("")
    with pytest.raises(KeyError), keeping("write", tmp_path):
        raise KeyError("something else")


@pytest.mark.parametrize(
    ("complaint", "number"),
    [
        ("fatal: write error: No space left on device", errno.ENOSPC),
        ("error: unable to write file: NO SPACE LEFT ON DEVICE", errno.ENOSPC),
        ("fatal: cannot lock ref: Read-only file system", errno.EROFS),
        ("error: Input/output error", errno.EIO),
        ("fatal: Disk quota exceeded", errno.EDQUOT),
        ("fatal: bad object deadbeef", 0),
        ("error: pathspec: No such file or directory", 0),  # a file may never have been there
        ("fatal: cannot mkdir: File exists", 0),
        ("", 0),
    ],
)
def test_what_git_complains_of(complaint: str, number: int) -> None:
    assert number_of(complaint) == number


def test_a_file_is_written_whole_or_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.json"
    keep_whole(path, b"1")

    def full(_number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match=r"can't write .*result\.json: No space left on device"):
        keep_whole(path, b"2")
    assert json.loads(path.read_bytes()) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["result.json"]  # nothing half-written


def test_a_folder_that_is_gone_does_not_come_back_empty(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="bring the folder back"):
        keep_whole(tmp_path / "gone" / "result.json", b"1")
    assert not (tmp_path / "gone").exists()

"""What git doesn't keep of a folder, kept beside it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from runner.sandbox.local.names import escaped, tag_ref, unescaped
from runner.sandbox.local.tree import Entry, decoded, encoded, entries_of, restore


@pytest.mark.parametrize(
    ("path", "in_tree"),
    [
        ("workspace/.git/config", "workspace/.git%/config"),
        ("workspace/.GIT", "workspace/.GIT%"),
        (".git%", ".git%%"),
        (".gitmodules", ".gitmodules%"),
        (".gitignore", ".gitignore"),
        ("a.git/x", "a.git/x"),
        ("x%", "x%"),
    ],
)
def test_names_that_git_has_no_room_for(path: str, in_tree: str) -> None:
    assert escaped(path) == in_tree
    assert unescaped(in_tree) == path


def test_a_tag_is_one_part_of_a_ref() -> None:
    assert tag_ref("oppie/r1:A.1") == "refs/oppie-tags/oppie%2Fr1%3AA.1"


def test_facts_are_read_as_they_were_written() -> None:
    entries = [
        Entry("workspace", 0o40750, 5),
        Entry("workspace/.git/a\nb \udcff", 0o100644, 1_700_000_000_123_456_789),
        Entry("workspace/link", 0o120777, -1),
    ]
    assert decoded(encoded(entries)) == entries


def made(folder: Path) -> Path:
    (folder / "workspace" / "deep" / "empty").mkdir(parents=True)
    (folder / "workspace" / "file").write_text("x")
    (folder / "workspace" / "link").symlink_to("nowhere")
    os.mkfifo(folder / "workspace" / "pipe")
    (folder / "other").mkdir()
    return folder


def test_what_a_folder_holds(tmp_path: Path) -> None:
    with entries_of(made(tmp_path), ("workspace", "missing")) as entries:
        found = {entry.path: stat.S_IFMT(entry.mode) for entry in entries}
    assert found == {
        "workspace": stat.S_IFDIR,
        "workspace/file": stat.S_IFREG,
        "workspace/link": stat.S_IFLNK,
        "workspace/deep": stat.S_IFDIR,
        "workspace/deep/empty": stat.S_IFDIR,
    }


def test_what_is_closed_to_its_owner_is_open_for_a_while(tmp_path: Path) -> None:
    closed, within = tmp_path / "workspace" / "closed", tmp_path / "workspace" / "closed" / "file"
    closed.mkdir(parents=True)
    within.write_text("x")
    within.chmod(0o040)
    closed.chmod(0o000)
    with entries_of(tmp_path, ("workspace",)) as entries:
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert stat.S_IMODE(within.stat().st_mode) == 0o440
        modes = {entry.path: stat.S_IMODE(entry.mode) for entry in entries}
    assert modes["workspace/closed"] == 0o000 and modes["workspace/closed/file"] == 0o040
    assert stat.S_IMODE(closed.stat().st_mode) == 0o000
    closed.chmod(0o700)
    assert stat.S_IMODE(within.stat().st_mode) == 0o040


def test_what_git_wrote_gets_its_names_modes_and_times(tmp_path: Path) -> None:
    written = tmp_path / "workspace" / ".git%"
    written.mkdir(parents=True)
    (written / "config").write_text("x")
    entries = [
        Entry("workspace", 0o40755, 10**18),
        Entry("workspace/.git", 0o40500, 7),
        Entry("workspace/.git/config", 0o100400, 8),
        Entry("workspace/empty", 0o41777, 9),
    ]
    restore(tmp_path, entries)
    for entry in entries:
        facts = (tmp_path / entry.path).stat()
        assert (facts.st_mode, facts.st_mtime_ns) == (entry.mode, entry.mtime_ns), entry
    assert not written.exists()

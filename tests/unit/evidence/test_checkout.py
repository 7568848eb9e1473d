from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.errors import TaskError
from runner.evidence import Evidence, Refused

from .tars import Member, chunks, file, symlink, tar

RUN = "20261121-024017-ab12"


def checkout(evidence: Evidence, folder: Path, *members: Member) -> tuple[str, ...]:
    evidence.record(RUN, "A", "", chunks(tar(*members)), "x")
    return evidence.checkout(RUN, "A", folder)


def test_bytes_and_modes_as_recorded(evidence: Evidence, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    text = b"$Id$ $Format:%H$\r\nline\nline\r\n"
    checkout(
        evidence,
        out,
        file(
            ".gitattributes", "* text=auto eol=crlf ident export-subst filter=x\nz export-ignore\n"
        ),
        file("a.txt", text),
        file("z", "1"),
        file("sub/.gitattributes", "* working-tree-encoding=UTF-16\n"),
        file("sub/b", "plain\n"),
        file("run", "x", mode=0o755),
    )
    assert (out / "a.txt").read_bytes() == text
    assert (out / "sub" / "b").read_bytes() == b"plain\n"
    assert (out / "z").exists()
    assert os.access(out / "run", os.X_OK)
    assert not (out / ".git").exists()


def test_an_empty_folder_will_do_and_no_other(evidence: Evidence, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    checkout(evidence, tmp_path / "empty", file("a", "1"))
    with pytest.raises(Refused, match="not empty"):
        evidence.checkout(RUN, "A", tmp_path / "empty")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Refused, match="no folder"):
        evidence.checkout(RUN, "A", tmp_path / "file")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="no folder"):
        evidence.checkout(RUN, "A", tmp_path / "link")
    assert (tmp_path / "file").read_text() == "mine"


def test_links_that_stay_inside_are_links(evidence: Evidence, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outward = checkout(
        evidence, out, file("d/a", "1"), symlink("b", "d/a"), symlink("d/up", "../b"),
        symlink("here", "."), symlink("dangling", "nothing/here"),
    )  # fmt: skip
    assert outward == ()
    assert (out / "d" / "up").read_text() == "1"


def test_links_that_lead_out_are_written_as_text(evidence: Evidence, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine")
    out = tmp_path / "out"
    outward = checkout(
        evidence, out, file("d/x/y", "1"), symlink("abs", str(tmp_path / "secret")),
        symlink("up", "../secret"), symlink("d/far", "../../secret"),
        # By its letters `sly` stays inside; over `d/back` it doesn't.
        symlink("d/back", ".."), symlink("sly", "d/back/../secret"), symlink("loop", "loop"),
    )  # fmt: skip
    assert set(outward) == {"abs", "up", "d/far", "sly", "loop"}
    assert (out / "up").read_text() == "../secret"
    assert not (out / "up").is_symlink()
    assert (tmp_path / "secret").read_text() == "mine"


def test_a_node_without_evidence(evidence: Evidence, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"A\.9"):
        evidence.checkout(RUN, "A.9", tmp_path / "out")
    assert not (tmp_path / "out").exists()

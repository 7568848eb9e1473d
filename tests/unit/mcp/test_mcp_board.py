"""The board of features, as several owners see it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from runner.errors import StateError
from runner.mcp.board import FILE, MOST, Board
from runner.mcp.desk import DeskError
from runner.mcp.results import Feature, FeatureStatus


def test_what_one_has_claimed_no_other_can(tmp_path: Path) -> None:
    one, other = Board(tmp_path, "A.1"), Board(tmp_path, "A.2")
    assert one.claim("Group commit", "in wal.py").words == "'Group commit' is yours"
    with pytest.raises(DeskError, match=r"^'Group commit' is being worked on by A.1: choose some"):
        other.claim("  group   COMMIT ", "")
    assert other.claim("batching", "").features == (
        Feature("Group commit", "A.1", note="in wal.py"),
        Feature("batching", "A.2"),
    )
    assert one.all().features == other.all().features


def test_only_the_owner_changes_a_feature(tmp_path: Path) -> None:
    one, other = Board(tmp_path, "A.1"), Board(tmp_path, "A.2")
    one.claim("a", "")
    with pytest.raises(DeskError, match=r"^'a' is A.1's, not yours$"):
        other.done("a", "")
    with pytest.raises(DeskError, match=r"^there is no feature 'b'; yours: 'a'. Claim it first$"):
        one.update("b", "")
    one.update("a", "half of it")
    assert one.done("a", "").features == (Feature("a", "A.1", FeatureStatus.DONE, "half of it"),)
    with pytest.raises(DeskError, match=r"'a' is done by A.1"):
        one.claim("a", "")


def test_who_leaves_gives_back_what_is_not_done(tmp_path: Path) -> None:
    one = Board(tmp_path, "A.1")
    for name in ("a", "b"):
        one.claim(name, "")
    one.done("a", "")
    one.leave()
    assert [each.name for each in one.all().features] == ["a"]
    Board(tmp_path, "A.2").claim("b", "")


def test_the_board_is_bounded(tmp_path: Path) -> None:
    board = Board(tmp_path, "A.1")
    features = ",".join(f'{{"name": "{n}", "owner": "A.2"}}' for n in range(MOST))
    (tmp_path / FILE).write_text(f"[{features}]")
    with pytest.raises(DeskError, match=rf"^the board has {MOST} features already"):
        board.claim("one more", "")


@pytest.mark.parametrize("torn", [b"", b"[{", b"{}", b"\xff"])
def test_what_cant_be_read_counts_as_empty(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / FILE).write_bytes(torn)
    board = Board(tmp_path, "A.1")
    assert board.all().features == ()
    assert len(board.claim("a", "").features) == 1


def test_a_state_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(StateError):
        Board(tmp_path / "gone", "A.1").claim("a", "")


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    def claim(owner: int) -> None:
        for number in range(5):
            Board(tmp_path, f"A.{owner}").claim(f"{owner}-{number}", "")

    threads = [threading.Thread(target=claim, args=(owner,)) for owner in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Board(tmp_path, "A").all().features) == 20

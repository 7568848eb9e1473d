"""The executor: over a real evidence repository and folder, and the fake sandbox."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from runner.errors import EngineError, EngineUnavailable, StateError
from runner.evidence import Evidence, refs_of, set_ref
from runner.evidence.git import Git
from runner.reconcile import Done, Fate, Ruling, carry_out, look
from runner.reconcile.evidence import ref_of
from runner.reconcile.ruling import Thing
from runner.sandbox.protocol import Leftovers

from .world import RUN, node, run, state


@dataclass
class Spy:
    """A door that notes what it is asked, and refuses some of it."""

    refused: dict[str, Exception] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def remove(self, container: str) -> None:
        self._ask("remove", container)

    def discard(self, tag: str) -> None:
        self._ask("discard", tag)

    def retag(self, digest: str, tag: str) -> None:
        self._ask("retag", digest, tag)

    def _ask(self, *words: str) -> None:
        self.asked.append(words)
        if error := self.refused.get(words[1]):
            raise error


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return Evidence(tmp_path / "evidence.git")


def commit_in(evidence: Evidence, words: str) -> str:
    git = Git(f"--git-dir={evidence.folder}")
    tree = git.run("mktree").decode().strip()
    return git.run("commit-tree", tree, stdin=words.encode()).decode().strip()


def ruling(thing: Thing, name: object, fate: Fate, to: str = "") -> Ruling:
    return Ruling(thing, str(name), RUN, fate, "why", to)


KILLED = ruling(Thing.CONTAINER, "c", Fate.KILL)
TAGGED = ruling(Thing.IMAGE, "t", Fate.RESET, "sha256:1")
DISCARDED = ruling(Thing.IMAGE, "i", Fate.KILL)


def test_what_is_killed_or_reset_is_done_in_order_and_nothing_else(evidence: Evidence) -> None:
    others = [
        ruling(Thing.CONTAINER, fate, fate)
        for fate in (Fate.ADOPT, Fate.KEEP, Fate.FOREIGN, Fate.MISSING)
    ]
    spy = Spy()
    done = carry_out([KILLED, *others, TAGGED, DISCARDED], spy, evidence)
    assert done == (Done(KILLED), Done(TAGGED), Done(DISCARDED))
    assert spy.asked == [("remove", "c"), ("retag", "sha256:1", "t"), ("discard", "i")]


def test_what_the_engine_refuses_does_not_keep_the_rest_back(evidence: Evidence) -> None:
    spy = Spy({"c": EngineError("it is in use")})
    done = carry_out([KILLED, DISCARDED], spy, evidence)
    assert done == (Done(KILLED, "it is in use"), Done(DISCARDED))


def test_without_an_engine_nothing_is_tried_in_vain(evidence: Evidence) -> None:
    spy = Spy({"c": EngineUnavailable("gone")})
    with pytest.raises(EngineUnavailable):
        carry_out([KILLED, DISCARDED], spy, evidence)
    assert spy.asked == [("remove", "c")]


def test_refs_are_set_and_dropped(evidence: Evidence) -> None:
    commit, other = commit_in(evidence, "one"), commit_in(evidence, "other")
    wrong, stray, lost = (ref_of(RUN, label) for label in ("A.1", "A.9", "A.2"))
    for ref in (wrong, stray):
        set_ref(evidence, ref, other)
    rulings = [
        ruling(Thing.REF, wrong, Fate.RESET, commit),
        ruling(Thing.REF, lost, Fate.RESET, commit),
        ruling(Thing.REF, stray, Fate.KILL),
        ruling(Thing.REF, ref_of(RUN, "A.3"), Fate.RESET, "0" * 39 + "1"),
    ]
    *well, failed = carry_out(rulings, Spy(), evidence)
    assert [done.failure for done in well] == ["", "", ""]
    assert "git update-ref failed" in failed.failure
    assert refs_of(evidence, RUN) == {wrong: commit, lost: commit}


def test_folders_are_moved_aside_one_beside_the_other(evidence: Evidence, tmp_path: Path) -> None:
    attempt = tmp_path / "runs" / RUN / "attempts" / "A.9-1"
    for number in range(3):
        attempt.mkdir(parents=True)
        (attempt / "act.log").write_text(str(number))
        carry_out([ruling(Thing.FOLDER, attempt, Fate.RESET)], Spy(), evidence)
    kept = {path.parent.name: path.read_text() for path in tmp_path.rglob("act.log")}
    assert kept == {"A.9-1": "0", "A.9-1~2": "1", "A.9-1~3": "2"}


def test_files_and_folders_go_and_links_are_not_followed(
    evidence: Evidence, tmp_path: Path
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "x.tmp").touch()
    (tmp_path / "folder" / "below").mkdir(parents=True)
    names = ("link", "x.tmp", "folder", "absent")
    carry_out([ruling(Thing.FILE, tmp_path / n, Fate.KILL) for n in names], Spy(), evidence)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evidence.git", "kept"]
    assert (tmp_path / "kept" / "file").exists()


def test_a_state_folder_that_cannot_be_changed_is_told(
    evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StateError, match=r"can't remove .*x\.tmp: Read-only file system"):
        carry_out([ruling(Thing.FILE, tmp_path / "x.tmp", Fate.KILL)], Spy(), evidence)


def test_looking_finds_what_killed_programs_leave(evidence: Evidence, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    (runs / RUN / "attempts" / "A.1-1").mkdir(parents=True)
    left = {
        RUN: [runs / RUN / "attempts/A.1-1/result.tmp", runs / RUN / "tmpabcd1234"],
        "": [
            evidence.folder / "packed-refs.lock",
            evidence.folder / "refs/oppie/r/A.1.lock",
            evidence.folder / "objects/pack/tmp_pack_x",
            tmp_path / "tmp_bcd1234",
        ],
    }
    for path in (*left[RUN], *left[""]):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1.0, 1.0))
    known = run()
    found = look(Leftovers(), evidence, runs, [known])
    assert {key: set(paths) for key, paths in found.scratch.items()} == {
        key: set(paths) for key, paths in left.items()
    }
    assert found.attempts == {RUN: [runs / RUN / "attempts" / "A.1-1"]}
    assert found.commits == frozenset()
    only = look(Leftovers(), evidence, runs, [known], "another")
    assert (only.folders, set(only.scratch[""])) == ({}, set(left[""][:3]))


def test_a_commit_that_no_ref_leads_to_is_found(evidence: Evidence, tmp_path: Path) -> None:
    commit = commit_in(evidence, "lost")
    known = run(node("A"), node("A.1", made=replace(state("A.1"), commit=commit)))
    assert look(Leftovers(), evidence, tmp_path / "runs", [known]).commits == {commit}

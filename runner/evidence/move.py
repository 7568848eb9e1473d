"""Moves a branch of the user's from one commit to another, if it is still where it was.

The branch is locked first, then a work tree that has it checked out is written, then the branch
moves: a transaction of git's own (``git update-ref --stdin``: start, prepare, commit). Whoever dies
in between leaves the branch at its old commit, the lock gone, and the new commit under a ref.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from runner.errors import EvidenceError
from runner.evidence.checked_out import CheckedOut, holder_of
from runner.evidence.errors import BranchMoved, Refused
from runner.evidence.git import FellSilent, Git
from runner.evidence.place import HEADS, Place, commit_at


@dataclass(frozen=True, slots=True)
class Move:
    """``keep`` is a ref that holds ``new`` until the branch does; ``label`` goes into the reflog."""

    branch: str
    old: str
    new: str
    keep: str
    label: str


def move(place: Place, wanted: Move, who: Mapping[str, str]) -> None:
    """Raises BranchMoved, or Refused: ``keep`` then holds the new commit, nothing else changed."""
    git = Git("-C", str(place.top), env=who)
    git.run("update-ref", wanted.keep, wanted.new)
    try:
        _move(git, place, wanted)
    except BranchMoved:
        raise
    except Refused as refusal:
        raise Refused(f"{refusal}\nThe merge is kept as {wanted.keep}") from refusal


def _move(git: Git, place: Place, wanted: Move) -> None:
    holder = holder_of(place, wanted.branch)
    if holder:
        holder.demand_clean(wanted.old, wanted.new)
    try:
        with _locked(git, wanted) as commit:
            _through(holder, wanted, commit)
    except EvidenceError as error:
        now = commit_at(git, HEADS + wanted.branch)
        if now == wanted.old:
            raise Refused(f"branch {wanted.branch!r} can't be moved: {error}") from error
        raise BranchMoved(wanted.branch, wanted.old, now) from error


def _through(holder: CheckedOut | None, wanted: Move, commit: _Commit) -> None:
    if holder is None:
        commit()
        return
    holder.write(wanted.old, wanted.new)
    try:
        commit()
    except BaseException:
        if commit_at(holder.git(), HEADS + wanted.branch) == wanted.old:
            holder.write(wanted.new, wanted.old)
        raise


class _Commit:
    """The last word of a transaction, to be said once."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __call__(self) -> None:
        _say(self._process, "commit")


@contextmanager
def _locked(git: Git, wanted: Move) -> Iterator[_Commit]:
    """The branch, locked at its old commit; without the last word it stays there."""
    reason = f"oppie: merge {wanted.label}"
    with git.talk("update-ref", "-m", reason, "--stdin") as process:
        _say(process, "start")
        assert process.stdin is not None
        told = (
            f"update {HEADS}{wanted.branch} {wanted.new} {wanted.old}\n"
            f"delete {wanted.keep} {wanted.new}\n"
        )
        process.stdin.write(told.encode("utf-8", "surrogateescape"))
        _say(process, "prepare")
        yield _Commit(process)


def _say(process: subprocess.Popen[bytes], word: str) -> None:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(f"{word}\n".encode())
    process.stdin.flush()
    if process.stdout.readline() != f"{word}: ok\n".encode():
        raise FellSilent(process)

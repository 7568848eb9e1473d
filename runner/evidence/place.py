"""Where the target lies in the user's repository, and which branches and work trees that has."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from runner.evidence.errors import Refused
from runner.evidence.git import Git

HEADS = "refs/heads/"
_ORIGIN = "Origin: "
_IDENT = re.compile(r"(?P<name>.*) <(?P<email>[^<>]*)> (?P<when>\d+ [+-]\d{4})\n?")


@dataclass(frozen=True, slots=True)
class Place:
    """A user's work tree; ``prefix`` is the target's folder in it, "" or ending in a slash."""

    top: Path
    prefix: str

    def git(self) -> Git:
        return Git("-C", str(self.top), env={"GIT_NO_LAZY_FETCH": "1"})

    def head(self) -> str:
        """The commit that is checked out. Raises Refused where there is none yet."""
        found = commit_at(self.git(), "HEAD")
        if not found:
            raise Refused(f"the repository of {self.top / self.prefix} has no commit yet")
        return found


def quoted(path: Path) -> str:
    """A path in the form that git reads it in where it lists folders of objects."""
    name = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{name}"'


def find_place(folder: Path) -> Place:
    """Raises Refused where the folder is in no git work tree."""
    git = Git("-C", str(folder))
    asked = ("--is-bare-repository", "--is-inside-work-tree", "--show-toplevel", "--show-prefix")
    shown = git.attempt("rev-parse", *asked)
    lines = os.fsdecode(shown.stdout).split("\n")
    if lines[0] == "true" and lines[1:2] == ["false"]:
        raise Refused(f"{folder} is a bare repository; name a work tree of it")
    if shown.returncode != 0 or lines[1] != "true":
        raise Refused(f"{folder} is in no git repository")
    return Place(Path(lines[2]), lines[3])


def commit_at(git: Git, name: str) -> str:
    """The commit that ``name`` stands for; "" if there is none."""
    done = git.attempt("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return done.stdout.decode("ascii").strip() if done.returncode == 0 else ""


def branch_of(place: Place, into: str | None) -> str:
    """The branch to land on, without ``refs/heads/``: ``into``, or the one that is checked out.

    Raises Refused for a detached HEAD, a name that git doesn't allow, and a branch that is only
    another name of one.
    """
    git = place.git()
    if into is None:
        head = git.attempt("symbolic-ref", "--quiet", "HEAD").stdout.decode("utf-8", "replace")
        if not head.startswith(HEADS):
            raise Refused(f"{place.top} has no branch checked out (detached HEAD); name one")
        return head.strip().removeprefix(HEADS)
    name = into.removeprefix(HEADS)
    if name.startswith("-") or git.attempt("check-ref-format", HEADS + name).returncode != 0:
        raise Refused(f"branch {into!r}: git does not allow this name")
    alias = git.attempt("symbolic-ref", "--quiet", HEADS + name)
    if alias.returncode == 0:
        real = alias.stdout.decode("utf-8", "replace").strip().removeprefix(HEADS)
        raise Refused(f"branch {name!r} is another name of {real!r}; name that one")
    return name


def prefix_of(folder: Path) -> str:
    """Where a folder lies in its repository, "" or ending in a slash; "" where it is in none."""
    try:
        return find_place(folder).prefix
    except Refused:
        return ""


def found_at(folder: Path) -> str:
    """A line for the message of the target's evidence: which commit was checked out when it was
    found. Empty where there is none."""
    try:
        return f"{_ORIGIN}{find_place(folder).head()}\n"
    except Refused:
        return ""


def origin_in(message: str) -> str:
    """The commit that ``found_at`` had told, or ""."""
    told = (line for line in message.splitlines() if line.startswith(_ORIGIN))
    return next((line.removeprefix(_ORIGIN).strip() for line in told), "")


def identity(place: Place) -> dict[str, str]:
    """The user as author and committer, now, for git's environment: what they told git for this
    repository, or in general. Raises Refused for a user whom git doesn't know; none is made up."""
    git = Git.of_user("-C", str(place.top), "-c", "user.useConfigOnly=true")
    found = {}
    for role in ("AUTHOR", "COMMITTER"):
        done = git.attempt("var", f"GIT_{role}_IDENT")
        told = _IDENT.fullmatch(done.stdout.decode("utf-8", "surrogateescape"))
        if done.returncode != 0 or told is None:
            raise Refused(
                f"git doesn't know who commits in {place.top}; say so with `git config user.name "
                '"Your Name"` and `git config user.email you@example.org`'
            )
        found[f"GIT_{role}_NAME"] = told["name"]
        found[f"GIT_{role}_EMAIL"] = told["email"]
        found[f"GIT_{role}_DATE"] = f"@{told['when']}"
    return found

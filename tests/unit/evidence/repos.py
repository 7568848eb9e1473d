"""A user's repository with a target in a folder of it, and nodes recorded as if a run had made them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from runner.evidence import Evidence, Recorded, found_at, pack_target

from .tars import Member, chunks, file, symlink, tar

RUN = "20261121-024017-ab12"
LINES = 40


def git(folder: Path, *args: str, stdin: str = "") -> str:
    """What a user's git says, from a user who has a name."""
    return subprocess.run(
        ["git", "-c", "user.name=u", "-c", "user.email=u@x", "-C", str(folder), *args],
        check=True, capture_output=True, text=True, input=stdin,
        env={"PATH": os.defpath, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"},
    ).stdout.strip()  # fmt: skip


def lines(**changed: str) -> str:
    """A file of forty lines; ``lines(n7="better")`` is one with another seventh line."""
    return "".join(f"{changed.get(f'n{i}', f'line {i}')}\n" for i in range(LINES))


def write(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def commit(folder: Path, message: str = "more") -> str:
    git(folder, "add", "-A", ".")
    git(folder, "commit", "-qm", message)
    return git(folder, "rev-parse", "HEAD")


def make_repo(folder: Path, files: Mapping[str, str], branch: str = "main") -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", branch)
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.org")
    write(folder, files)
    commit(folder, "first")
    return folder


def record_root(
    evidence: Evidence, target: Path, exclude: frozenset[str] = frozenset()
) -> Recorded:
    """The target and the root, as a run's start records them; the set-up does nothing here."""
    message = f"target: as it was found\n\n{found_at(target)}"
    evidence.record(RUN, "target", "", pack_target(target, exclude.__contains__), message)
    return evidence.record(RUN, "A", "", pack_target(target, exclude.__contains__), "root")


def record_node(
    evidence: Evidence, label: str, changed: Mapping[str, str | None], *others: Member
) -> Recorded:
    """A child of its label's parent in which some files have another text, or are gone."""
    parent = evidence.commit(RUN, label.rpartition(".")[0])
    members = []
    for path, entry in evidence.manifest(parent).items():
        if path not in changed:
            mode, blob = entry.split()
            data = subprocess.run(
                ["git", f"--git-dir={evidence.folder}", "cat-file", "blob", blob],
                check=True, capture_output=True,
            ).stdout  # fmt: skip
            is_link = mode == "120000"
            members.append(
                symlink(path, data.decode()) if is_link else file(path, data, int(mode, 8) & 0o777)
            )
    members += [file(path, text) for path, text in changed.items() if text is not None]
    return evidence.record(RUN, label, parent, chunks(tar(*members, *others)), label)


def state(repo: Path) -> tuple[str, ...]:
    """All that must be as it was after a rejection: refs, HEAD, index, and what the files say."""
    return (
        git(repo, "for-each-ref", "refs/heads", "refs/tags"),
        git(repo, "rev-parse", "HEAD"),
        git(repo, "ls-files", "--stage"),
        git(repo, "status", "--porcelain"),
        git(repo, "diff", "--binary"),
    )


def programs(repo: Path, marker: Path, filtered: str = "*") -> None:
    """All places where a repository can name a program that a merge might run; each leaves its name
    in ``marker``."""

    def touch(name: str) -> str:
        return f"echo {name} >>'{marker}'; false"

    (repo / ".gitattributes").write_text(f"* merge=own diff=own\n{filtered} filter=own\n")
    commit(repo, "attributes")
    for key in (
        "merge.own.driver", "diff.own.command", "diff.own.textconv", "core.fsmonitor",
        "core.alternateRefsCommand", "filter.own.clean", "filter.own.smudge", "filter.own.process",
        "gpg.program", "core.pager", "core.editor", "merge.tool", "credential.helper",
    ):  # fmt: skip
        git(repo, "config", key, touch(key))
    git(repo, "config", "commit.gpgSign", "true")
    git(repo, "config", "merge.renames", "false")
    hooks = repo / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        "reference-transaction", "post-merge", "pre-merge-commit", "commit-msg", "post-checkout",
        "prepare-commit-msg", "pre-commit", "post-commit", "post-index-change", "update",
    ):  # fmt: skip
        (hooks / name).write_text(f"#!/bin/sh\n{touch(name)}\n")
        (hooks / name).chmod(0o755)

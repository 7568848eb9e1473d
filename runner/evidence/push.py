"""Pushes one branch, as the user's own git would, but without a question."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from runner.evidence.errors import Refused
from runner.evidence.git import Git, stderr_tail
from runner.evidence.place import HEADS, branch_of, commit_at, find_place

TIMEOUT_S = 120.0
# What the user chose as ssh stays (git's own order: variable, setting, program), but mayn't ask.
# An empty GIT_ASKPASS is git's word for no such program.
_QUIETLY = (
    "ssh=${GIT_SSH_COMMAND:-${1:-${GIT_SSH:-ssh}}}; shift; "
    'exec env GIT_SSH_COMMAND="$ssh -oBatchMode=yes" GIT_ASKPASS= SSH_ASKPASS= '
    'GCM_INTERACTIVE=never "$@"'
)
_CREDENTIALS = re.compile(r"//[^/@\s]+@")
_PUSH = ("push", "--no-verify", "--no-follow-tags", "--no-signed", "--recurse-submodules=no", "--")


def push(repo_dir: Path, branch: str, remote: str, timeout_s: float = TIMEOUT_S) -> str:
    """Push ``branch`` to the branch of that name at ``remote`` (a name or an address), never forced.

    Returns git's last words, which may come from the other side and be hostile. The user's settings
    and credential helpers count, their hooks don't run, and nothing can ask: there is no terminal.
    Raises Refused with git's words, or for a push that takes longer than ``timeout_s``.
    """
    place = find_place(repo_dir)
    name = branch_of(place, branch)
    if not commit_at(place.git(), HEADS + name):
        raise Refused(f"branch {name!r}: there is no such branch in {place.top}")
    git = Git.of_user("-C", str(place.top), "-c", "core.hooksPath=/dev/null")
    ssh = git.attempt("config", "--get", "core.sshCommand").stdout.decode("utf-8", "replace")
    pushing = git.command(*_PUSH, remote, f"{HEADS}{name}:{HEADS}{name}")
    code, said = _run(["sh", "-c", _QUIETLY, "sh", ssh.strip(), *pushing], timeout_s)
    words = _CREDENTIALS.sub("//", stderr_tail(said))
    if code != 0:
        where = _CREDENTIALS.sub("//", remote)
        raise Refused(f"branch {name!r} can't be pushed to {where!r}: {words}")
    return words


def _run(command: list[str], timeout_s: float) -> tuple[int, bytes]:
    """Exit code and stderr; a session of its own has no terminal, and can be ended as a whole."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, said = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise Refused(f"pushing took longer than {timeout_s:g} s and was stopped") from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return process.returncode, said

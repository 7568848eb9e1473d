from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from runner.evidence import Refused, push

from .repos import commit, git, make_repo, write


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    repo = make_repo(tmp_path / "repo", {"a": "1\n"})
    git(tmp_path, "init", "-q", "--bare", "there.git")
    git(repo, "remote", "add", "origin", str(tmp_path / "there.git"))
    git(repo, "branch", "topic")
    return repo


def test_one_branch_and_nothing_else(repo: Path, tmp_path: Path) -> None:
    git(repo, "tag", "-a", "-m", "x", "v1")
    git(repo, "config", "push.followTags", "true")
    said = push(repo, "topic", "origin")
    assert "topic -> topic" in said
    refs = git(tmp_path / "there.git", "for-each-ref", "--format=%(refname) %(objectname)")
    assert refs == f"refs/heads/topic {git(repo, 'rev-parse', 'topic')}"
    assert "up-to-date" in push(repo, "topic", str(tmp_path / "there.git"))


def test_a_branch_that_has_other_commits_there(repo: Path, tmp_path: Path) -> None:
    push(repo, "main", "origin")
    write(repo, {"a": "2\n"})
    commit(repo)
    push(repo, "main", "origin")
    git(repo, "reset", "-q", "--hard", "HEAD^")
    before = git(tmp_path / "there.git", "for-each-ref")
    with pytest.raises(Refused, match=r"'main' can't be pushed to 'origin': .*rejected"):
        push(repo, "main", "origin")
    assert git(tmp_path / "there.git", "for-each-ref") == before


def test_what_is_not_there(repo: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no such branch"):
        push(repo, "gone", "origin")
    with pytest.raises(Refused, match="does not appear to be a git repository"):
        push(repo, "topic", "nowhere")
    with pytest.raises(Refused, match="blocked"):
        push(repo, "topic", "--mirror")
    with pytest.raises(Refused, match="in no git repository"):
        push(tmp_path, "topic", "origin")


def test_hooks_do_not_run(repo: Path, tmp_path: Path) -> None:
    hook = repo / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/hooked'\nexit 1\n")
    hook.chmod(0o755)
    push(repo, "topic", "origin")
    assert not (tmp_path / "hooked").exists()


@pytest.fixture
def locked_server() -> Iterator[str]:
    """A forge that wants a password."""

    class Locked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Locked)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/x.git"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nobody_is_asked_for_a_password(
    repo: Path, locked_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "ask"
    asked.write_text(f"#!/bin/sh\ntouch '{tmp_path}/asked'\necho secret\n")
    asked.chmod(0o755)
    git(repo, "config", "core.askPass", str(asked))
    for name in ("GIT_ASKPASS", "SSH_ASKPASS"):
        monkeypatch.setenv(name, str(asked))
    with pytest.raises(Refused, match="could not read Username"):
        push(repo, "topic", locked_server)
    secret = locked_server.replace("//", "//token:hunter2@")
    with pytest.raises(Refused, match="can't be pushed") as refusal:
        push(repo, "topic", secret)
    assert "hunter2" not in str(refusal.value)
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize("how", ["setting", "variable"])
def test_the_users_own_ssh_is_told_not_to_ask(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\necho \"$@\" >'{tmp_path}/told'\nexit 255\n")
    ssh.chmod(0o755)
    if how == "setting":
        git(repo, "config", "core.sshCommand", f"{ssh} -i key")
    else:
        monkeypatch.setenv("GIT_SSH_COMMAND", f"{ssh} -i key")
    with pytest.raises(Refused, match="Could not read from remote"):
        push(repo, "topic", "git@example.invalid:x/y.git")
    assert "-i key -oBatchMode=yes" in (tmp_path / "told").read_text()


def test_one_that_takes_too_long_is_ended_as_a_whole(repo: Path, tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\nsleep 1.5\ntouch '{tmp_path}/lived on'\n")
    ssh.chmod(0o755)
    git(repo, "config", "core.sshCommand", str(ssh))
    began = time.monotonic()
    with pytest.raises(Refused, match=r"longer than 0\.5 s"):
        push(repo, "topic", "git@example.invalid:x/y.git", timeout_s=0.5)
    assert time.monotonic() - began < 1.4
    time.sleep(1.7)
    assert not (tmp_path / "lived on").exists()

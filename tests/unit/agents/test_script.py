"""The script, run by real shells over real repositories."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.agents.script import script
from runner.model import Action, ActionKind

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
TEN_LINES = b"".join(b"line %d\n" % number for number in range(10))


def git(folder: Path, *arguments: str) -> bytes:
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{role}_{what}": "t@t"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, check=True
    )
    return done.stdout


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A repository as the root's step makes it."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "a.txt").write_bytes(TEN_LINES)
    git(folder, "init", "-q", ".")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "root")
    return folder


def run(folder: Path, *actions: Action, shell: str = "dash") -> subprocess.CompletedProcess[bytes]:
    """Feed the script to a shell as the container's step does."""
    command = ["busybox", "sh", "-s"] if shell == "busybox" else [shell, "-s"]
    return subprocess.run(
        command,
        input=script(actions),
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder.parent)},
        capture_output=True,
        timeout=30,
        check=False,
    )


def patch(folder: Path, name: str, new: bytes, key: str = "p") -> Action:
    """The patch that makes ``name`` hold ``new``; the folder is left as it was."""
    path = folder / name
    old = path.read_bytes() if path.exists() else None
    path.write_bytes(new)
    git(folder, "add", "-A")
    body = git(folder, "diff", "--binary", "--cached")
    git(folder, "reset", "-q", "--hard")
    assert (path.read_bytes() if path.exists() else None) == old
    return Action(key, ActionKind.PATCH, body)


def command(text: str, key: str = "c") -> Action:
    return Action(key, ActionKind.COMMAND, text.encode())


@pytest.mark.parametrize("shell", SHELLS)
def test_two_patches_of_one_file_and_a_command_between(workspace: Path, shell: str) -> None:
    first = patch(workspace, "a.txt", TEN_LINES.replace(b"line 1\n", b"one\n"))
    second = patch(workspace, "a.txt", TEN_LINES.replace(b"line 8\n", b"eight\n"))
    done = run(workspace, first, command("echo new > b.txt"), second, shell=shell)
    assert done.returncode == 0, done.stderr
    expected = TEN_LINES.replace(b"line 1\n", b"one\n").replace(b"line 8\n", b"eight\n")
    assert (workspace / "a.txt").read_bytes() == expected
    assert (workspace / "b.txt").read_bytes() == b"new\n"


def test_a_patch_applies_over_what_a_command_changed(workspace: Path) -> None:
    """The shifted context needs the three-way merge, and it an index that knows the file."""
    change = patch(workspace, "a.txt", TEN_LINES.replace(b"line 5\n", b"five\n"))
    prepend = command("{ seq 50; cat a.txt; } > x && mv x a.txt")
    done = run(workspace, prepend, change)
    assert done.returncode == 0, done.stderr
    assert b"\nfive\n" in (workspace / "a.txt").read_bytes()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_conflict_fails_and_leaves_markers(workspace: Path, shell: str) -> None:
    mine = patch(workspace, "a.txt", TEN_LINES.replace(b"line 5\n", b"mine\n"))
    yours = patch(workspace, "a.txt", TEN_LINES.replace(b"line 5\n", b"yours\n"))
    done = run(workspace, mine, yours, command("touch never"), shell=shell)
    assert done.returncode == 1
    assert b"<<<<<<<" in (workspace / "a.txt").read_bytes()
    assert not (workspace / "never").exists()


def test_a_patch_of_a_file_that_is_not_there_fails(workspace: Path) -> None:
    (workspace / "b.txt").write_bytes(b"b\n")
    git(workspace, "add", "-A")
    git(workspace, "commit", "-q", "-m", "b")
    change = patch(workspace, "b.txt", b"c\n")
    done = run(workspace, command("rm b.txt"), change)
    assert done.returncode != 0
    assert b"b.txt" in done.stderr


def test_binary_files(workspace: Path) -> None:
    everything = bytes(range(256)) * 3
    done = run(workspace, patch(workspace, "blob.bin", everything))
    assert done.returncode == 0, done.stderr
    assert (workspace / "blob.bin").read_bytes() == everything


def test_text_that_is_not_utf8(workspace: Path) -> None:
    every_byte = bytes(range(1, 256)).replace(b"\n", b"").replace(b"\r", b"") + b"\n"
    done = run(workspace, patch(workspace, "latin.txt", every_byte))
    assert done.returncode == 0, done.stderr
    assert (workspace / "latin.txt").read_bytes() == every_byte


def test_lines_that_end_in_carriage_returns(workspace: Path) -> None:
    done = run(workspace, patch(workspace, "dos.txt", b"one\r\ntwo\r\n"))
    assert done.returncode == 0, done.stderr
    assert (workspace / "dos.txt").read_bytes() == b"one\r\ntwo\r\n"


def test_modes_links_removals_and_files_without_a_last_newline(workspace: Path) -> None:
    (workspace / "tool").write_bytes(b"#!/bin/sh")
    (workspace / "tool").chmod(0o755)
    (workspace / "link").symlink_to("tool")
    (workspace / "a.txt").unlink()
    git(workspace, "add", "-A")
    body = git(workspace, "diff", "--binary", "--cached")
    git(workspace, "reset", "-q", "--hard")
    done = run(workspace, Action("p", ActionKind.PATCH, body))
    assert done.returncode == 0, done.stderr
    assert (workspace / "tool").stat().st_mode & 0o777 == 0o755
    assert (workspace / "tool").read_bytes() == b"#!/bin/sh"
    assert (workspace / "link").is_symlink()
    assert not (workspace / "a.txt").exists()


def test_a_patch_that_lost_its_last_newline_and_has_text_above(workspace: Path) -> None:
    whole = patch(workspace, "a.txt", TEN_LINES.replace(b"line 9\n", b"nine\n"))
    body = b"Description: Count right; it's `free` $HOME\n\n" + whole.body.rstrip(b"\n")
    done = run(workspace, Action("p", ActionKind.PATCH, body))
    assert done.returncode == 0, done.stderr
    assert b"nine\n" in (workspace / "a.txt").read_bytes()


def test_a_patch_of_several_megabytes(workspace: Path) -> None:
    big = b"".join(b"%d it's $big `\\\n" % number for number in range(150_000))
    done = run(workspace, patch(workspace, "big.txt", big))
    assert done.returncode == 0, done.stderr
    assert (workspace / "big.txt").read_bytes() == big


def test_an_applied_patch_applies_again_without_a_change(workspace: Path) -> None:
    change = patch(workspace, "a.txt", TEN_LINES.replace(b"line 5\n", b"five\n"))
    done = run(workspace, change, change)
    assert done.returncode == 0, done.stderr
    assert (workspace / "a.txt").read_bytes().count(b"five") == 1


def test_no_commit_is_made(workspace: Path) -> None:
    before = git(workspace, "rev-parse", "HEAD")
    run(workspace, patch(workspace, "a.txt", b"x\n"))
    assert git(workspace, "rev-parse", "HEAD") == before
    assert git(workspace, "diff", "HEAD", "--name-only") == b"a.txt\n"


def test_a_patch_says_that_it_needs_git(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-s"],
        input=script([Action("p", ActionKind.PATCH, b"--- a/x\n+++ b/x\n")]),
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 127
    assert b"a patch needs git in the image" in done.stderr


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("exit 7", 7),
        ("false", 1),
        ("false; true", 0),  # as `sh -c` has it
        ("set -e; false; true", 1),
        ("no-such-program-anywhere", 127),
        ("cat <<X\nno end", 0),
        ("trap 'echo bye' EXIT; exit 3", 3),
    ],
)
def test_exit_codes_of_commands(workspace: Path, text: str, code: int, shell: str) -> None:
    done = run(workspace, command(text), command("touch reached"), shell=shell)
    assert done.returncode == code, done.stderr
    assert (workspace / "reached").exists() == (code == 0)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("text", ["if then fi )", "echo 'unbalanced", "}", "( true"])
def test_a_syntax_error_stays_inside_its_command(workspace: Path, text: str, shell: str) -> None:
    done = run(
        workspace, command("touch before"), command(text), command("touch after"), shell=shell
    )
    assert done.returncode != 0
    assert (workspace / "before").exists()
    assert not (workspace / "after").exists()


def test_a_command_cannot_read_the_rest_of_the_script(workspace: Path) -> None:
    done = run(workspace, command("cat > eaten"), command("echo here > after"))
    assert done.returncode == 0
    assert (workspace / "eaten").read_bytes() == b""
    assert (workspace / "after").read_bytes() == b"here\n"


def test_commands_share_nothing_but_files(workspace: Path) -> None:
    done = run(workspace, command("x=1; cd /; umask 0; set -u"), command('echo "[$x]" $PWD'))
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().split() == ["[]", str(workspace)]


def test_each_action_is_named_before_it_speaks(workspace: Path) -> None:
    done = run(workspace, command("echo one >&2", "tile=8"), command("false", "b"))
    assert done.stderr == b"oppie: tile=8\none\noppie: b\n"


def test_no_action_is_no_change(workspace: Path) -> None:
    assert run(workspace).returncode == 0


@pytest.mark.parametrize("kind", list(ActionKind))
def test_a_nul_byte_is_refused(kind: ActionKind) -> None:
    with pytest.raises(ValueError, match="'x' holds a NUL byte"):
        script([Action("x", kind, b"a\0b")])


def test_the_same_actions_give_the_same_script() -> None:
    actions = [Action("p", ActionKind.PATCH, b"--- a\n"), command("true")]
    assert script(actions) == script(actions)


def test_a_patch_may_hold_what_looks_like_the_end(workspace: Path) -> None:
    change = patch(workspace, "a.txt", TEN_LINES.replace(b"line 5\n", b"OPPIE_\nEOF\n}\n"))
    done = run(workspace, change)
    assert done.returncode == 0, done.stderr
    assert b"OPPIE_\nEOF\n}\n" in (workspace / "a.txt").read_bytes()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.binary(max_size=200).filter(lambda raw: b"\0" not in raw))
def test_any_bytes_reach_the_command_as_they_are(tmp_path: Path, text: bytes) -> None:
    """Quoted once by the command's author and once by the script, and still the same."""
    quoted = b"'" + text.replace(b"'", b"'\\''") + b"'"
    done = run(tmp_path, Action("c", ActionKind.COMMAND, b"printf %s " + quoted))
    assert done.returncode == 0, done.stderr
    assert done.stdout == text


# -- secrets -----------------------------------------------------------------------------------

PATCH = b"""\
--- a/a.txt
+++ b/a.txt
@@ -1,4 +1,4 @@
-line 0
+x
 line 1
 line 2
 line 3
"""
HARD = "'\"$(touch owned)`x`\\ %s * \\n é"


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_have_secrets_in_their_environment_and_patches_have_none(
    workspace: Path, shell: str
) -> None:
    actions = (
        Action("first", body=b'printf %s "$TOKEN" >first; tr "\\0" "\\n" </proc/$$/cmdline >line'),
        Action("patch", ActionKind.PATCH, PATCH),
        Action("last", body=b'printf %s "$TOKEN" >last'),
    )
    command = ["busybox", "sh", "-s"] if shell == "busybox" else [shell, "-s"]
    fed = script(actions, {"TOKEN": HARD})
    subprocess.run(command, input=fed, cwd=workspace, capture_output=True, timeout=30, check=True)
    assert (workspace / "first").read_text() == (workspace / "last").read_text() == HARD
    assert "touch" not in (workspace / "line").read_text()
    assert not (workspace / "owned").exists()
    assert fed.count(b"export TOKEN=") == 2


def test_without_secrets_the_script_is_what_it_was() -> None:
    assert script([Action("a", body=b"true")], {}) == script([Action("a", body=b"true")])

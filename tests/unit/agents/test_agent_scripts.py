"""The scripts, run by real shells, with programs that note what they are given.

The program of each agent is replaced by one that writes down its arguments, environment and stdin, and
prints what the real one was recorded to print.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from recordings import CLIS, probed, recorded

from runner.agents.adapters import by_name
from runner.agents.protocol import Access, Adapter, Assignment
from runner.errors import TaskError
from runner.model import AgentStatus
from runner.sandbox.protocol import Exit

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
TOKEN = "node-token-7'\"$(id)"
PROMPT = (
    "it's \"quoted\" $(touch pwned) `touch pwned` \\ \n'; touch pwned; '\n%s %n\t–é\nPHASE: red\n"
)

_FAKE = """\
#!/bin/sh
# Notes what it is given, says what it is told to say, and leaves a mark in the workspace.
printf '%s\\0' "$@" >"$NOTES/arguments"
env -0 >"$NOTES/environment"
cat >"$NOTES/stdin"
ls -l "$TMPDIR"/oppie.* >"$NOTES/files"
cp "$TMPDIR"/oppie.*/* "$NOTES/"
grep -rl node-token-7 "$TMPDIR" "$HOME" . >"$NOTES/leaks"
cat "$NOTES/recording"
exit "$(cat "$NOTES/code")"
"""


@dataclass
class Stage:
    """A workspace, a home, and a folder for the program's notes."""

    folder: Path

    def __post_init__(self) -> None:
        for name in ("workspace", "home", "notes", "bin", "tmp"):
            (self.folder / name).mkdir()
        (self.notes / "code").write_text("0")

    @property
    def notes(self) -> Path:
        return self.folder / "notes"

    def has(self, program: str, says: bytes = b"") -> None:
        (self.notes / "recording").write_bytes(says)
        file = self.folder / "bin" / program
        file.write_text(_FAKE)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def run(
        self, script: bytes, shell: str = "dash", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        command = ["busybox", "sh", "-s"] if shell == "busybox" else [shell, "-s"]
        return subprocess.run(
            command,
            input=script,
            cwd=self.folder / "workspace",
            env={
                "PATH": f"{self.folder / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin",
                "HOME": str(self.folder / "home"),
                "NOTES": str(self.notes),
                "TMPDIR": str(self.folder / "tmp"),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )

    @property
    def arguments(self) -> list[str]:
        return (self.notes / "arguments").read_text().split("\0")[:-1]

    @property
    def environment(self) -> dict[str, str]:
        pairs = os.fsdecode((self.notes / "environment").read_bytes()).split("\0")
        return dict(pair.split("=", 1) for pair in pairs if "=" in pair)

    def option(self, name: str) -> str:
        return self.arguments[self.arguments.index(name) + 1]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def access(adapter: Adapter) -> Access:
    path = "/up/v1" if adapter.dialects[0] == "openai" else "/up"
    return Access(adapter.dialects[0], f"http://127.0.0.1:3129{path}", TOKEN)


def assigned(name: str, **facts: object) -> tuple[Adapter, Assignment]:
    adapter = by_name(name)
    given: dict[str, object] = {
        "prompt": PROMPT,
        "model": "m-1",
        "access": access(adapter) if adapter.dialects else None,
        "found": adapter.read_probe(probed(name))
        if name in CLIS
        else adapter.read_probe("oppie: help"),
    }
    return adapter, Assignment(**{**given, **facts})  # type: ignore[arg-type]


def prompt_of(name: str, stage: Stage) -> str:
    match name:
        case "aider":
            return (stage.notes / "prompt").read_text()
        case "mini":
            return str(json.loads((stage.notes / "task.yaml").read_text())["run"]["task"])
        case _:
            return (stage.notes / "stdin").read_text()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", CLIS)
def test_a_round(name: str, shell: str, stage: Stage) -> None:
    stage.has(name, recorded(name))
    adapter, assignment = assigned(name, bridge=b"print('x')\n")
    done = stage.run(adapter.script(assignment), shell)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith(b"oppie: agent " + name.encode() + b"\n")
    reader = adapter.reader()
    list(reader.feed(done.stdout))
    report = reader.report(Exit.OK, 0)
    # Nothing wrote a trajectory for mini: the real one's line comes first, and counts.
    assert report.status is AgentStatus.DONE
    assert prompt_of(name, stage) == PROMPT
    assert not list((stage.folder / "workspace").iterdir())


@pytest.mark.parametrize("name", CLIS)
def test_the_token_is_in_the_environment_and_nowhere_else(name: str, stage: Stage) -> None:
    stage.has(name)
    adapter, assignment = assigned(name, bridge=b"print('x')\n")
    stage.run(adapter.script(assignment))
    assert TOKEN in stage.environment.values()
    assert not any("node-token" in argument for argument in stage.arguments)
    assert (stage.notes / "leaks").read_text() == ""
    assert all(line[4:10] == "------" for line in listed(stage))


def listed(stage: Stage) -> list[str]:
    lines = (stage.notes / "files").read_text().splitlines()
    return [line for line in lines if line.startswith("-")]


@pytest.mark.parametrize("name", CLIS)
def test_nothing_is_left_in_tmp_and_the_exit_code_is_the_programs(name: str, stage: Stage) -> None:
    stage.has(name)
    (stage.notes / "code").write_text("37")
    adapter, assignment = assigned(name)
    assert stage.run(adapter.script(assignment)).returncode == 37
    assert not list((stage.folder / "tmp").iterdir())
    assert (stage.notes / "files").read_text() != ""


@pytest.mark.parametrize("name", CLIS)
def test_hostile_names_are_arguments_and_no_shell(name: str, stage: Stage) -> None:
    stage.has(name)
    hostile = 'm\'; touch pwned; $(touch pwned) "`touch pwned`"'
    adapter, assignment = assigned(name, model=hostile, session=hostile, cost_usd=1.5)
    stage.run(adapter.script(assignment))
    assert any(hostile in argument for argument in stage.arguments)
    assert not list((stage.folder / "workspace").iterdir())
    assert not list((stage.folder / "home").glob("pwned"))


@pytest.mark.parametrize("name", CLIS)
def test_the_gateway_is_where_the_environment_says(name: str, stage: Stage) -> None:
    stage.has(name)
    adapter, assignment = assigned(name)
    script = adapter.script(assignment)
    for port, environment in ((3129, {}), (45678, {"OPPIE_PORT_3129": "45678"})):
        stage.run(script, **environment)
        told = [*stage.environment.values(), *stage.arguments]
        assert any(f"http://127.0.0.1:{port}/up" in text for text in told)


@pytest.mark.parametrize("name", CLIS)
def test_the_loopback_is_no_proxys_business(name: str, stage: Stage) -> None:
    stage.has(name)
    adapter, assignment = assigned(name)
    proxied = b"export http_proxy=http://127.0.0.1:3128 no_proxy= NO_PROXY=\n"
    stage.run(proxied + adapter.script(assignment))
    assert stage.environment["no_proxy"] == stage.environment["NO_PROXY"] == "127.0.0.1,localhost"


@pytest.mark.parametrize("name", CLIS)
def test_a_shell_that_gets_half_the_script_runs_none_of_it(name: str, stage: Stage) -> None:
    stage.has(name)
    adapter, assignment = assigned(name)
    script = adapter.script(assignment)
    done = stage.run(script[: len(script) // 2])
    assert done.returncode != 0
    assert b"oppie: agent" not in done.stdout
    assert not (stage.notes / "arguments").exists()


@pytest.mark.parametrize("name", CLIS)
def test_a_long_prompt_is_no_argument(name: str, stage: Stage) -> None:
    stage.has(name)
    prompt = "long ' \n" * 60_000
    adapter, assignment = assigned(name, prompt=prompt)
    assert stage.run(adapter.script(assignment)).returncode == 0
    assert prompt_of(name, stage) == prompt


@pytest.mark.parametrize("name", CLIS)
def test_what_no_shell_can_hold_is_refused(name: str) -> None:
    adapter, assignment = assigned(name, model="m\0")
    with pytest.raises(TaskError, match="NUL"):
        adapter.script(assignment)


@pytest.mark.parametrize("name", CLIS)
def test_an_agent_without_a_model_is_refused(name: str) -> None:
    adapter, assignment = assigned(name, access=None)
    with pytest.raises(
        TaskError, match=rf"agent {name}: needs a model; .* dialect {adapter.dialects[0]}"
    ):
        adapter.script(assignment)


def test_claude_is_told_its_limits(stage: Stage) -> None:
    stage.has("claude")
    adapter, assignment = assigned("claude", turns=7, cost_usd=0.25, bridge=b"x", session="s-1")
    stage.run(adapter.script(assignment))
    assert stage.option("--max-turns") == "7"
    assert stage.option("--max-budget-usd") == "0.25"
    assert stage.option("--resume") == "s-1"
    assert stage.option("--model") == "m-1"
    assert "--strict-mcp-config" in stage.arguments
    assert '"oppie"' in (stage.notes / "mcp.json").read_text()


def test_flags_that_arent_there_are_left_out(stage: Stage) -> None:
    stage.has("claude")
    adapter = by_name("claude")
    flags = ("--max-budget-usd", "--mcp-config", "--strict-mcp-config", "--settings")
    text = probed("claude")
    for flag in (*flags, "error: unknown option '--oppie-probe'"):
        text = "\n".join(line for line in text.splitlines() if line != flag)
    _, assignment = assigned("claude", found=adapter.read_probe(text), cost_usd=1.0, bridge=b"x")
    assert stage.run(adapter.script(assignment)).returncode == 0
    assert not {*flags, "--max-turns"} & set(stage.arguments)


def test_codex_goes_on_with_its_session(stage: Stage) -> None:
    stage.has("codex")
    adapter, assignment = assigned("codex", session="0-1", bridge=b"x")
    stage.run(adapter.script(assignment))
    assert stage.arguments[:2] == ["exec", "resume"]
    assert stage.arguments[-2:] == ["0-1", "-"]
    assert "--dangerously-bypass-approvals-and-sandbox" in stage.arguments
    base = 'model_providers.oppie.base_url="http://127.0.0.1:3129/up/v1"'
    assert base in stage.arguments
    assert any(each.startswith("mcp_servers.oppie.args=[") for each in stage.arguments)


def test_aider_makes_no_repository_and_leaves_no_cache(stage: Stage) -> None:
    stage.has("aider")
    adapter, assignment = assigned("aider", session="history")
    (stage.folder / "workspace" / ".aider.tags.cache.v4").mkdir()
    stage.run(adapter.script(assignment), GIT_CEILING_DIRECTORIES=str(stage.folder))
    assert "--no-git" in stage.arguments
    assert "--restore-chat-history" in stage.arguments
    assert not list((stage.folder / "workspace").iterdir())
    subprocess.run(["git", "init", "-q"], cwd=stage.folder / "workspace", check=True)
    stage.run(adapter.script(assignment))
    assert "--no-git" not in stage.arguments


def test_tools_are_started_with_the_port_in_them(stage: Stage) -> None:
    stage.has("claude")
    adapter, assignment = assigned("claude", bridge=b"x")
    stage.run(adapter.script(assignment), OPPIE_PORT_3130="4444")
    tools = (stage.notes / "tools").read_text()
    assert tools.startswith(f"exec python3 {stage.folder}/tmp/oppie.")
    assert tools.endswith("/bridge.py 4444\n")
    server = json.loads((stage.notes / "mcp.json").read_text())["mcpServers"]["oppie"]
    program = tools.split()[2]
    assert [server["command"], *server["args"]] == ["sh", program.replace("bridge.py", "tools")]


@pytest.mark.parametrize("folder", ["with space", "quo'te", 'do"uble', "a$(id)b", "gone"])
def test_a_folder_for_files_that_is_no_good(folder: str, stage: Stage) -> None:
    if folder != "gone":
        (stage.folder / folder).mkdir()
    command = 'case $OPPIE_PROMPT_FILE in /tmp/oppie.*/prompt) cat "$OPPIE_PROMPT_FILE";; esac'
    adapter, assignment = assigned("command", command=command)
    done = stage.run(adapter.script(assignment), TMPDIR=str(stage.folder / folder))
    if folder == "gone":
        assert done.returncode != 0
    else:
        assert done.stdout.endswith(PROMPT.encode())


def test_a_command_has_all_that_the_docs_say(stage: Stage) -> None:
    command = (
        'cat "$OPPIE_PROMPT_FILE"; echo "$OPPIE_ROUND|$OPPIE_TURNS|$OPPIE_COST_USD|$OPPIE_MODEL"; '
        'echo "$OPPIE_BASE_URL|$OPPIE_TOKEN|$OPPIE_DIALECT"; test -f "$OPPIE_MCP" && cat; exit 5'
    )
    reach = access(by_name("claude"))
    adapter, assignment = assigned(
        "command", command=command, access=reach, bridge=b"x", number=2, turns=9, cost_usd=0.5
    )
    done = stage.run(adapter.script(assignment))
    assert done.returncode == 5
    said = done.stdout.decode()
    assert said.startswith("oppie: agent command\n" + PROMPT + "2|9|0.5|m-1\n")
    assert said.endswith(f"http://127.0.0.1:3129/up|{TOKEN}|anthropic\n")


def test_a_command_with_a_syntax_error_fails_alone(stage: Stage) -> None:
    adapter, assignment = assigned("command", command="if ( then")
    done = stage.run(adapter.script(assignment))
    assert done.returncode != 0
    assert done.stdout.startswith(b"oppie: agent command\n")


def test_a_command_has_to_be_one() -> None:
    adapter, assignment = assigned("command", command="  ")
    with pytest.raises(TaskError, match='agent command: needs a command: command = "…"'):
        adapter.script(assignment)

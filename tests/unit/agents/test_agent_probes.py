"""What the programs say of themselves, and what is made of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from recordings import CLIS, probed

from runner.agents.adapters import ADAPTERS, by_name
from runner.errors import TaskError

VERSIONS = {
    "claude": "2.1.197",
    "codex": "0.169.0",
    "gemini": "0.61.0",
    "opencode": "1.18.33",
    "aider": "0.86.2",
    "mini": "2.4.6",
}
NEEDED = {
    "claude": "--output-format",
    "codex": "--json",
    "gemini": "stream-json",
    "opencode": "--format",
    "aider": "--message-file",
    "mini": "--exit-immediately",
}


def without(text: str, flag: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.strip() != flag)


@pytest.mark.parametrize("name", CLIS)
def test_the_version_and_the_flags_are_read(name: str) -> None:
    found = by_name(name).read_probe(probed(name))
    assert found.version == VERSIONS[name]
    assert NEEDED[name] in found


@pytest.mark.parametrize("name", CLIS)
def test_a_program_that_lacks_what_is_needed_is_refused(name: str) -> None:
    with pytest.raises(TaskError) as raised:
        by_name(name).read_probe(without(probed(name), NEEDED[name]))
    told = str(raised.value)
    assert told.startswith(f"agent {name}: ")
    assert VERSIONS[name] in told
    assert f"doesn't know {NEEDED[name]}, which oppie needs" in told


@pytest.mark.parametrize("name", [*CLIS, "scripted", "chat"])
def test_a_program_that_isnt_there_is_told(name: str, tmp_path: Path) -> None:
    adapter = by_name(name)
    done = subprocess.run(
        ["/bin/sh", "-s"],
        input=adapter.probe,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    with pytest.raises(TaskError, match=rf"agent {name}: the image has no program '\w+'"):
        adapter.read_probe(done.stdout)


@pytest.mark.parametrize("name", CLIS)
def test_a_program_that_doesnt_run_is_told(name: str, tmp_path: Path) -> None:
    adapter = by_name(name)
    program = tmp_path / name
    program.write_text("#!/bin/sh\necho 'cannot load libfoo.so' >&2\nexit 127\n")
    program.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-s"],
        input=adapter.probe,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    with pytest.raises(TaskError, match=r"doesn't run in the image: cannot load libfoo\.so"):
        adapter.read_probe(done.stdout)


def test_a_flag_that_no_help_lists_is_found_all_the_same() -> None:
    text = probed("claude")
    assert "--max-turns" in by_name("claude").read_probe(text)
    older = text.replace("unknown option '--oppie-probe'", "unknown option '--max-turns'")
    assert "--max-turns" not in by_name("claude").read_probe(older)


@pytest.mark.parametrize("name", sorted(ADAPTERS))
@pytest.mark.parametrize("text", ["", "\0", "oppie: help", "oppie: help\n" * 1000, "9" * 100_000])
def test_hostile_answers_are_read_or_refused(name: str, text: str) -> None:
    try:
        by_name(name).read_probe(text)
    except TaskError as error:
        assert str(error).startswith(f"agent {name}: ")


def test_names_that_there_are_none_of() -> None:
    with pytest.raises(
        TaskError, match="'cloud' is no agent that is known; there are: claude, codex, "
    ):
        by_name("cloud")

"""The command line as a whole: its commands, its helps, and its one way of telling errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runner.cli import home, main
from runner.cli.app import app

COMMANDS = (
    "run", "resume", "runs", "tree", "show", "diff", "logs", "shell", "checkout", "apply",
    "simulate", "export-space", "gc", "doctor", "detect", "init",
    "verify", "merge", "merge-best", "pr", "report", "mcp",
    "images build", "images load", "images save", "images list",
)  # fmt: skip
READING = ("runs", "tree", "show", "diff", "logs", "simulate", "gc", "doctor", "detect", "images list")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert re.search(r"Examples?:\s.*oppie", result.output, re.DOTALL), result.output


@pytest.mark.parametrize("command", READING)
def test_each_command_that_reads_has_json(command: str) -> None:
    assert "--json" in CliRunner().invoke(app, [*command.split(), "--help"]).output


@pytest.mark.parametrize(
    "arguments",
    [
        ["launch"],
        ["run", "--nodes", "many"],
        ["run", "--nodes", "-1"],
        ["run", "--workers", "-1"],
        ["gc", "--keep", "-1"],
        ["simulate"],
        ["show"],
    ],
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.output


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder with nothing in it, and a working directory without a ``.env``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPPIE_STATE", str(tmp_path / "\x1b[31mstate"))
    home.settings.cache_clear()
    yield tmp_path / "\x1b[31mstate"
    home.settings.cache_clear()


def test_an_error_is_one_harmless_line_with_its_exit_code(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["oppie", "tree"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(r"oppie: there is no journal at .*state/journal.db yet; .*\n", told.err)
    assert "\x1b" not in told.err
    assert not state.exists()

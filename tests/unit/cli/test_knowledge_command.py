"""`oppie knowledge`: what is listed, found and forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from runner.cli import home
from runner.cli.knowledge import app
from runner.errors import TaskError
from runner.knowledge import NAME
from runner.model import Outcome
from runner.store import KnowledgeFile, Lesson

HELIOS = Lesson("helios-1", "20261121-000000-aaaa", "A.1-1", "A.1", outcome=Outcome.IMPROVED,
                text="cache after tile=8: improved")  # fmt: skip
OTHER = Lesson("other-2", "20261120-000000-bbbb", "A.2-1", "A.2", outcome=Outcome.FAILED,
               text="slow \x1b[31mpath: failed")  # fmt: skip


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPPIE_STATE", str(tmp_path / "state"))
    home.settings.cache_clear()
    yield tmp_path / "state"
    home.settings.cache_clear()


@pytest.fixture
def folder(empty: Path) -> Path:
    with closing(KnowledgeFile(empty / NAME)) as file:
        file.add(HELIOS)
        file.add(OTHER)
    return empty


def said(*arguments: str) -> str:
    result: Result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("command", ["list", "search", "forget"])
def test_each_has_a_help_with_an_example(command: str) -> None:
    assert "Example: oppie knowledge" in " ".join(said(command, "--help").split())


def test_nothing_is_known_and_nothing_is_made(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["list"], ["search", "cache"]):
        app(arguments, standalone_mode=False)
        assert capsys.readouterr().out == "nothing was learned of that yet\n"
    assert not empty.exists()


@pytest.mark.usefixtures("folder")
def test_the_latest_lessons_and_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    app(["list"], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["1", "lessons", "helios-1"],
        ["1", "lessons", "other-2"],
    ]
    assert lines[2:] == [
        "20261121-000000-aaaa A.1  cache after tile=8: improved",
        "20261120-000000-bbbb A.2  slow path: failed",
    ]
    app(["list", "--project", "other-2", "--most", "5"], standalone_mode=False)
    assert "helios" not in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    app(["list", "--json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "oppie.knowledge/1"
    assert found["projects"][0] == {"project": "helios-1", "lessons": 1}
    assert found["lessons"][0]["outcome"] == "improved"


@pytest.mark.usefixtures("folder")
def test_searching(capsys: pytest.CaptureFixture[str]) -> None:
    app(["search", "slow", "nothing"], standalone_mode=False)
    assert capsys.readouterr().out == "20261120-000000-bbbb A.2  slow path: failed\n"


def test_forgetting(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app(["forget", "--project", "helios-1"], standalone_mode=False)
    assert capsys.readouterr().out == "1 lessons forgotten\n"
    with closing(KnowledgeFile(folder / NAME)) as file:
        assert file.latest("", 9) == (OTHER,)
    app(["forget", "--all"], standalone_mode=False)
    with closing(KnowledgeFile(folder / NAME)) as file:
        assert file.latest("", 9) == ()


@pytest.mark.parametrize("arguments", [[], ["--all", "--run", "r"]])
def test_what_to_forget_must_be_said(folder: Path, arguments: list[str]) -> None:  # noqa: ARG001
    with pytest.raises(TaskError, match="forget: say what: --project NAME, --run ID, or --all"):
        app(["forget", *arguments], standalone_mode=False)

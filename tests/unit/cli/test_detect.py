"""`oppie detect` and `oppie init`: what they say, what they write, and what they leave alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from runner.cli import main
from runner.cli.app import app
from runner.cli.draft import write_draft
from runner.errors import TaskError
from runner.model import Source
from runner.task import load_task
from tests.unit.detect.repository import JS_TEST, PYTEST_FILE, UNITTEST_FILE, write
from tests.unit.detect.test_framework_table import CASES

BENCH = "print('METRIC a_ms=1 unit=ms')\n"


def oppie(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_detect_tells_framework_command_and_benchmark(tmp_path: Path) -> None:
    result = oppie("detect", write(tmp_path, {"tests/test_a.py": PYTEST_FILE, "bench.py": BENCH}))
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "tests      pytest"
    assert "  command  rm -rf .oppie/results" in lines[1]
    assert lines[2] == "  results  .oppie/results/pytest.xml (junit)"
    assert "benchmark  python3" in lines
    assert "  metric   a_ms ms (min)" in lines
    assert "why" not in result.output


def test_detect_explains(tmp_path: Path) -> None:
    files = {"Makefile": "test:\n\tpytest -x\n", "test_a.py": UNITTEST_FILE, "setup.cfg": "[a\n"}
    result = oppie("detect", "--explain", write(tmp_path, files))
    assert "tests      pytest, through make test" in result.output
    assert "  found    from a script" in result.output
    assert "  why      Makefile:1: target test runs pytest" in result.output
    assert "not used   unittest: pytest runs its tests as well" in result.output
    assert "unreadable setup.cfg is no valid INI" in result.output


def test_nothing_found_is_3(tmp_path: Path) -> None:
    result = oppie("detect", tmp_path)
    assert (result.exit_code, result.output) == (3, "no tests were found\n")


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    result = oppie("detect", write(tmp_path, {"App.xcodeproj/project.pbxproj": ""}))
    assert result.exit_code == 3
    assert "not used   XCTest: macOS only" in result.output


def test_no_folder_is_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["oppie", "detect", str(tmp_path / "none")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "there is no such folder" in capsys.readouterr().err


def test_detect_speaks_json(tmp_path: Path) -> None:
    files = {"Makefile": "test:\n\tpytest\n", "test_a.py": PYTEST_FILE, "tox.ini": "["}
    result = oppie("detect", "--json", write(tmp_path, files))
    found = json.loads(result.output)
    assert found["schema"] == "oppie.detection/1"
    assert found["folder"] == str(tmp_path)
    assert found["complete"] is True
    assert found["problems"][0].startswith("tox.ini is no valid INI")
    (test,) = found["tests"]
    assert (test["framework"], test["level"], test["format"]) == ("pytest", "script", "junit")
    assert test["via"] == "make test"
    assert found["benchmarks"][-1]["metrics"] == [
        {"name": "wall_s", "goal": "min", "unit": "s", "source": "clock"}
    ]


def test_json_page_lists_all_keys(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "json.md").read_text(encoding="utf-8")
    section = page.partition("## oppie.detection/1")[2].partition("\n## ")[0]
    found = json.loads(
        oppie("detect", "--json", write(tmp_path, {"test_a.py": PYTEST_FILE})).output
    )
    keys = {*found, *found["tests"][0], *found["benchmarks"][0]}
    assert {key for key in keys if f"`{key}`" not in section} == set()


def test_a_stranger_s_words_do_not_reach_the_terminal(tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[31m[bold]x"
    files = {
        "package.json": json.dumps({"scripts": {"test": f"jest '{evil}'"}}),
        "a.test.js": JS_TEST,
    }
    write(tmp_path, files)
    (tmp_path / "\x1b[2Jweb").mkdir()
    for arguments in (["detect", "--explain"], ["init"]):
        result = oppie(*arguments, tmp_path)
        assert result.exit_code == 0
        assert not set(result.output) & set("\x1b\x07")


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_what_init_writes_loads(tmp_path: Path, case: tuple[str, dict[str, str], str]) -> None:
    name, files, command, *_ = case
    result = oppie("init", write(tmp_path, files))
    assert result.exit_code == 0, result.output
    task = load_task(tmp_path)
    assert [check.command for check in task.checks] == [command]
    assert task.actions == ()
    assert task.image.agent == (name in ("pytest", "unittest"))
    assert (task.image.dockerfile is not None) == (tmp_path / "oppie.Dockerfile").exists()
    assert task.benchmark.objective.source is Source.CLOCK
    assert f"wrote {tmp_path}/oppie.toml" in result.output.replace("\n", "")
    assert f"oppie run {tmp_path}" in result.output.replace("\n", "")


def test_init_takes_actions_and_a_catalogue(tmp_path: Path) -> None:
    files = {"test_a.py": PYTEST_FILE, "oppie-catalogue/a.sh": "true\n"}
    oppie("init", write(tmp_path, files), "--action", "black .", "--action", "isort .")
    task = load_task(tmp_path)
    assert [action.key for action in task.actions] == ["a", "black", "isort"]
    assert task.exclude == ("oppie.toml", "oppie-catalogue/**")


@pytest.mark.parametrize("file", ["test_a.py", "a.bats"])
def test_an_action_that_is_none_writes_nothing(tmp_path: Path, file: str) -> None:
    write(tmp_path, {file: PYTEST_FILE})
    with pytest.raises(TaskError, match="is empty; it must be a shell command"):
        write_draft(tmp_path, (" ",), force=False)
    assert names(tmp_path) == [file]


def test_nothing_found_writes_nothing(tmp_path: Path) -> None:
    result = oppie("init", tmp_path)
    assert result.exit_code == 3
    assert "no tests and no benchmark were found" in result.output
    assert names(tmp_path) == []


@pytest.mark.parametrize("there", ["oppie.toml", "oppie.Dockerfile"])
def test_nothing_is_replaced_unasked(tmp_path: Path, there: str) -> None:
    write(tmp_path, {"a.bats": "", there: "mine\n"})
    with pytest.raises(TaskError, match=f"{there}: is there already; --force replaces it"):
        write_draft(tmp_path, (), force=False)
    assert (tmp_path / there).read_text() == "mine\n"
    assert names(tmp_path) == ["a.bats", there]
    write_draft(tmp_path, (), force=True)
    load_task(tmp_path)


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"oppie.toml": "theirs\n"})
    root = write(tmp_path / "root", {"test_a.py": PYTEST_FILE})
    (root / "oppie.toml").symlink_to(other / "oppie.toml")
    with pytest.raises(TaskError, match="is there already"):
        write_draft(root, (), force=False)
    write_draft(root, (), force=True)
    assert (other / "oppie.toml").read_text() == "theirs\n"
    assert not (root / "oppie.toml").is_symlink()


def test_writing_twice_gives_the_same(tmp_path: Path) -> None:
    write(tmp_path, {"test_a.py": PYTEST_FILE, "bench.py": BENCH})
    write_draft(tmp_path, (), force=False)
    first = (tmp_path / "oppie.toml").read_bytes()
    write_draft(tmp_path, (), force=True)
    assert (tmp_path / "oppie.toml").read_bytes() == first


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_only_what_is_copied_is_protected(tmp_path: Path) -> None:
    """A glob that matches nothing but ignored files would be refused when the run begins."""
    files = {".gitignore": "conftest.py\nbench.py\n", "conftest.py": "", "bench.py": BENCH}
    write(tmp_path, files | {"tests/test_a.py": PYTEST_FILE})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    write_draft(tmp_path, (), force=False)
    assert load_task(tmp_path).protected == ("tests/**",)


def test_a_folder_of_a_repository(tmp_path: Path) -> None:
    write(tmp_path, {"größe 1/test_a.py": PYTEST_FILE, "other/test_b.py": PYTEST_FILE})
    git(tmp_path, "init", "-q")
    folder = tmp_path / "größe 1"
    write_draft(folder, (), force=False)
    task = load_task(folder)
    assert task.target == folder
    assert task.name == "groe-1"
    assert task.protected == ("**/test_*.py",)


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    write(tmp_path, {"test_a.py": PYTEST_FILE, "oppie.toml/is/a/folder": ""})
    with pytest.raises(TaskError, match=r"oppie.toml: can't be written: Is a directory"):
        write_draft(tmp_path, (), force=True)
    assert names(tmp_path) == ["oppie.toml", "test_a.py"]

"""What comes first, and what is left out for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.detect import Level
from runner.measure.reports import Format
from tests.unit.detect.repository import (
    GO_TEST,
    JS_TEST,
    PYTEST_FILE,
    RUST_TEST,
    UNITTEST_FILE,
    found_in,
)

TASK = """\
name = "a"

[[checks]]
name = "mine"
command = "go test ./..."
results = "out/a.xml"

[[checks]]
name = "other"
command = "./check.sh | tee log"

[benchmark]
command = "python3 speed.py"
metrics = [{ name = "b" }, { name = "a", unit = "us", goal = "max" }]
objective = "a"
"""
JEST = json.dumps({"scripts": {"test": "jest"}})


def frameworks(folder: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    return [(test.framework, test.folder) for test in found_in(folder, files).tests]


def test_what_a_task_says_comes_before_all(tmp_path: Path) -> None:
    files = {"oppie.toml": TASK, "Makefile": "test:\n\tpytest\n", "test_a.py": PYTEST_FILE}
    found = found_in(tmp_path, files)
    assert [(test.framework, test.command, test.level) for test in found.tests] == [
        ("Go", "go test ./...", Level.TASK),
        ("other", "./check.sh | tee log", Level.TASK),
    ]
    assert (found.tests[0].results, found.tests[0].format) == ("out/a.xml", Format.JUNIT)
    assert found.tests[1].format is None
    assert {each.framework for each in found.alternatives} == {"pytest"}
    assert found.benchmarks[0].command == "python3 speed.py"
    assert [metric.name for metric in found.benchmarks[0].metrics] == ["a", "b"]


@pytest.mark.parametrize("task", ["", "checks = 3", "[[checks]]\nname = 1", "not toml", "[checks]"])
def test_a_task_without_checks_says_nothing(tmp_path: Path, task: str) -> None:
    assert frameworks(tmp_path, {"oppie.toml": task, "test_a.py": PYTEST_FILE}) == [("pytest", "")]


def test_a_script_comes_before_markers(tmp_path: Path) -> None:
    files = {"Makefile": "test:\n\tpython -m unittest\n", "test_a.py": PYTEST_FILE}
    found = found_in(tmp_path, files)
    assert [(test.framework, test.level) for test in found.tests] == [("unittest", Level.SCRIPT)]
    assert [(each.framework, each.level) for each in found.alternatives] == [
        ("pytest", Level.MARKER)
    ]


def test_package_scripts_come_before_targets(tmp_path: Path) -> None:
    files = {"package.json": JEST, "Makefile": "test:\n\tmocha\n", "a.test.js": JS_TEST}
    assert frameworks(tmp_path, files) == [("Jest", "")]


def test_an_environment_comes_before_targets(tmp_path: Path) -> None:
    files = {"tox.ini": "[testenv]\ncommands = pytest -x\n", "Makefile": "test:\n\tpytest -v\n"}
    found = found_in(tmp_path, files)
    assert [test.via for test in found.tests] == ["tox -e py"]


def test_a_target_may_lead_to_an_environment(tmp_path: Path) -> None:
    files = {"tox.ini": "[testenv]\ncommands = pytest -x\n", "Makefile": "test:\n\ttox\n"}
    found = found_in(tmp_path, files)
    assert len(found.tests) == 1
    assert found.tests[0].command.endswith("pytest.xml -x")


def test_a_target_that_tells_nothing_stands_for_its_folder(tmp_path: Path) -> None:
    files = {
        "Makefile": "test:\n\t./all.sh | cat\n",
        "test_a.py": PYTEST_FILE,
        "web/package.json": JEST,
        "web/a.test.js": JS_TEST,
    }
    found = found_in(tmp_path, files)
    assert [test.framework for test in found.tests] == ["make"]
    assert {each.framework for each in found.alternatives} == {"pytest", "Jest"}


def test_pytest_runs_what_unittest_would(tmp_path: Path) -> None:
    files = {"test_a.py": PYTEST_FILE, "test_b.py": UNITTEST_FILE}
    found = found_in(tmp_path, files)
    assert [test.framework for test in found.tests] == ["pytest"]
    assert ("unittest", "pytest runs its tests as well") in [
        (each.what, each.why) for each in found.unchosen
    ]


def test_ecosystems_stand_beside_each_other(tmp_path: Path) -> None:
    files = {
        "test_a.py": PYTEST_FILE,
        "package.json": JEST,
        "a.test.js": JS_TEST,
        "Cargo.toml": "",
        "src/lib.rs": RUST_TEST,
    }
    assert frameworks(tmp_path, files) == [("Jest", ""), ("pytest", ""), ("Cargo", "")]


def test_folders_of_a_monorepo_have_commands_of_their_own(tmp_path: Path) -> None:
    files = {
        "packages/one/package.json": JEST,
        "packages/one/a.test.js": JS_TEST,
        "packages/it's two/package.json": JEST,
        "packages/it's two/a.test.js": JS_TEST,
        "api/go.mod": "module api\n",
        "api/a_test.go": GO_TEST,
    }
    tests = found_in(tmp_path, files).tests
    assert [(test.framework, test.folder) for test in tests] == [
        ("Jest", "packages/it's two"),
        ("Jest", "packages/one"),
        ("Go", "api"),
    ]
    assert tests[0].command.startswith("cd 'packages/it'\"'\"'s two' && rm -rf .oppie/results")
    assert tests[0].results == "packages/it's two/.oppie/results/jest.json"
    assert tests[1].judged[0] == "packages/one/**/*.test.*"
    assert "../node_modules" not in tests[1].command


def test_tools_of_the_workspace_above_are_found(tmp_path: Path) -> None:
    files = {
        "package.json": '{"workspaces": ["a"]}',
        "a/package.json": JEST,
        "a/b.test.js": JS_TEST,
    }
    command = found_in(tmp_path, files).tests[0].command
    assert 'PATH="$PWD/node_modules/.bin:$PWD/../node_modules/.bin:$PATH"' in command


@pytest.mark.parametrize(
    "script",
    [
        "npm test --workspaces",
        "npm run test -ws",
        "turbo run test",
        "npx turbo test",
        "lerna run test",
        "nx run-many -t test",
        "pnpm -r test",
        "yarn workspaces foreach run test",
    ],
)
def test_a_script_for_all_folders_gives_way_to_theirs(tmp_path: Path, script: str) -> None:
    files = {
        "package.json": json.dumps({"scripts": {"test": script}}),
        "a/package.json": JEST,
        "a/b.test.js": JS_TEST,
    }
    assert frameworks(tmp_path, files) == [("Jest", "a")]


def test_the_project_above_runs_those_below_it(tmp_path: Path) -> None:
    files = {"test_a.py": PYTEST_FILE, "b/pyproject.toml": "", "b/test_b.py": PYTEST_FILE}
    found = found_in(tmp_path, files)
    assert [(test.framework, test.folder) for test in found.tests] == [("pytest", "")]
    assert "pytest runs what lies below it" in [each.why for each in found.unchosen]


def test_modules_of_go_end_where_others_begin(tmp_path: Path) -> None:
    files = {
        "go.mod": "module a\n",
        "a_test.go": GO_TEST,
        "tools/go.mod": "module b\n",
        "tools/b_test.go": GO_TEST,
    }
    assert frameworks(tmp_path, files) == [("Go", ""), ("Go", "tools")]


@pytest.mark.parametrize(
    "folder",
    ["node_modules/x", "vendor/x", ".venv/lib", "target/x", ".git/x", "build/x", ".tox/py"],
)
def test_what_tools_put_there_is_not_the_repository_s(tmp_path: Path, folder: str) -> None:
    files = {
        f"{folder}/test_a.py": PYTEST_FILE,
        f"{folder}/package.json": JEST,
        "composer.json": "{}",
        "Cargo.toml": "",
        "setup.py": "",
    }
    assert frameworks(tmp_path, files) == []


def test_other_folders_may_have_such_names(tmp_path: Path) -> None:
    assert frameworks(tmp_path, {"target/test_a.py": PYTEST_FILE}) == [("pytest", "")]

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from runner.evidence import Claims, Evidence
from runner.expand.context import RunContext
from runner.expand.inspect import Findings, inspect, new_tests, watched
from runner.expand.lane import Lane
from runner.measure.judge import NewTests
from runner.measure.loaders import LoaderPolicy, Loaders, Sources
from runner.task import Task
from tests.runs import make_target, make_task

ROOT = Sources(
    {"tests/test_a.py": "100644 a", "bench.py": "100644 b", "app.py": "100644 c"},
    {".git/config": "1", "tests/data.bin": "2"},
)
NEW_TESTS = NewTests(("tests/new_*.py",), "pytest {files}", 10.0)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return replace(make_task(make_target(tmp_path / "target")), protected=("tests/**", "bench.py"))


def context(task: Task) -> RunContext:
    folder = task.target.parent
    evidence = Evidence(folder / "evidence.git")
    return RunContext("r", task, folder, evidence, Claims(), Lane(1, folder), lambda: False)


def found(
    task: Task,
    files: Mapping[str, str] = {},
    gone: str = "",
    watched: Mapping[str, str] = {},
    parent: Mapping[str, str] = ROOT.files,
) -> Findings:
    """What is found at a node whose workspace differs from its parent's so."""
    node = {path: about for path, about in {**parent, **files}.items() if path != gone}
    sources = Sources(node, {**ROOT.watched, **watched})
    return inspect(context(task), ROOT, parent, sources)


# -- the judge -------------------------------------------------------------------------------------


def test_honest_work_is_no_finding(task: Task) -> None:
    assert found(task) == Findings()
    assert found(task, {"app.py": "100644 d", "fast.py": "100644 e"}) == Findings()


@pytest.mark.parametrize(
    ("files", "gone", "said"),
    [
        ({"bench.py": "100644 z"}, "", "changed bench.py"),
        ({"bench.py": "100755 b"}, "", "changed bench.py"),
        ({"bench.py": "120000 b"}, "", "changed bench.py"),
        ({"tests/test_b.py": "100644 z"}, "", "added tests/test_b.py"),
        ({"tests/conftest.py": "100644 z"}, "", "added tests/conftest.py"),
        ({}, "tests/test_a.py", "removed tests/test_a.py"),
    ],
)
def test_a_judge_that_was_touched(task: Task, files: dict[str, str], gone: str, said: str) -> None:
    assert found(task, files, gone) == Findings(f"protected files changed: {said}")


def test_a_judge_that_git_ignores_was_touched(task: Task) -> None:
    assert found(task, watched={"tests/data.bin": "3"}) == Findings(
        "protected files changed: changed tests/data.bin"
    )


def test_many_changes_are_counted(task: Task) -> None:
    added = {f"tests/{name}.py": "100644 z" for name in "vwxyz"}
    assert found(task, added).tampered == (
        "protected files changed: added tests/v.py, added tests/w.py, added tests/x.py and 2 more"
    )


# -- what loads the judge --------------------------------------------------------------------------


def test_what_loads_judged_files_is_the_task_s_policy(task: Task) -> None:
    said = "files changed that load what is judged: added conftest.py (the test runner's configuration)"
    added = {"conftest.py": "100644 z"}
    assert found(task, added) == Findings(f"{said}; see [loaders]")
    noted = replace(task, loaders=Loaders(LoaderPolicy.NOTE))
    assert found(noted, added) == Findings(notes=said)
    allowed = replace(task, loaders=Loaders(LoaderPolicy.ALLOW))
    assert found(allowed, added) == Findings()
    exempt = replace(task, loaders=Loaders(allow=("conftest.py",)))
    assert found(exempt, added) == Findings()


def test_no_policy_allows_to_touch_the_judge_itself(task: Task) -> None:
    allowed = replace(task, loaders=Loaders(LoaderPolicy.ALLOW, ("bench.py",)))
    assert found(allowed, {"bench.py": "100644 z"}).tampered != ""


def test_git_s_configuration_counts(task: Task) -> None:
    assert "changed .git/config (git's configuration)" in (
        found(task, watched={".git/config": "9"}).tampered
    )


def test_what_is_watched_is_what_the_task_protects_and_what_loads_it(task: Task) -> None:
    looks = watched(context(task))
    assert looks("tests/data.bin") and looks(".git/config") and looks("conftest.py")
    assert not looks("build/app.o") and not looks(".git/index")


def test_it_is_the_root_that_counts_not_the_parent(task: Task) -> None:
    """A parent is never tampered with; but were it, its child would not inherit the right to be."""
    parent = {**ROOT.files, "conftest.py": "100644 z"}
    assert found(task, parent=parent).tampered != ""


# -- tests that are asked for ----------------------------------------------------------------------


@pytest.fixture
def asking(task: Task) -> Task:
    return replace(task, tests_first=NEW_TESTS)


def test_tests_that_are_asked_for_may_be_added(asking: Task) -> None:
    assert found(asking, {"tests/new_a.py": "100644 n"}) == Findings()
    assert found(asking, {"tests/other.py": "100644 n"}).tampered != ""
    assert found(asking, {"tests/test_a.py": "100644 n"}).tampered != ""


@pytest.mark.parametrize("path", ["tests/conftest.py", "tests/random.py", "tests/a.pth"])
def test_what_is_asked_for_is_tests_and_not_what_loads_them(task: Task, path: str) -> None:
    asking = replace(task, tests_first=NewTests(("tests/**",), "pytest {files}", 10.0))
    assert found(asking, {"tests/new.py": "100644 n"}) == Findings()
    assert f"added {path}" in found(asking, {path: "100644 n"}).tampered


@pytest.mark.parametrize(
    ("files", "gone", "said"),
    [
        ({"tests/new_a.py": "100644 z"}, "", "changed tests/new_a.py"),
        ({}, "tests/new_a.py", "removed tests/new_a.py"),
    ],
)
def test_tests_of_an_earlier_node_judge_all_that_follow(
    asking: Task, files: dict[str, str], gone: str, said: str
) -> None:
    parent = {**ROOT.files, "tests/new_a.py": "100644 n"}
    assert found(asking, files, gone, parent=parent) == Findings(f"protected files changed: {said}")


def test_the_tests_that_a_node_brings(task: Task, asking: Task) -> None:
    node = {**ROOT.files, "tests/new_b.py": "1", "tests/new_a.py": "1", "tests/x.py": "1"}
    assert new_tests(context(asking), ROOT.files, node) == ("tests/new_a.py", "tests/new_b.py")
    assert new_tests(context(asking), node, node) == ()
    assert new_tests(context(task), ROOT.files, node) == ()

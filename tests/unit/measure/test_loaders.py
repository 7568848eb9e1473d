from __future__ import annotations

from collections.abc import Iterable

import pytest

from runner.measure.loader_rules import RULES, Names, folded
from runner.measure.loaders import (
    LoaderPolicy,
    Loaders,
    Sources,
    ignored_changes,
    loader_changes,
    watches,
)
from runner.measure.protected import check_glob, matches

PROTECTED = ("tests/**", "perf/bench.py", "oracle.py", "input.json")
FILES = {
    "tests/test_a.py": "100644 a",
    "perf/bench.py": "100644 b",
    "oracle.py": "100644 c",
    "input.json": "100644 d",
    "app.py": "100644 e",
}


def changes(
    added: Iterable[str] = (),
    root: dict[str, str] = FILES,
    mode: str = "100644",
    protected: tuple[str, ...] = PROTECTED,
    loaders: Loaders = Loaders(),  # noqa: B008
) -> tuple[str, ...]:
    """What is said of a node that has further files, or other content in those it had."""
    node = {**root, **dict.fromkeys(added, f"{mode} new")}
    return loader_changes(Sources(root, {}), Sources(node, {}), protected, loaders)


# -- what is told ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("conftest.py", "the test runner's configuration"),
        ("a/b/conftest.py", "the test runner's configuration"),
        ("pytest.ini", "the test runner's configuration"),
        ("web/jest.config.mjs", "the test runner's configuration"),
        (".mvn/jvm.config", "the test runner's configuration"),
        ("src/main/resources/junit-platform.properties", "the test runner's configuration"),
        ("sitecustomize.py", "the interpreter's start"),
        ("x/usercustomize.py", "the interpreter's start"),
        ("fast.pth", "the interpreter's start"),
        ("python311._pth", "the interpreter's start"),
        (".python-version", "the interpreter's start"),
        ("green-1.0.dist-info/entry_points.txt", "plugins of what judges"),
        ("src/green.egg-info/entry_points.txt", "plugins of what judges"),
        ("requirements-dev.txt", "a lock file"),
        ("rust/Cargo.lock", "a lock file"),
        ("go.work", "a lock file"),
        (".gitattributes", "git's configuration"),
        ("node_modules/.bin/jest", "installed packages"),
        ("GNUmakefile", "make's recipes, before which it is read"),
        ("src/main/java/org/junit/Test.java", "the test runner, which it shadows"),
        ("lib/minitest.rb", "the test runner, which it shadows"),
    ],
)
def test_a_new_file_by_its_name(path: str, what: str) -> None:
    assert changes([path]) == (f"added {path} ({what})",)


@pytest.mark.parametrize(
    "path", ["Conftest.py", "SITECUSTOMIZE.PY", "ｃonftest.py", "a/PyProject.toml", "CARGO.LOCK"]
)
def test_a_name_in_other_letters_is_the_same_name(path: str) -> None:
    assert len(changes([path])) == 1


@pytest.mark.parametrize(
    "path",
    [
        *("random.py", "src/json.py", "lib/time.py", "python/abc.pyc", "os.cpython-311-x86.so"),
        *("json/__init__.py", "json/__init__.pyc", "json/__init__.abi3.so", "src/re/__init__.py"),
        "perf/statistics.py",  # beside a judged script, whose folder comes first
    ],
)
def test_a_new_module_that_hides_the_standard_library(path: str) -> None:
    assert changes([path]) == (f"added {path} (the standard library, which it shadows)",)


@pytest.mark.parametrize(
    "path",
    [
        *("pytest.py", "_pytest/python.py", "pluggy/__init__.py", "src/packaging/version.py"),
        *("attr.py", "pytest_timeout.py", "perf/hypothesis/strategies.py"),
    ],
)
def test_a_new_module_that_hides_the_test_runner(path: str) -> None:
    assert changes([path]) == (f"added {path} (the test runner, which it shadows)",)


@pytest.mark.parametrize(
    "path",
    ["oracle/__init__.py", "oracle/__init__.pyc", "oracle.abi3.so", "perf/bench.cpython-311.so"],
)
def test_a_new_module_that_hides_a_judged_one(path: str) -> None:
    assert changes([path]) == (f"added {path} (a judged module, which it shadows)",)


@pytest.mark.parametrize("path", ["perf/bench", "perf/bench.mjs", "perf/bench.ts", "input.js"])
def test_a_new_script_that_may_hide_a_judged_one(path: str) -> None:
    files = {**FILES, "perf/bench.js": "100644 f"}
    protected = (*PROTECTED, "perf/bench.js")
    told = changes([path], files, protected=protected)
    assert told == (f"added {path} (a judged script, which it may shadow)",)


@pytest.mark.parametrize("path", ["Tests/test_b.py", "ORACLE.py", "perf/ｂench.py"])
def test_a_judged_name_in_other_letters(path: str) -> None:
    assert changes([path]) == (f"added {path} (a judged file's name in other letters)",)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("random", "the standard library, which it shadows"),
        ("src/pytest", "the test runner, which it shadows"),
        ("src", "where imports begin"),
        ("a/.cargo", "the test runner's configuration"),
        (".mvn", "the test runner's configuration"),
        ("green-1.0.dist-info", "plugins of what judges"),
        ("node_modules", "installed packages"),
        ("conftest.py", "the test runner's configuration"),
    ],
)
def test_a_link_stands_for_what_it_may_lead_to(path: str, what: str) -> None:
    assert changes([path], mode="120000") == (f"added {path} ({what})",)


def test_a_file_that_becomes_a_link_is_looked_at_as_one() -> None:
    files = {**FILES, "random": "100644 data"}
    assert changes(["random"], files) == ()
    assert changes(["random"], files, mode="120000") == (
        "changed random (the standard library, which it shadows)",
    )


def test_configuration_that_is_changed_or_removed_counts_as_well() -> None:
    files = {**FILES, "pyproject.toml": "100644 f"}
    assert changes(["pyproject.toml"], files) == (
        "changed pyproject.toml (the test runner's configuration)",
    )
    gone = loader_changes(Sources(files, {}), Sources(FILES, {}), PROTECTED, Loaders())
    assert gone == ("removed pyproject.toml (the test runner's configuration)",)


# -- what is not -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("fast.py", "app/json.py", "docs/conf.py", "src/app/time.py", "Makefile", "json/data.py"),
        *("oracle.txt", "perf/bench.md", "perf/bench.json", "perf/bench.d.ts", "oracle.pyc"),
        *("random.rs", "random", "src/pytest", "conftest.py.md", "my_conftest.py", "oracle2.py"),
        *("green-1.0.dist-info/METADATA", "lib/app/minitest.rb", "org/junior/Test.java"),
    ],
)
def test_a_new_file_that_loads_nothing_else(path: str) -> None:
    assert changes([path]) == ()


def test_code_of_one_s_own_that_changes() -> None:
    assert changes(["app.py"]) == ()


def test_modules_that_the_root_calls_like_a_library() -> None:
    files = {**FILES, "src/json.py": "100644 f", "attr/__init__.py": "100644 g"}
    assert changes(["src/json.py", "attr/fast.py", "attr/__init__.py"], files) == ()


def test_protected_files_are_told_elsewhere() -> None:
    assert changes(["tests/conftest.py", "oracle.py"]) == ()


def test_a_folder_of_data_called_like_a_library_must_not_become_a_package() -> None:
    files = {**FILES, "json/a.txt": "100644 f"}
    assert len(changes(["json/__init__.py"], files)) == 1


# -- the task's policy -----------------------------------------------------------------------------


def test_what_the_task_allows_is_not_told() -> None:
    allowing = Loaders(allow=("pyproject.toml", "vendor/**"))
    paths = ["pyproject.toml", "vendor/conftest.py", "conftest.py"]
    assert changes(paths, loaders=allowing) == (
        "added conftest.py (the test runner's configuration)",
    )


def test_the_policies() -> None:
    assert changes(["conftest.py"], loaders=Loaders(LoaderPolicy.NOTE)) != ()
    assert changes(["conftest.py"], loaders=Loaders(LoaderPolicy.ALLOW)) == ()


# -- what git ignores, and git's own folder --------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *(".git", ".git/config", ".git/hooks/pre-commit", ".git/objects/info/alternates"),
        *(".git/refs/replace/abc", ".git/info/attributes", ".git/modules/sub/config"),
        *("conftest.py", "build/Conftest.py", "random.so", "pytest/__init__.pyc", "tests/x"),
        ".venv/lib/python3.11/site-packages/fast.pth",
    ],
)
def test_what_is_watched_although_no_evidence_is_kept(path: str) -> None:
    assert watches(PROTECTED)(path)
    told = loader_changes(Sources(FILES, {}), Sources(FILES, {path: "1"}), ("tests/**",), Loaders())
    assert bool(told) != path.startswith("tests/")


@pytest.mark.parametrize(
    "path",
    [
        *(".git/HEAD", ".git/index", ".git/objects/ab/cdef", ".git/refs/heads/main", "build/app.o"),
        *("__pycache__/app.cpython-311.pyc", "random", "node_modules/left-pad/index.js"),
    ],
)
def test_what_is_nobody_s_business(path: str) -> None:
    assert not watches(PROTECTED)(path)


def test_what_was_there_before_may_stay() -> None:
    same = {".git/config": "1", "random.so": "2"}
    assert loader_changes(Sources(FILES, same), Sources(FILES, same), (), Loaders()) == ()


def test_ignored_files_that_are_protected() -> None:
    root = Sources({}, {"tests/data": "1", "tests/gone": "1", "build/x": "1"})
    node = Sources(
        {}, {"tests/data": "2", "tests/new": "1", "tests/__pycache__/a.pyc": "1", "build/x": "2"}
    )
    assert ignored_changes(root, node, ("tests/**",)) == (
        "changed tests/data",
        "removed tests/gone",
        "added tests/new",
    )


# -- the table -------------------------------------------------------------------------------------


def test_each_rule_is_a_glob_that_matches_its_own_name() -> None:
    for what, globs in RULES:
        for glob in globs:
            assert check_glob(glob) == ""
            path = glob.removeprefix("**/").replace("**", "x").replace("*", "x")
            assert changes([f"deep/{path}"]) == (f"added deep/{path} ({what})",), glob


def test_a_table_finds_what_its_globs_match() -> None:
    names = Names(RULES)
    paths = [
        *(
            "conftest.py",
            "a/conftest.py",
            "aconftest.py",
            "conftest.py/x",
            ".cargo/config",
            "config",
        ),
        *(".mvn/a/b", ".mvn", "a\n/x.pth", ".pth", "pth", "a.dist-info/entry_points.txt", ""),
        *("a/b.dist-info/c/entry_points.txt", "requirements.txt", "requirements/a.txt"),
    ]
    for path in paths:
        wanted = next((what for what, globs in RULES if matches(globs, path)), "")
        assert names.what(path) == wanted, path


def test_folding_is_done_once() -> None:
    assert folded("Ｃonftest.PY") == folded(folded("Ｃonftest.PY")) == "conftest.py"


def test_hostile_names_are_shown_safely() -> None:
    (told,) = changes(["a\n\x1b[2J/conftest.py"])
    assert "\n" not in told and "\x1b" not in told

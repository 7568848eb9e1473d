"""Files that change how the judged files are loaded, without being among them.

A test file is as it was; but a ``conftest.py`` beside it skips it, a ``sitecustomize.py`` patches the
clock before it runs, a ``random.py`` stands in for the standard library's, a hook of git runs with
the next command. What becomes of a node that adds or changes such a file is the task's policy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from runner.measure.protected import change_word, matches, shown


class LoaderPolicy(StrEnum):
    """What becomes of a node that touches such a file."""

    TAMPERED = "tampered"
    NOTE = "note"  # it goes on, and the node says so
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Loaders:
    """The task's policy; ``allow`` are globs of files that it doesn't hold for."""

    policy: LoaderPolicy = LoaderPolicy.TAMPERED
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """A workspace: paths and what identifies their content, of the recorded ``files``, and of those
    that are ``watched`` although they are ignored, or git's own."""

    files: Mapping[str, str]
    watched: Mapping[str, str]


# What the rules call the files, and their globs. A file at any depth may be found by a tool that
# looks upwards or walks down.
RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "the interpreter's start",
        ("**/sitecustomize.py", "**/usercustomize.py", "**/*.pth", "**/pyvenv.cfg", "**/._pth"),
    ),
    (
        "the test runner's configuration",
        (
            *("**/conftest.py", "**/pytest.ini", "**/.pytest.ini", "**/tox.ini", "**/setup.cfg"),
            *("**/pyproject.toml", "**/noxfile.py", "**/.coveragerc", "**/package.json"),
            *("**/jest.config.*", "**/vitest.config.*", "**/vitest.workspace.*", "**/vite.config.*"),
            *("**/.mocharc*", "**/playwright.config.*", "**/.babelrc*", "**/babel.config.*"),
            *("**/.npmrc", "**/.rspec", "**/phpunit.xml*", "**/.phpunit.xml*"),
            *("**/.cargo/config", "**/.cargo/config.toml", "**/.config/nextest.toml"),
            *("**/.mvn/**", "**/CTestCustom.cmake", "**/testng.xml", "**/*.runsettings"),
        ),
    ),
    (
        "a lock file",
        (
            *("**/package-lock.json", "**/npm-shrinkwrap.json", "**/yarn.lock", "**/pnpm-lock.yaml"),
            *("**/poetry.lock", "**/Pipfile.lock", "**/uv.lock", "**/pdm.lock", "**/go.sum"),
            *("**/Cargo.lock", "**/Gemfile.lock", "**/composer.lock", "**/mix.lock"),
            *("**/packages.lock.json", "**/Package.resolved", "**/requirements*.txt"),
        ),
    ),
    ("git's configuration", ("**/.gitattributes", "**/.gitmodules")),
)

# Inside git's own folder, which is no part of the sources: what makes other git commands act
# differently. Commits, branches and the index are an action's own business.
_GIT = (
    *(".git", ".git/config", ".git/config.worktree", ".git/hooks/**", ".git/info/attributes"),
    *(".git/info/grafts", ".git/info/sparse-checkout", ".git/objects/info/alternates"),
    *(".git/refs/replace/**", ".git/commondir", ".git/gitdir", ".git/modules/**"),
)
_LIBRARY = "the standard library, which it shadows"
_STDLIB = frozenset(sys.stdlib_module_names)
# Packages that judge: a module of the same name in the sources would be imported instead.
_JUDGES = frozenset({"pytest", "_pytest", "pluggy", "iniconfig", "hypothesis", "nose2", "tox", "nox"})
_SOURCE_ROOTS = frozenset({"", "src", "lib", "python"})
_MODULES = (".py", ".pyc", ".so", ".pyd")


def watches(protected: Iterable[str]) -> Callable[[str], bool]:
    """Which files to identify although no evidence is kept of them: git's own configuration, and
    ignored files that are protected, or would load others."""
    globs = (*_GIT, *protected, *(glob for _, some in RULES for glob in some))
    return lambda path: matches(globs, path) or _shadowed(path, _SOURCE_ROOTS) != ""


def loader_changes(
    root: Sources, node: Sources, protected: Iterable[str], loaders: Loaders
) -> tuple[str, ...]:
    """What was added or changed, each as ``added conftest.py (the test runner's configuration)``.

    Empty where the policy allows it. Removing such a file counts as well; what is protected is not
    told again.
    """
    if loaders.policy is LoaderPolicy.ALLOW:
        return ()
    kept = (*loaders.allow, *protected)
    places = _SOURCE_ROOTS | _folders_of(protected, root.files)
    return tuple(_changes(root, node, kept, places))


def ignored_changes(
    root: Sources, node: Sources, protected: Iterable[str]
) -> tuple[str, ...]:
    """Protected files that git ignores, and that were changed, added or removed all the same.

    Compiled Python is passed over: judging containers don't read it.
    """
    globs = tuple(protected)
    return tuple(
        f"{change_word(path, root.watched, node.watched)} {shown(path)}"
        for path in _touched(root.watched, node.watched)
        if matches(globs, path) and "__pycache__" not in path.split("/")
    )


def _changes(
    root: Sources, node: Sources, kept: tuple[str, ...], places: frozenset[str]
) -> Iterator[str]:
    for before, after in ((root.files, node.files), (root.watched, node.watched)):
        for path in _touched(before, after):
            if not matches(kept, path) and (what := _what(path, path not in before, places)):
                yield f"{change_word(path, before, after)} {shown(path)} ({what})"


def _what(path: str, new: bool, places: frozenset[str]) -> str:
    """What a path has influence on; empty if on nothing that a rule knows."""
    for what, globs in RULES:
        if matches(globs, path):
            return what
    if matches(_GIT, path):
        return "git's configuration"
    return _shadowed(path, places) if new else ""


def _shadowed(path: str, places: frozenset[str]) -> str:
    """Which library a module of this path would hide, if it is where imports begin."""
    folder, _, name = path.rpartition("/")
    if folder and (name == "__init__.py" or folder.rpartition("/")[2] in _JUDGES):
        folder, _, name = folder.rpartition("/")
        name += ".py"
    module, dot, _ = name.partition(".")
    if folder not in places or not dot or not name.endswith(_MODULES):
        return ""
    if module in _JUDGES:
        return "the test runner, which it shadows"
    return _LIBRARY if module in _STDLIB else ""


def _folders_of(protected: Iterable[str], files: Mapping[str, str]) -> frozenset[str]:
    """The folders of the judged files: a script's own folder comes first when it imports."""
    globs = tuple(protected)
    return frozenset(path.rpartition("/")[0] for path in files if matches(globs, path))


def _touched(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    paths = before.keys() | after.keys()
    return sorted(path for path in paths if before.get(path) != after.get(path))


"""What a command needs to know of a project: where tests begin, what launches them."""

from __future__ import annotations

import re
from shlex import quote

from runner.detect.framework import Project
from runner.detect.globs import Globs
from runner.detect.tree import Tree

_UNITTEST = re.compile(r"^[ \t]*(?:import unittest\b|from unittest\b)", re.MULTILINE)
_DEFAULT_NAMES = Globs("**/test*.py")
_OTHER_NAMES = Globs("**/*_test.py")
_RAKE_TASK = re.compile(
    r"\b(?:Rake|Minitest)::TestTask\.(?:new|create)\b(?:[ \t]{0,9}\(?[ \t]{0,9}[:'\"](\w{1,99}))?"
)
_DOTNET_TESTS = re.compile(r"Microsoft\.NET\.Test\.Sdk|MSTest\.Sdk")


def unittest_start(tree: Tree, project: Project) -> tuple[str, ...]:
    """Discovery walks from the top into packages only. Where the tests' folder is none, it starts
    there; where several are none, files are named, which are imported as namespace packages."""
    for names, pattern in ((_DEFAULT_NAMES, "test*.py"), (_OTHER_NAMES, "*_test.py")):
        files = [path for path in project.matching(names) if _UNITTEST.search(tree.text(path))]
        if not files:
            continue
        option = "" if names is _DEFAULT_NAMES else f" -p {quote(pattern)}"
        folders = sorted({project.inner(path).rpartition("/")[0] for path in files})
        loose = [folder for folder in folders if not _is_package(project, folder)]
        if not loose:
            return (f"discover{option}",)
        if folders == loose[:1]:
            return (f"discover -s {quote(loose[0])}{option}",)
        return (
            " ".join(f"{quote(folder)}/{pattern}" if folder else pattern for folder in folders),
        )
    return ("discover",)


def rspec_program(tree: Tree, project: Project) -> str:
    """Through Bundler, where the Gemfile is what brings RSpec."""
    return "bundle exec rspec" if _in_bundle(tree, project, "rspec") else "rspec"


def minitest_program(tree: Tree, project: Project) -> str:
    """The project's Rake task, or Ruby itself with all test files."""
    bundle = "bundle exec " if _in_bundle(tree, project, "") else ""
    if project.path("bin/rails") in tree:
        return "bin/rails test -v"
    if task := _RAKE_TASK.search(tree.text(project.path("Rakefile"))):
        return f"{bundle}rake {task[1] or 'test'} TESTOPTS=-v"
    each = 'Dir["./test/**/{test_*,*_test}.rb"].sort.each { |file| require file }'
    return f"{bundle}ruby -Ilib -Itest -e '{each}' -- -v"


def gradle_program(tree: Tree, project: Project) -> str:
    """The wrapper if there is one: builds are written for one version of Gradle."""
    return "./gradlew" if project.path("gradlew") in tree else "gradle"


def bats_files(tree: Tree, project: Project) -> tuple[str, ...]:
    """The folders that hold test files: not all versions look into folders below."""
    del tree
    files = (project.inner(path) for path in project.matching(Globs("**/*.bats")))
    folders = sorted({path.rpartition("/")[0] or "." for path in files})
    return (" ".join(quote(folder) for folder in folders),)


def dotnet_project(tree: Tree, project: Project) -> tuple[str, ...]:
    """Each test project by itself: in one run, they would write their results over each other."""
    globs = Globs("**/*.csproj", "**/*.fsproj", "**/*.vbproj")
    found = [path for path in project.matching(globs) if _DOTNET_TESTS.search(tree.text(path))]
    return tuple(quote(project.inner(path)) for path in found) or ("",)


def _is_package(project: Project, folder: str) -> bool:
    """Whether each folder on the way is a package; the top itself needn't be one."""
    parts = folder.split("/") if folder else []
    inits = (project.path("/".join((*parts[:n], "__init__.py"))) for n in range(1, len(parts) + 1))
    return all(init in project.files for init in inits)


def _in_bundle(tree: Tree, project: Project, gem: str) -> bool:
    return project.path("Gemfile") in tree and gem in (
        tree.text(project.path("Gemfile")) + tree.text(project.path("Gemfile.lock"))
    )

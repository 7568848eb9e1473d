"""The folders of a repository in which tools work: one for each package file of an ecosystem."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.detect.framework import Project
from runner.detect.globs import NO_GLOBS, Globs
from runner.detect.tree import Tree

_MOST = 50  # projects of one ecosystem


@dataclass(frozen=True, slots=True)
class Ecosystem:
    """``files`` make a folder a project; ``loose`` files make one of the repository's top. If it is
    ``whole``, such files further below are those of a project's parts."""

    name: str
    files: Globs
    loose: Globs = NO_GLOBS
    whole: bool = False


ECOSYSTEMS: tuple[Ecosystem, ...] = (
    Ecosystem(
        "python",
        Globs("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "noxfile.py"),
        Globs("**/*.py"),
    ),
    Ecosystem("ruby", Globs("Gemfile", "Rakefile", "*.gemspec", ".rspec"), Globs("**/*.rb")),
    Ecosystem("php", Globs("composer.json", "phpunit.xml", "phpunit.xml.dist"), Globs("**/*.php")),
    Ecosystem("shell", Globs(), Globs("**/*.bats")),
    Ecosystem("javascript", Globs("package.json"), Globs("**/*.[jt]s", "**/*.[cm][jt]s")),
    Ecosystem("go", Globs("go.mod"), Globs("**/*.go")),
    Ecosystem("rust", Globs("Cargo.toml")),
    Ecosystem("java", Globs("pom.xml", "build.gradle*", "settings.gradle*"), whole=True),
    Ecosystem("swift", Globs("Package.swift")),
    Ecosystem(
        "apple",
        Globs(),
        Globs("**/*.pbxproj", "**/*.xcworkspacedata", "fastlane/Fastfile", "Fastfile"),
    ),
    Ecosystem("dotnet", Globs("*.sln", "*.slnx"), Globs("**/*.[cfv]*proj")),
    Ecosystem("elixir", Globs("mix.exs"), whole=True),
    Ecosystem("cmake", Globs("CMakeLists.txt"), whole=True),
)
# Ecosystems whose tools stop where another project begins; the others run what lies below as well.
STOPS_AT_PROJECTS = frozenset({"go"})


def projects(tree: Tree) -> Iterator[Project]:
    """The projects of each ecosystem, those further up before those below them."""
    for ecosystem in ECOSYSTEMS:
        named = (path.rpartition("/") for path in tree.files)
        folders = list(dict.fromkeys(f for f, _, name in named if ecosystem.files.match(name)))
        if "" not in folders and any(map(ecosystem.loose.match, tree.files)):
            folders.insert(0, "")
        folders.sort(key=_depth)
        if ecosystem.whole:
            folders = [each for each in folders if not any(_within(each, one) for one in folders)]
        yield from _divided(tree, ecosystem.name, folders[:_MOST])


def _divided(tree: Tree, ecosystem: str, folders: list[str]) -> Iterator[Project]:
    """Each file belongs to the project that is nearest to it."""
    files: dict[str, list[str]] = {folder: [] for folder in folders}
    for path in tree.files:
        folder = path.rpartition("/")[0]
        while folder and folder not in files:
            folder = folder.rpartition("/")[0]
        if folder in files:
            files[folder].append(path)
    for folder in folders:
        yield Project(folder, ecosystem, tuple(files[folder]))


def _within(folder: str, other: str) -> bool:
    return folder != other and (not other or folder.startswith(f"{other}/"))


def _depth(folder: str) -> tuple[int, str]:
    return (folder.count("/") + 1 if folder else 0, folder)

"""What a test framework is, to the table of them, and how its markers are looked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import assert_never

from runner.detect.globs import NO_GLOBS, Globs
from runner.detect.tree import Tree, at
from runner.measure.reports import Format

_MAX_SEARCHED = 400  # files of one kind that are looked into
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class HasFile:
    """A file of one of these globs, relative to the project's folder."""

    globs: Globs


@dataclass(frozen=True, slots=True)
class HasText:
    """A file of one of these globs in which the pattern is found; ``^`` is a line's begin."""

    globs: Globs
    pattern: str


@dataclass(frozen=True, slots=True)
class HasKey:
    """A JSON or TOML file in the project's folder with this path of keys."""

    file: str
    keys: tuple[str, ...]


Marker = HasFile | HasText | HasKey


@dataclass(frozen=True, slots=True)
class Project:
    """A folder in which one ecosystem's tools work, and its files: what lies in a project of the
    same ecosystem further below is not among them. All paths are relative to the whole tree."""

    folder: str
    ecosystem: str
    files: tuple[str, ...]

    def path(self, name: str) -> str:
        """A file of the project's folder, as a path in the tree."""
        return f"{self.folder}/{name}" if self.folder else name

    def inner(self, path: str) -> str:
        """A path of the tree, relative to the project's folder."""
        return path[len(self.folder) + 1 :] if self.folder else path

    def matching(self, globs: Globs) -> Iterator[str]:
        """The project's files that match ``globs``, which are relative to its folder."""
        return (path for path in self.files if globs.match(self.inner(path)))


# What a framework needs to know of a project beyond its own line in the table.
Look = Callable[[Tree, Project], str]
Variants = Callable[[Tree, Project], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Framework:
    """One test framework.

    ``programs`` are the words that a command line of it begins with, after wrappers such as ``npx``
    were taken off; one of ``goals``, if there are any, must be among the rest. ``shape`` is the
    command: ``{program}``, ``{args}`` and ``{results}``, the file ``results`` with its folder.
    ``script_shape`` takes its place where a script has done what comes before. ``program`` is what is
    called, or what ``launcher`` says of the project. ``args`` are a script's own, or else what
    ``arguments`` says (a command for each of them), or else ``default_args``.

    ``drops`` are options of a script that would watch, colour, or report elsewhere, each with the
    number of words that follow it; ``drop_words`` are subcommands that would. ``exports`` are set
    before the command. ``copies`` prints the results too, which otherwise no log would have.

    All ``markers`` speak for it, one is enough; files of ``requires`` must be there besides.
    ``tests`` and ``config`` are the judged files. ``covers`` are frameworks whose tests this one
    runs as well. ``needs`` are packages of Debian. ``imports`` if it imports the project's Python
    modules itself. ``linux`` is false for what no container can run.
    """

    name: str
    ecosystem: str
    programs: tuple[tuple[str, ...], ...]
    program: str
    shape: str
    goals: tuple[str, ...] = ()
    script_shape: str = ""
    launcher: Look | None = None
    arguments: Variants | None = None
    default_args: str = ""
    results: str = ""
    format: Format | None = None
    copies: bool = False
    drops: tuple[tuple[str, int], ...] = ()
    drop_words: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    markers: tuple[Marker, ...] = ()
    requires: Globs = NO_GLOBS
    tests: Globs = NO_GLOBS
    config: Globs = NO_GLOBS
    covers: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    imports: bool = False
    linux: bool = True


def evidence(tree: Tree, project: Project, framework: Framework) -> tuple[str, ...]:
    """Why a project seems to use a framework: a reason for each marker, or none."""
    if framework.requires and not any(project.matching(framework.requires)):
        return ()
    seen = (reason for marker in framework.markers for reason in _seen(tree, project, marker))
    return tuple(dict.fromkeys(seen))


def _seen(tree: Tree, project: Project, marker: Marker) -> Iterator[str]:
    match marker:
        case HasFile(globs):
            if path := next(project.matching(globs), ""):
                yield f"{path} is there"
        case HasText(globs, pattern):
            yield from _search(tree, project, globs, pattern)
        case HasKey(file, keys):
            path = project.path(file)
            table = tree.json(path) if file.endswith(".json") else tree.toml(path)
            if at(table, *keys) is not None:
                yield f"{path} has {'.'.join(keys)}"
        case _:
            assert_never(marker)


def _search(tree: Tree, project: Project, globs: Globs, pattern: str) -> Iterator[str]:
    """The first line that matches, with its place."""
    compiled = re.compile(pattern, re.MULTILINE)
    for count, path in enumerate(project.matching(globs)):
        if count == _MAX_SEARCHED:
            return
        text = tree.text(path)
        if match := compiled.search(text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {match[0].strip()[:_SHOWN_CHARS]}"
            return

"""What a repository tests with: everything that speaks for something, and what is chosen of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.detect.benchmarks import find_benchmarks
from runner.detect.candidates import ANY, from_markers, from_scripts, from_task, shelves
from runner.detect.model import Detection, Found, Level, Unchosen
from runner.detect.projects import STOPS_AT_PROJECTS, projects
from runner.detect.table import BY_NAME
from runner.detect.tree import Tree

_SOURCES = {
    Level.TASK: "what the task says",
    Level.SCRIPT: "a script or target",
    Level.MARKER: "what only configuration and imports speak of",
}


def detect(folder: Path) -> Detection:
    """Look through ``folder``, without running or changing anything in it.

    What a task file says comes first, then scripts and targets, then configuration files, folders
    and imports. Raises ``TaskError`` if it is no folder that can be read.
    """
    return detect_in(Tree(folder))


def detect_in(tree: Tree, *, task: bool = True) -> Detection:
    """The same for a tree that has been looked at already; without ``task``, as if there were no
    task file."""
    here = tuple(projects(tree))
    around = tuple(shelves(tree, here))
    candidates: list[Found] = [*from_task(tree)] if task else []
    unchosen: list[Unchosen] = []
    for shelf in around:
        for each in from_scripts(tree, shelf):
            if isinstance(each, Found):
                candidates.append(each)
            else:
                unchosen.append(each)
    candidates += (each for project in here for each in from_markers(tree, project))
    choice = choose(candidates)
    benchmarks, unusable = find_benchmarks(tree, here, around, choice.tests, task=task)
    problems = tuple(f"{path} {what}" for path, what in sorted(tree.problems.items()))
    return Detection(
        tests=tuple(choice.tests),
        alternatives=tuple(choice.alternatives),
        unchosen=(*unchosen, *choice.unchosen, *unusable),
        benchmarks=benchmarks,
        problems=problems,
        cut=tree.cut,
    )


@dataclass(slots=True)
class _Choice:
    tests: list[Found] = field(default_factory=list)
    alternatives: list[Found] = field(default_factory=list)
    unchosen: list[Unchosen] = field(default_factory=list)


def choose(candidates: Iterable[Found]) -> _Choice:
    """Which of the candidates are to be run, and why the others aren't."""
    ranks = list(Level)
    ordered = sorted(candidates, key=lambda each: (ranks.index(each.level), _depth(each.folder)))
    choice = _Choice()
    for each in ordered:
        why = _against(each, choice.tests)
        if not why:
            choice.tests.append(each)
        elif each.level is not Level.MARKER or not any(_same(each, one) for one in choice.tests):
            choice.unchosen.append(Unchosen(_name(each), why))
            if each.linux:
                choice.alternatives.append(each)
    return choice


def _against(found: Found, chosen: Sequence[Found]) -> str:
    """Why something isn't chosen, where ``chosen`` already are; "" if it is."""
    if not found.linux:
        return next(iter(found.notes), "it can't run in a Linux container")
    for other in chosen:
        if why := _beaten(found, other):
            return why
    return ""


def _beaten(found: Found, other: Found) -> str:
    """Why ``other``, which comes first, makes ``found`` superfluous; "" if it doesn't."""
    if other.level is Level.TASK:
        return "" if found.level is Level.TASK else "oppie.toml comes first"
    related = ANY in (found.ecosystem, other.ecosystem) or found.ecosystem == other.ecosystem
    if not related or not _holds(other.folder, found.folder):
        return ""
    if _same(found, other):
        return _twice(found, other)
    covers = BY_NAME[other.framework].covers if other.framework in BY_NAME else ()
    if found.framework in covers:
        return f"{other.framework} runs its tests as well"
    if other.folder != found.folder:
        nested = found.ecosystem in STOPS_AT_PROJECTS
        return "" if nested else f"{_name(other)} runs what lies below it"
    if found.level is not other.level:
        return f"{_SOURCES[other.level]} comes before {_SOURCES[found.level]}: {_name(other)}"
    if found.level is Level.SCRIPT and found.via != other.via:
        return f"{_name(other)} comes first"
    return ""


def _twice(found: Found, other: Found) -> str:
    """Parts that can't be run together are of one framework, and still are two."""
    if found.level is other.level and found.via == other.via and found.results != other.results:
        return ""
    return f"the same framework is used already: {_name(other)}"


def _same(found: Found, other: Found) -> bool:
    return (found.framework, found.folder) == (other.framework, other.folder)


def _holds(folder: str, inner: str) -> bool:
    return not folder or inner == folder or inner.startswith(f"{folder}/")


def _depth(folder: str) -> int:
    return folder.count("/") + 1 if folder else 0


def _name(found: Found) -> str:
    """What is told of it where something else is the subject."""
    where = f" in {found.folder}" if found.folder else ""
    via = f" through {found.via}" if found.via else ""
    return f"{found.framework}{where}{via}"

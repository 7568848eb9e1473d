"""What was found, and what was not chosen, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runner.measure.reports import Format
from runner.model import MetricSpec

RESULTS = ".oppie/results"  # below the folder that the tests are run in


class Level(StrEnum):
    """Where it was found; what is named first comes first."""

    TASK = "task"  # an oppie.toml that is there
    SCRIPT = "script"  # package scripts, environments of tox and nox, targets of make and just
    MARKER = "marker"  # configuration files, folders, imports


@dataclass(frozen=True, slots=True)
class Found:
    """A way to run tests.

    ``command`` is for ``sh -c`` in the workspace. ``results`` is the file, relative to the
    workspace, in which it leaves what became of each test, as ``format`` ("" if it leaves none).
    ``folder`` is the project's, relative, "" at the top. ``via`` names what calls the framework.
    ``why`` are reasons for a person, ``notes`` what it takes. ``needs`` are packages of Debian.
    ``judged`` are globs, relative to the workspace, of test files and their configuration.
    ``linux`` is false for what can't run in a container at all.
    """

    framework: str
    ecosystem: str
    folder: str
    command: str
    level: Level
    why: tuple[str, ...]
    results: str = ""
    format: Format | None = None
    via: str = ""
    notes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    linux: bool = True


@dataclass(frozen=True, slots=True)
class Unchosen:
    """Something that was considered: what, and why it isn't used."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class FoundBenchmark:
    """A way to measure. ``metrics`` are what it prints, the objective first; if ``clock`` is true
    there is one, the wall time of the command in seconds. ``files`` are globs of what measures."""

    tool: str
    folder: str
    command: str
    level: Level
    why: tuple[str, ...]
    metrics: tuple[MetricSpec, ...]
    clock: bool = False
    notes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """All that is known of a folder.

    ``tests`` are what is to be run, most telling first; ``alternatives`` could be run instead.
    ``benchmarks`` likewise: the first is the best, and the last is always the clock, if there are
    tests. ``problems`` are files that could not be read. ``cut`` if not all files were looked at.
    """

    tests: tuple[Found, ...]
    alternatives: tuple[Found, ...]
    unchosen: tuple[Unchosen, ...]
    benchmarks: tuple[FoundBenchmark, ...]
    problems: tuple[str, ...] = ()
    cut: bool = False

"""The text of a task file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runner.detect.commands import enter
from runner.detect.draft import toml
from runner.detect.draft.dockerfile import DOCKERFILE
from runner.detect.globs import Globs, literal
from runner.detect.model import Detection, Found, FoundBenchmark
from runner.detect.table.shapes import CMAKE_BUILD
from runner.model import Goal, MetricSpec, Source

TASK_FILE = "oppie.toml"
CATALOGUE = "oppie-catalogue"
_NAME_CHARS = 64
_HUNGRY = frozenset({"java", "rust", "dotnet", "javascript", "swift", "cmake", "go", "elixir"})
_SETUP = {
    "CTest": CMAKE_BUILD,
    "Cargo": "cargo test --no-run --color never",
    "Go": "go test -count=1 -run '^$' ./... > /dev/null",
}
_HINT = """\
# What may be tried, which is for you to say: a folder of patches and scripts, or any command that
# changes files. Without one, a run measures the target as it is, and stops.
#
# [[actions]]
# catalogue = "oppie-catalogue"    # *.patch for `git apply`, *.sh for `sh`
#
# [[actions]]
# name = "my-change"
# command = "sed -i 's/slow/fast/' program.py"
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a task file is made of. ``name`` may be any text; ``files`` are the target's, as they
    would be copied; ``actions`` are commands; ``catalogue`` if the folder is there."""

    name: str
    files: tuple[str, ...]
    detection: Detection
    benchmark: FoundBenchmark
    actions: tuple[str, ...] = ()
    catalogue: bool = False
    dockerfile: bool = False


def draft(parts: Draft) -> str:
    """The task file's text: complete, and with a word on each part."""
    return "\n".join(_lines(parts)) + "\n"


def _lines(parts: Draft) -> Iterator[str]:
    excluded = [TASK_FILE, *([DOCKERFILE] if parts.dockerfile else [])]
    excluded += [f"{CATALOGUE}/**"] if parts.catalogue else []
    yield "# What is to be improved, what may change it, and what judges the changes. Written by"
    yield "# `oppie init` from what it found in the repository; docs/task-file.md explains every key."
    yield f"name = {toml.text(slug(parts.name))}"
    yield f"exclude = {toml.texts(excluded)}"
    yield from _setup(parts.detection.tests)
    yield from _protected(parts, excluded)
    yield ""
    yield "[image]"
    yield f"dockerfile = {toml.text(DOCKERFILE)}" if parts.dockerfile else "agent = true"
    yield ""
    yield from _actions(parts)
    yield from _checks(parts.detection.tests)
    yield from _benchmark(parts.benchmark)
    yield from _limits(parts.detection.tests)


def _setup(tests: Sequence[Found]) -> Iterator[str]:
    commands = [_in_folder(_SETUP[t.framework], t) for t in tests if t.framework in _SETUP]
    if commands:
        yield ""
        yield "# Compiled once; what an action changes is compiled again by the checks."
        yield f"setup = {toml.texts(dict.fromkeys(commands))}"


def _in_folder(command: str, found: Found) -> str:
    return " && ".join([*enter(found.folder), command])


def _protected(parts: Draft, excluded: Sequence[str]) -> Iterator[str]:
    globs = protected(parts, excluded)
    yield ""
    if globs:
        yield "# What judges: no action may change, remove or add to it."
        yield f"protected = {toml.texts(globs)}"
    else:
        yield "# No file could be protected: tests that lie in the sources are for actions to change."


def protected(parts: Draft, excluded: Sequence[str] = ()) -> tuple[str, ...]:
    """The globs of judging files that match a file of the target; one whose files others match
    already isn't among them."""
    hidden = Globs(*excluded)
    files = [path for path in parts.files if not hidden.match(path)]
    wanted = [glob for test in parts.detection.tests for glob in test.judged]
    wanted += [literal(path) for path in parts.benchmark.files]
    kept: list[str] = []
    covered: set[str] = set()
    for glob in sorted(dict.fromkeys(wanted), key=lambda glob: glob.startswith("**/")):
        matched = {path for path in files if Globs(glob).match(path)}
        if matched - covered and _writable(glob):
            kept.append(glob)
            covered |= matched
    return tuple(kept)


def _writable(glob: str) -> bool:
    """Whether TOML can hold it: a file's name may be any bytes."""
    return glob.isprintable() and "\\" not in glob


def _actions(parts: Draft) -> Iterator[str]:
    if parts.catalogue:
        yield "[[actions]]"
        yield f"catalogue = {toml.text(CATALOGUE)}"
        yield ""
    for name, command in zip(_distinct(map(slug, parts.actions)), parts.actions, strict=True):
        yield "[[actions]]"
        yield f"name = {toml.text(name)}"
        yield f"command = {toml.text(command)}"
        yield ""
    if not parts.actions and not parts.catalogue:
        yield _HINT


def _checks(tests: Sequence[Found]) -> Iterator[str]:
    names = _distinct(slug(f"{test.framework} {test.folder}") for test in tests)
    for name, test in zip(names, tests, strict=True):
        for why in test.why:
            yield f"# {_comment(why)}"
        yield "[[checks]]"
        yield f"name = {toml.text(name)}"
        yield f"command = {toml.text(test.command)}"
        if test.results and test.format:
            yield f"results = {toml.text(test.results)}"
            yield f"format = {toml.text(test.format.value)}"
        yield ""


def _benchmark(benchmark: FoundBenchmark) -> Iterator[str]:
    for why in (*benchmark.why, *benchmark.notes):
        yield f"# {_comment(why)}"
    yield "[benchmark]"
    yield f"command = {toml.text(benchmark.command)}"
    metrics = [_metric(metric) for metric in benchmark.metrics]
    if len(metrics) == 1:
        yield f"metrics = [{metrics[0]}]"
    else:
        yield "metrics = [\n" + "".join(f"    {metric},\n" for metric in metrics) + "]"
        yield f"objective = {toml.text(benchmark.metrics[0].name)}"
    yield ""


def _metric(metric: MetricSpec) -> str:
    parts = [f"name = {toml.text(metric.name)}"]
    parts += [f"unit = {toml.text(metric.unit)}"] if metric.unit else []
    parts += ['goal = "max"'] if metric.goal is Goal.MAX else []
    parts += ['source = "clock"'] if metric.source is Source.CLOCK else []
    return f"{{ {', '.join(parts)} }}"


def _limits(tests: Sequence[Found]) -> Iterator[str]:
    hungry = any(test.ecosystem in _HUNGRY for test in tests)
    yield "[limits]"
    yield 'time = "10m"    # of one step: an action, a check, a repetition'
    yield 'memory = "2GiB"' if hungry else 'memory = "1GiB"'
    yield from ["pids = 1024"] if hungry else []
    yield ""
    yield "[budget]"
    yield "nodes = 24"
    yield 'wall_time = "1h"'


def slug(text: str) -> str:
    """A name as the task file wants it: letters, digits, ``.``, ``_`` and ``-``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._]+", "-", plain).strip("-._")[:_NAME_CHARS].rstrip("-._") or "task"


def _distinct(names: Iterable[str]) -> list[str]:
    """The names, with a number behind those that were there before."""
    found: list[str] = []
    for name in names:
        number = 2
        each = name
        while each in found:
            each = f"{name[: _NAME_CHARS - 4]}-{number}"
            number += 1
        found.append(each)
    return found


def _comment(text: str) -> str:
    """One line: what is told may come from a stranger's file."""
    return "".join(char if char.isprintable() else "?" for char in text)[:160]

"""Benchmark tools that are known by what their benchmarks look like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from shlex import quote

from runner.detect.commands import enter, python_path
from runner.detect.framework import Project
from runner.detect.globs import Globs
from runner.detect.model import FoundBenchmark, Level
from runner.detect.tree import Tree
from runner.model import Goal, MetricSpec

_PYTEST = re.compile(r"^def (test_\w{1,100})\(([^)\n]{0,300})\)", re.MULTILINE)
_GO = re.compile(r"^func (Benchmark[A-Z_0-9]\w{0,100})\(\w+ \*testing\.B\)", re.MULTILINE)
_MOST = 20
_DECORATOR_CHARS = 300


def from_tools(tree: Tree, project: Project) -> Iterator[FoundBenchmark]:
    """What a project measures with the tools of its own language."""
    match project.ecosystem:
        case "python":
            yield from _pytest_benchmark(tree, project)
        case "go":
            yield from _go(tree, project)


def _pytest_benchmark(tree: Tree, project: Project) -> Iterator[FoundBenchmark]:
    """Tests that take the fixture ``benchmark``; those with parameters have names that pytest makes."""
    names: dict[str, str] = {}
    for path in project.matching(Globs("**/test_*.py", "**/*_test.py", "**/bench_*.py")):
        text = tree.text(path)
        for match in _PYTEST.finditer(text):
            fixtures = (part.partition(":")[0].strip() for part in match[2].split(","))
            before = text[max(0, match.start() - _DECORATOR_CHARS) : match.start()]
            if "benchmark" in fixtures and "parametrize" not in before.rpartition("\n\n")[2]:
                names.setdefault(match[1], path)
    if not names:
        return
    files = tuple(dict.fromkeys(names.values()))
    targets = " ".join(quote(project.inner(path)) for path in files)
    paths = python_path(tree, project)
    export = [f"export {' '.join(paths)}"] if paths else []
    call = f"python3 -m pytest -q --color=no --benchmark-only {targets}"
    yield FoundBenchmark(
        tool="pytest-benchmark",
        folder=project.folder,
        command=" && ".join([*enter(project.folder), *export, call]),
        level=Level.MARKER,
        why=(f"{files[0]}: {next(iter(names))} takes the fixture benchmark",),
        metrics=tuple(MetricSpec(name, Goal.MIN, "us") for name in list(names)[:_MOST]),
        needs=("python3-pytest-benchmark",),
        files=files,
    )


def _go(tree: Tree, project: Project) -> Iterator[FoundBenchmark]:
    """Benchmark functions of one package. Those that make others have names that are computed."""
    for path in project.matching(Globs("**/*_test.go")):
        text = tree.text(path)
        names = [match[1] for match in _GO.finditer(text)][:_MOST]
        if not names or ".Run(" in text:
            continue
        package = project.inner(path).rpartition("/")[0]
        call = f"go test -run '^$' -bench '^({'|'.join(names)})$' {quote(f'./{package}')}"
        yield FoundBenchmark(
            tool="Go",
            folder=project.folder,
            command=" && ".join([*enter(project.folder), call]),
            level=Level.MARKER,
            why=(f"{path} has {names[0]}",),
            metrics=tuple(MetricSpec(name, Goal.MIN, "ns") for name in names),
            needs=("golang-go",),
            files=(path,),
        )
        return

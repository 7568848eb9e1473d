"""Benchmark tools that are known by what their benchmarks look like in the sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from runner.detect.bench_table import TOOLS, Tool
from runner.detect.commands import enter
from runner.detect.framework import Project
from runner.detect.model import FoundBenchmark, Level, Unchosen
from runner.detect.shell import Call
from runner.detect.tree import Tree
from runner.measure.formats.names import metric_name
from runner.model import Goal, MetricSpec

_MOST_NAMES = 20
_MOST_FILES = 200
_COMPUTED = "the names of its benchmarks can't be read from the sources; name them by hand"
# Options of hyperfine that are followed by words of their own, and by how many.
_HYPERFINE_OPTIONS = {
    **dict.fromkeys(("-w", "--warmup", "-m", "--min-runs", "-M", "--max-runs", "-r", "--runs"), 1),
    **dict.fromkeys(("-s", "--setup", "-p", "--prepare", "-C", "--conclude", "-c", "--cleanup"), 1),
    **dict.fromkeys(("-n", "--command-name", "-S", "--shell", "-u", "--time-unit", "--style"), 1),
    **dict.fromkeys(("--export-json", "--export-csv", "--export-markdown", "--output"), 1),
    **dict.fromkeys(("-L", "--parameter-list"), 2),
    **dict.fromkeys(("-P", "--parameter-scan"), 3),
}


def from_tools(
    tree: Tree, project: Project, calls: Sequence[Call]
) -> Iterator[FoundBenchmark | Unchosen]:
    """What a project measures with tools of its own language. A tool takes the time that it wants,
    so that it has to be read: the clock would say nothing. ``calls`` are those of its scripts."""
    for tool in TOOLS:
        if tool.ecosystem != project.ecosystem:
            continue
        level = Level.SCRIPT if any(_is_of(tool, call) for call in calls) else Level.MARKER
        yield from _with(tree, project, tool, level)


def is_known(call: Call) -> bool:
    """Whether a command runs a benchmark tool that takes the time that it wants."""
    return any(_is_of(tool, call) for tool in TOOLS)


def hyperfine_metrics(calls: Sequence[Call]) -> tuple[MetricSpec, ...]:
    """What hyperfine prints if it is one of ``calls``: a time for each command, under its name."""
    for call in calls:
        if call.values[0] != "hyperfine":
            continue
        commands: list[str] = []
        names: list[str] = []
        words = iter(call.values[1:])
        for word in words:
            option, equals, value = word.partition("=")
            count = _HYPERFINE_OPTIONS.get(option, 0)
            following = [value] if equals and count else [next(words, "") for _ in range(count)]
            if option in ("-n", "--command-name"):
                names += following
            elif not word.startswith("-"):
                commands.append(word)
        found = [*names, *commands[len(names) :]][:_MOST_NAMES]
        return tuple(MetricSpec(metric_name(name), Goal.MIN, "ms") for name in found)
    return ()


def _is_of(tool: Tool, call: Call) -> bool:
    """Whether each word is there, or begins an option: `-bench` is there in `-bench=.`."""
    values = [value.partition("=")[0] for value in call.values]
    return any(set(words).issubset(values) for words in tool.calls)


def _with(
    tree: Tree, project: Project, tool: Tool, level: Level
) -> Iterator[FoundBenchmark | Unchosen]:
    for path in list(project.matching(tool.files))[:_MOST_FILES]:
        text = tree.text(path)
        printed = _names(tool, text)
        names = list(dict.fromkeys(map(metric_name, printed)))
        if not names:
            continue
        command = tool.runs(tree, project, path, names)
        if not command or not all(names) or re.search(tool.computed, text, re.MULTILINE):
            yield Unchosen(f"{tool.name}: {path}", _COMPUTED)
            continue
        yield FoundBenchmark(
            tool=tool.name,
            folder=project.folder,
            command=" && ".join([*enter(project.folder), command]),
            level=level,
            why=(f"{path} has {printed[0]}",),
            metrics=tuple(_spec(name, tool.unit, text) for name in names),
            needs=tool.needs,
            files=(path,),
        )
        return


def _names(tool: Tool, text: str) -> list[str]:
    names = re.findall(tool.pattern, text, re.MULTILINE)[:_MOST_NAMES]
    if not tool.qualified:
        return names
    outer = re.search(r"\bclass[ \t]{1,9}(\w{1,99})", text)
    return [f"{outer[1]}.{name}" for name in names] if outer else []


def _spec(name: str, unit: str, text: str) -> MetricSpec:
    """JMH measures operations in a time, unless it is told to measure the time of an operation."""
    if unit:
        return MetricSpec(name, Goal.MIN, unit)
    timed = re.search(r"Mode\.(?:AverageTime|SampleTime|SingleShotTime)\b", text)
    return MetricSpec(name, Goal.MIN if timed else Goal.MAX)

"""What a repository measures with, best first: what prints its numbers before what only takes time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from shlex import quote

from runner.detect.bench_tools import from_tools, hyperfine_metrics, is_known
from runner.detect.candidates import TASK_FILE, Shelf
from runner.detect.commands import enter, with_tools
from runner.detect.framework import Project
from runner.detect.globs import Globs
from runner.detect.model import Found, FoundBenchmark, Level, Unchosen
from runner.detect.printed import printed_metrics
from runner.detect.scripts import Script
from runner.detect.shell import Call
from runner.detect.tree import Tree, at
from runner.model import Goal, MetricSpec, Source

WALL = MetricSpec("wall_s", Goal.MIN, "s", Source.CLOCK)
_NAMES = ("bench", "benchmark", "benchmarks", "perf")
_FILES = Globs(
    *(f"{folder}{stem}.{kind}" for stem in ("bench", "benchmark", "benchmarks", "run_benchmark")
      for kind in ("py", "sh", "js", "mjs", "rb", "php")
      for folder in ("", "bench/", "benchmark/", "benchmarks/", "perf/", "scripts/"))
)  # fmt: skip
_INTERPRETERS = {
    "py": "python3",
    "sh": "sh",
    "js": "node",
    "mjs": "node",
    "rb": "ruby",
    "php": "php",
}
_PACKAGES = {"node": "nodejs", "ruby": "ruby", "php": "php-cli"}
_MOST_FILES = 3


def find_benchmarks(
    tree: Tree,
    projects: Sequence[Project],
    shelves: Sequence[Shelf],
    tests: Sequence[Found],
    *,
    task: bool,
) -> tuple[tuple[FoundBenchmark, ...], tuple[Unchosen, ...]]:
    """All that could measure the repository, that of a task file first if ``task``, the time of its
    first tests last; and what can't be used."""
    asked = [*_from_task(tree)] if task else []
    scripted = {
        shelf.folder: [
            call for script in _scripts(shelf) for call in shelf.scripts.calls(script) or ()
        ]
        for shelf in shelves
    }
    seen = [
        *(each for shelf in shelves for each in _from_scripts(tree, shelf)),
        *_from_files(tree),
        *(
            each
            for project in projects
            for each in from_tools(tree, project, scripted.get(project.folder, ()))
        ),
    ]
    usable = [each for each in seen if isinstance(each, FoundBenchmark)]
    unchosen = tuple(each for each in seen if isinstance(each, Unchosen))
    usable.sort(key=_rank)
    return (*asked, *_distinct(usable), *map(_timed_tests, tests[:1])), unchosen


def _rank(found: FoundBenchmark) -> tuple[bool, int]:
    """What prints its numbers before what only takes time; of each, scripts before the rest."""
    return found.metrics[0].source is Source.CLOCK, list(Level).index(found.level)


def _from_task(tree: Tree) -> Iterator[FoundBenchmark]:
    table = at(tree.toml(TASK_FILE), "benchmark")
    command, listed = at(table, "command"), at(table, "metrics")
    metrics = []
    for metric in listed if isinstance(listed, list) else ():
        name, unit, goal = at(metric, "name"), at(metric, "unit") or "", at(metric, "goal")
        source = Source.CLOCK if at(metric, "source") == "clock" else Source.OUTPUT
        if isinstance(name, str) and isinstance(unit, str):
            metrics.append(MetricSpec(name, Goal.MAX if goal == "max" else Goal.MIN, unit, source))
    if isinstance(command, str) and metrics:
        objective = at(table, "objective")
        metrics.sort(key=lambda metric: metric.name != objective)
        why = (f"{TASK_FILE}: benchmark",)
        yield FoundBenchmark("task", "", command, Level.TASK, why, tuple(metrics))


def _scripts(shelf: Shelf) -> list[Script]:
    """Of each runner the first that is named after measuring."""
    named = (next(shelf.scripts.named(each, _NAMES), None) for each in shelf.scripts.runners)
    return [script for script in named if script and not (script.empty or script.fans_out)]


def _from_scripts(tree: Tree, shelf: Shelf) -> Iterator[FoundBenchmark]:
    """Scripts and targets that are named after measuring. Where one runs a file that prints metrics,
    these are what is read; what runs a known tool is that tool's."""
    for script in _scripts(shelf):
        calls = shelf.scripts.calls(script) or ()
        files = tuple(_files_of(tree, shelf, calls))
        metrics = hyperfine_metrics(calls) or next(
            (found for path in files if (found := printed_metrics(tree.text(path)))), ()
        )
        if not metrics and any(map(is_known, calls)):
            continue
        why = [f"{script.source} runs {', '.join(files) or 'it'}"]
        why += _said(metrics) if metrics else []
        needs = ["make"] if script.runner == "make" else []
        needs += ["hyperfine"] if any(call.values[0] == "hyperfine" for call in calls) else []
        yield FoundBenchmark(
            tool=script.runner,
            folder=shelf.folder,
            command=_script_command(tree, shelf, script),
            level=Level.SCRIPT,
            why=tuple(why),
            metrics=metrics or (WALL,),
            needs=tuple(needs),
            files=(*files, script.source.partition(":")[0]),
        )


def _script_command(tree: Tree, shelf: Shelf, script: Script) -> str:
    tools = with_tools(tree, script.ecosystem, shelf.folder)
    exports = [f"export CI=1 NO_COLOR=1 {tools}".rstrip()]
    return " && ".join([*enter(shelf.folder), *exports, script.command])


def _files_of(tree: Tree, shelf: Shelf, calls: Sequence[Call]) -> Iterator[str]:
    """The repository's own files that are named in commands."""
    prefix = f"{shelf.folder}/" if shelf.folder else ""
    for call in calls:
        for value in call.values:
            path = prefix + value.removeprefix("./")
            if path in tree:
                yield path


def _from_files(tree: Tree) -> Iterator[FoundBenchmark]:
    """Programs that are called after what they do."""
    for path in [path for path in tree.files if _FILES.match(path)][:_MOST_FILES]:
        program = _INTERPRETERS[path.rpartition(".")[2]]
        text = tree.text(path)
        if text.startswith("#!") and "bash" in text.partition("\n")[0]:
            program = "bash"
        command = f"{program} {quote(path)}"
        if program == "python3" and ("/" in path or any(f.startswith("src/") for f in tree.files)):
            command = f'PYTHONPATH="$PWD:$PWD/src" {command}'
        metrics = printed_metrics(text)
        why = (f"{path} is there", *(_said(metrics) if metrics else ()))
        needs = (_PACKAGES[program],) if program in _PACKAGES else ()
        yield FoundBenchmark(
            program, "", command, Level.MARKER, why, metrics or (WALL,), needs=needs, files=(path,)
        )


def _said(metrics: Sequence[MetricSpec]) -> list[str]:
    return [f"it prints {', '.join(metric.name for metric in metrics)}"]


def _timed_tests(tests: Found) -> FoundBenchmark:
    """Where nothing measures, the tests' own time does, by the host's clock."""
    return FoundBenchmark(
        tool="clock",
        folder=tests.folder,
        command=tests.command,
        level=tests.level,
        why=(f"the time that {tests.framework} takes, where nothing measures better",),
        metrics=(WALL,),
        notes=("the tests' own time is a poor measure: write a benchmark of what matters",),
        needs=tests.needs,
    )


def _distinct(found: Sequence[FoundBenchmark]) -> Iterator[FoundBenchmark]:
    """Without files that a script before them runs already."""
    seen: set[str] = set()
    for each in found:
        if each.level is Level.SCRIPT or not each.files or not seen.issuperset(each.files):
            seen.update(each.files)
            yield replace(each, files=tuple(dict.fromkeys(each.files)))

"""What a repository tests and measures with: told, or written as a task file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from runner.cli.draft import Written, write_draft
from runner.cli.home import JsonOption, out, print_json
from runner.detect import Detection, Found, FoundBenchmark, Level
from runner.detect import detect as look
from runner.errors import ExitCode
from runner.model import Source
from runner.report.text import clean

_LEVELS = {
    Level.TASK: "as oppie.toml says",
    Level.SCRIPT: "from a script",
    Level.MARKER: "from files",
}
_COMMAND_CHARS = 2000
_FolderArgument = Annotated[Path, typer.Argument(help="The repository, or a folder in one.")]


def detect(
    folder: _FolderArgument = Path(),
    explain: Annotated[
        bool, typer.Option("--explain", help="Also say why, and what else was considered.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Say what a repository tests and measures with, and the commands to run it.

    Nothing in it is run or changed. Exits with 3 if neither tests nor a benchmark were found.

    Examples: oppie detect; oppie detect --explain ../library
    """
    found = look(folder)
    if json:
        print_json(detection_to_json(folder, found))
    else:
        for line in _told(found, explain=explain):
            out.print(line)
    if not found.benchmarks:
        raise typer.Exit(ExitCode.NO_IMPROVEMENT)


def init(
    folder: _FolderArgument = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that are there already.")
    ] = False,
    action: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COMMAND", help="A command that changes files, to be tried; may be given again."
        ),
    ] = None,
) -> None:
    """Write an oppie.toml for a repository: its tests as checks, a benchmark, what is protected.

    Where the agent image lacks a tool, an oppie.Dockerfile is written beside it. Exits with 3, and
    writes nothing, if neither tests nor a benchmark were found.

    Examples: oppie init; oppie init --action "black ."
    """
    written = write_draft(folder, tuple(action or ()), force=force)
    if written is None:
        out.print(
            f"{clean(str(folder))}: no tests and no benchmark were found, and so nothing was written; "
            "`oppie detect --explain` says what was looked at",
            markup=False,
        )
        raise typer.Exit(ExitCode.NO_IMPROVEMENT)
    for line in _written(written, folder):
        out.print(line)


def detection_to_json(folder: Path, found: Detection) -> dict[str, object]:
    """The stable shape of `detect --json`."""
    return {
        "schema": "oppie.detection/1",
        "folder": str(folder.absolute()),
        "tests": [asdict(each) for each in found.tests],
        "alternatives": [asdict(each) for each in found.alternatives],
        "unchosen": [asdict(each) for each in found.unchosen],
        "benchmarks": [asdict(each) for each in found.benchmarks],
        "problems": list(found.problems),
        "complete": not found.cut,
    }


def _told(found: Detection, *, explain: bool) -> Iterator[Text]:
    for test in found.tests:
        yield from _test(test, explain=explain)
    if not found.tests:
        yield Text("no tests were found")
    for benchmark in found.benchmarks if explain else found.benchmarks[:1]:
        yield from _benchmark(benchmark, explain=explain)
    if explain or not found.tests:
        yield from _considered(found)
    if found.cut:
        yield Text("not all files were looked at: there are too many")


def _test(test: Found, *, explain: bool) -> Iterator[Text]:
    where = f" in {clean(test.folder)}" if test.folder else ""
    via = f", through {clean(test.via)}" if test.via else ""
    yield Text.assemble(("tests      ", "dim"), (clean(test.framework), "bold"), where + via)
    yield _line("command", test.command)
    if test.results and test.format:
        yield _line("results", f"{test.results} ({test.format.value})")
    yield from (_line("note", note) for note in test.notes)
    if explain:
        yield _line("found", _LEVELS[test.level])
        yield from (_line("why", why) for why in test.why)
        yield from (_line("needs", " ".join(test.needs)) for _ in test.needs[:1])


def _benchmark(benchmark: FoundBenchmark, *, explain: bool) -> Iterator[Text]:
    yield Text.assemble(("benchmark  ", "dim"), (clean(benchmark.tool), "bold"))
    yield _line("command", benchmark.command)
    for metric in benchmark.metrics:
        clock = ", by the host's clock" if metric.source is Source.CLOCK else ""
        yield _line("metric", f"{metric.name} {metric.unit} ({metric.goal.value}{clock})")
    yield from (_line("note", note) for note in benchmark.notes)
    if explain:
        yield from (_line("why", why) for why in benchmark.why)


def _considered(found: Detection) -> Iterator[Text]:
    for each in found.unchosen:
        yield Text.assemble(("not used   ", "dim"), clean(each.what), (f": {clean(each.why)}", ""))
    for problem in found.problems:
        yield Text.assemble(("unreadable ", "dim"), clean(problem))


def _written(written: Written, folder: Path) -> Iterator[Text]:
    for path in written.files:
        yield Text.assemble(("wrote ", "dim"), clean(str(path)))
    yield from _told(written.detection, explain=False)
    for hint in written.hints:
        yield Text.assemble(("note  ", "dim"), clean(hint))
    target = "" if folder == Path() else f" {clean(str(folder))}"
    yield Text.assemble(("next  ", "dim"), f"oppie run{target}")


def _line(label: str, text: str) -> Text:
    """What is shown comes from a stranger's files."""
    return Text.assemble((f"  {label:<9}", "dim"), clean(text, _COMMAND_CHARS))

"""`oppie knowledge`: what earlier runs have taught, and forgetting it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from runner.cli.home import JsonOption, out, print_json, state
from runner.errors import TaskError
from runner.knowledge import NAME
from runner.report.text import clean
from runner.store import KnowledgeFile, Lesson

app = typer.Typer(
    help="What earlier runs have taught: it helps later ones to search, and agents to know what was "
    "tried.",
    no_args_is_help=True,
)

ProjectOption = Annotated[str, typer.Option("--project", help="One project alone.")]
MostOption = Annotated[int, typer.Option("--most", min=1, max=10_000, help="So many at most.")]


@app.command("list")
def list_(project: ProjectOption = "", most: MostOption = 20, json: JsonOption = False) -> None:
    """The projects, and the latest lessons.

    Example: oppie knowledge list --most 50
    """
    with _file() as file:
        projects = file.projects() if file else ()
        lessons = file.latest(project, most) if file else ()
    if json:
        _print_json(lessons, projects)
        return
    for name, count in projects:
        if project in ("", name):
            out.print(f"{count:>8,} lessons  {clean(name)}", markup=False)
    _print(lessons)


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="Words: of a file, a tag, an action, a text.")],
    project: ProjectOption = "",
    most: MostOption = 20,
    json: JsonOption = False,
) -> None:
    """Lessons that have any of some words, the best matches first.

    Example: oppie knowledge search cache engine.py
    """
    with _file() as file:
        lessons = file.search(" ".join(words), project, False, most) if file else ()
    if json:
        _print_json(lessons)
    else:
        _print(lessons)


@app.command()
def forget(
    project: ProjectOption = "",
    run: Annotated[
        str, typer.Option("--run", "-r", help="What one run taught; its whole id.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All there is.")] = False,
) -> None:
    """Remove lessons for good.

    Example: oppie knowledge forget --run 20261121-024017-ab12
    """
    if everything == bool(project or run):
        raise TaskError("forget: say what: --project NAME, --run ID, or --all")
    with _file() as file:
        count = file.forget(project, run) if file else 0
    out.print(f"{count:,} lessons forgotten", markup=False)


@contextmanager
def _file() -> Iterator[KnowledgeFile | None]:
    path: Path = state().root / NAME
    if not path.is_file():
        yield None
        return
    with closing(KnowledgeFile(path)) as file:
        yield file


def _print(lessons: Sequence[Lesson]) -> None:
    if not lessons:
        out.print("nothing was learned of that yet", markup=False)
    for each in lessons:
        where = clean(f"{each.run} {each.label}", 60)
        out.print(f"{where}  {clean(each.text, 400)}", markup=False)


def _print_json(lessons: Sequence[Lesson], projects: Sequence[tuple[str, int]] = ()) -> None:
    print_json(
        {
            "schema": "oppie.knowledge/1",
            "projects": [{"project": name, "lessons": count} for name, count in projects],
            "lessons": [asdict(each) for each in lessons],
        }
    )

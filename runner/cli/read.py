"""Commands that read what was recorded; none of them needs an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.syntax import Syntax

from runner.cli.home import JsonOption, RunOption, evidence, out, print_json, read_store, state
from runner.errors import TaskError
from runner.model import ROOT, NodeView, RunView
from runner.report.node import render_node
from runner.report.runs import render_runs
from runner.report.shape import FileChange, diff_to_json, node_to_json, run_to_json, runs_to_json
from runner.report.text import clean_block
from runner.report.tree import render_tree


def runs(json: JsonOption = False) -> None:
    """List all runs, the latest first.

    Example: oppie runs --json
    """
    with read_store() as store:
        views = store.runs()
    if json:
        print_json(runs_to_json(views))
    else:
        out.print(render_runs(views))


def tree(
    run: RunOption = "",
    json: JsonOption = False,
    most: Annotated[int, typer.Option(help="Show at most this many nodes.")] = 200,
) -> None:
    """Show a run's tree: state, visits and gain of every node.

    Example: oppie tree --run 20260102
    """
    view = load(run)
    if json:
        print_json(run_to_json(view))
    else:
        out.print(render_tree(view, max_nodes=most))


def show(
    node: Annotated[str, typer.Argument(help="The node's label, such as A.1.2, or `best`.")],
    run: RunOption = "",
    json: JsonOption = False,
) -> None:
    """Show one node: what was tried, what came of it, and why.

    Example: oppie show A.1.2
    """
    view = load(run)
    found = node_of(view, node)
    if json:
        print_json(node_to_json(found, view.run_id))
    else:
        out.print(render_node(view, found))


def diff(
    a: Annotated[str, typer.Argument(help="A node; compared with the root if B is left out.")],
    b: Annotated[str, typer.Argument(help="Another node, compared with A.")] = "",
    run: RunOption = "",
    json: JsonOption = False,
) -> None:
    """Print the source changes between two nodes, as a patch.

    Examples: oppie diff best; oppie diff A.1 A.1.2 | less
    """
    view = load(run)
    first, second = (ROOT, a) if not b else (a, b)
    before, after = node_of(view, first).label, node_of(view, second).label
    repository = evidence()
    if json:
        files = repository.numstat(view.run_id, before, after)
        changes = [FileChange(each.path, each.added, each.removed) for each in files]
        print_json(diff_to_json(before, after, changes))
        return
    patch = repository.diff(view.run_id, before, after)
    if out.is_terminal:
        out.print(Syntax(clean_block(patch.decode("utf-8", "replace"), 1 << 20), "diff"))
    else:
        # Bytes as they are: a patch must apply, whatever encoding its files have.
        typer.get_binary_stream("stdout").write(patch)


def logs(
    node: Annotated[str, typer.Argument(help="The node's label, or `best`.")],
    run: RunOption = "",
    json: JsonOption = False,
    step: Annotated[str, typer.Option(help="Only this step, such as act or check-tests.")] = "",
) -> None:
    """Print what a node's containers printed: action, checks, benchmark.

    Example: oppie logs A.3 --step check-tests
    """
    view = load(run)
    label = node_of(view, node).label
    found = logs_of(state().run(view.run_id), label)
    chosen = {name: path for name, path in found.items() if step in ("", name.split("/")[1])}
    if not found:
        raise TaskError(f"node {label} has no logs: no container was started for it")
    if not chosen:
        names = ", ".join(sorted({name.split("/")[1] for name in found}))
        raise TaskError(f"node {label} has no log of step {step!r}; there are: {names}")
    texts = {
        name: clean_block(path.read_bytes().decode("utf-8", "replace"), 16 << 20)
        for name, path in chosen.items()
    }
    if json:
        print_json({"schema": "oppie.logs/1", "run_id": view.run_id, "node": label, "logs": texts})
        return
    for name, text in texts.items():
        out.print(f"== {name}", style="bold", markup=False)
        out.print(text, markup=False, end="" if text.endswith("\n") else "\n")


def logs_of(folder: Path, label: str) -> dict[str, Path]:
    """The logs of all attempts of a node: ``<attempt>/<step>`` to the file."""
    attempts = folder / "attempts"
    numbered = sorted(attempts.glob(f"{label}-*"), key=lambda path: path.name)
    return {
        f"{attempt.name}/{log.stem}": log for attempt in numbered for log in sorted(attempt.glob("*.log"))
    }


def load(run: str) -> RunView:
    """A run with its nodes. Raises ``TaskError`` for an unknown one."""
    with read_store() as store:
        return store.run(run)


def node_of(view: RunView, label: str) -> NodeView:
    """The node of a label, or of ``best``. Raises ``TaskError`` if there is none."""
    wanted = label
    if label == "best":
        wanted = view.verified.label if view.verified else view.best
    for node in view.nodes:
        if node.label == wanted:
            return node
    some = ", ".join(node.label for node in view.nodes[:8])
    raise TaskError(f"run {view.run_id} has no node {label!r}; its first ones: {some}")

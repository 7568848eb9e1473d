"""Commands about this machine: what is wrong with it, and what can go."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from runner.cli.engine import connected
from runner.cli.home import JsonOption, evidence, out, print_json, settings, state
from runner.errors import EngineError, EngineUnavailable, ExitCode
from runner.model import RunView
from runner.report.shape import Finding as ShapedFinding
from runner.report.shape import Removal, doctor_to_json, gc_to_json
from runner.report.text import clean, clean_block
from runner.sandbox.connect import Client
from runner.sandbox.inventory import CONTAINER, Item, inventory, remove
from runner.sandbox.probe import Finding, Level, disk_room, probe
from runner.sandbox.protocol import SHELL
from runner.store import Store

_STATUS = {Level.OK: "ok", Level.WARN: "warning", Level.FAIL: "error"}
_STYLE = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def doctor(json: JsonOption = False) -> None:
    """Look at the engine and this machine: what will hold, what won't, and how to mend it.

    Exits with 5 if a search can't run here.

    Example: oppie doctor
    """
    findings = [*_engine_findings(), disk_room("state folder's disk", _existing_state())]
    if json:
        shaped = [ShapedFinding(f.name, _STATUS[f.level], f.value, f.fix) for f in findings]
        print_json(doctor_to_json(shaped))
    else:
        table = Table.grid(padding=(0, 2))
        for finding in findings:
            status = Text(_STATUS[finding.level], style=_STYLE[finding.level])
            table.add_row(status, finding.name, Text(clean_block(finding.value)))
            if finding.fix:
                table.add_row("", "", Text(f"fix: {clean(finding.fix)}", style="bold"))
        out.print(table)
    if any(finding.level is Level.FAIL for finding in findings):
        raise typer.Exit(ExitCode.ENVIRONMENT)


def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    keep: Annotated[
        int, typer.Option(min=0, help="Keep the snapshots of this many latest runs.")
    ] = 1,
    interrupted: Annotated[
        bool, typer.Option("--interrupted", help="Also of runs that could still be resumed.")
    ] = False,
    with_evidence: Annotated[
        bool, typer.Option("--evidence", help="Drop the runs' sources, logs and reports as well.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Remove containers and snapshots of runs that have ended.

    Only what carries this product's labels and the id of a run in this state folder is touched.
    Containers of runs that have ended go, whatever is kept: only a crash leaves any. Evidence stays unless it is asked for: nothing else can bring it back.

    Examples: oppie gc --dry-run; oppie gc --keep 0 --evidence
    """
    with Store(state().journal) as store, connected() as client:
        runs = store.runs()
        over = _runs_over(runs, interrupted=interrupted)
        ended = _old_runs(runs, keep, over)
        items = [
            item
            for item in inventory(client)
            if item.run_id in ended or (item.run_id in over and _is_dead(item))
        ]
        removals = [_removal(item) for item in items]
        if with_evidence:
            removals += [Removal("run", run_id, run_id) for run_id in ended]
        if not dry_run:
            for item in items:
                remove(client, item)
            if with_evidence:
                _drop_runs(store, ended)
    if json:
        print_json(gc_to_json(removals, dry_run=dry_run))
        return
    verb = "would remove" if dry_run else "removed"
    for removal in removals:
        out.print(f"{verb} {removal.kind} {removal.name}", markup=False)
    out.print(f"{verb} {len(removals)} objects of {len(ended)} runs")


def leftovers(client: Client, runs: Sequence[RunView]) -> Finding:
    """Objects of runs that are not running: containers that a crash left, and foreign runs."""
    known = {view.run_id: view.status for view in runs}
    items = inventory(client)
    dead = [i for i in items if known.get(i.run_id) not in (None, "running") and _is_dead(i)]
    foreign = {item.run_id for item in items if item.run_id not in known}
    images = len(items) - sum(item.kind == CONTAINER for item in items)
    text = f"{images} snapshots; {len(dead)} containers of runs that have ended"
    if foreign:
        text += f"; {len(foreign)} runs of other state folders (left alone)"
    if dead:
        fix = "`oppie gc` removes them; those of an interrupted run, `oppie resume` takes over"
        return Finding("leftovers", Level.WARN, text, fix)
    return Finding("leftovers", Level.OK, text)


def _engine_findings() -> list[Finding]:
    try:
        with connected() as client:
            found = [*probe(client)]
            if state().journal.exists():
                with Store.read(state().journal) as store:
                    found.append(leftovers(client, store.runs()))
            return found
    except EngineUnavailable as error:
        return [Finding("engine", Level.FAIL, str(error), "run `make setup`, or start the engine")]
    except EngineError as error:
        return [Finding("engine", Level.FAIL, str(error))]


def _existing_state() -> Path:
    folder = settings().state
    while not folder.exists():
        folder = folder.parent
    return folder


def _runs_over(views: Sequence[RunView], *, interrupted: bool) -> list[str]:
    """The runs that are not worked on, nor will be, unless ``interrupted`` says not to wait."""
    ends = ("stopped", "interrupted") if interrupted else ("stopped",)
    return [view.run_id for view in views if view.status in ends]


def _old_runs(views: Sequence[RunView], keep: int, over: Sequence[str]) -> list[str]:
    """Those of the runs ``over`` that are not among the ``keep`` latest of all."""
    latest_first = sorted((view.run_id for view in views), reverse=True)
    return [run_id for run_id in latest_first[keep:] if run_id in over]


def _is_dead(item: Item) -> bool:
    """Whether nobody uses a container of a run that is not at work; a shell may be open."""
    return item.kind == CONTAINER and not (item.node == SHELL and item.running)


def _removal(item: Item) -> Removal:
    size_bytes = None if item.kind == CONTAINER else item.size_bytes
    return Removal(item.kind, item.name, item.run_id, size_bytes)


def _drop_runs(store: Store, run_ids: Sequence[str]) -> None:
    """The journal's rows go last: while one is there, it explains what is left."""
    repository = evidence()
    for run_id in run_ids:
        repository.delete_run(run_id)
        shutil.rmtree(state().run(run_id), ignore_errors=True)
        store.delete_run(run_id)

"""What is wrong with this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

from runner.cli.engine import connected
from runner.cli.home import JsonOption, out, print_json, settings, state
from runner.errors import EngineError, EngineUnavailable, ExitCode
from runner.model import RunView
from runner.report.shape import Finding as ShapedFinding
from runner.report.shape import doctor_to_json
from runner.report.text import clean, clean_block
from runner.sandbox.connect import Client
from runner.sandbox.inventory import CONTAINER, Item, inventory
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


def _is_dead(item: Item) -> bool:
    """Whether nobody uses a container of a run that is not at work; a shell may be open."""
    return item.kind == CONTAINER and not (item.node == SHELL and item.running)

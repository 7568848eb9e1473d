"""What is wrong with this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from runner.cli.agent_findings import agent_findings
from runner.cli.engine import connected
from runner.cli.holdings import all_holdings
from runner.cli.home import JsonOption, out, print_json, settings, state
from runner.cli.repair import Repaired, leftovers, repaired, shaped, told
from runner.errors import EngineError, EngineUnavailable, ExitCode, TaskError
from runner.images import AGENT
from runner.report.shape import Finding as ShapedFinding
from runner.report.shape import Promise, doctor_to_json
from runner.report.text import clean, clean_block
from runner.sandbox.guarantees import Guarantee, Standing
from runner.sandbox.images import find
from runner.sandbox.local import shortcomings
from runner.sandbox.probe import Finding, Level, disk_room, guarantees_of, probe
from runner.store import Store

_STATUS = {Level.OK: "ok", Level.WARN: "warning", Level.FAIL: "error"}
_LEVEL = {
    Standing.HOLDS: Level.OK,
    Standing.FAILS: Level.WARN,
    Standing.UNKNOWN: Level.WARN,
}
_NO_AGENT = "oppie images build"
_STYLE = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Put right what crashes have left, of all runs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --repair: only say what would be done.")
    ] = False,
    probe_: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="Show with containers which guarantees the engine keeps, and what the coding "
            "agents of the images are (seconds).",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Look at the engine and this machine: what will hold, what won't, and how to mend it.

    Exits with 5 if a search can't run here. Repairing compares what the journal knows with what is
    there: containers, images, sources, folders. What nobody can use goes, what was moved goes back,
    and what belongs to another state folder is not touched.

    Examples: oppie doctor; oppie doctor --probe; oppie doctor --repair --dry-run
    """
    if dry_run and not repair:
        raise TaskError("--dry-run goes with --repair: without it, nothing is ever changed")
    found, trouble = _repaired(repair, dry_run)
    disk = disk_room("state folder's disk", _existing_state())
    about_engine, promises = _engine_findings(probe_)
    findings = [*about_engine, *trouble, disk, _without_engine()]
    if json:
        listed = [ShapedFinding(f.name, _STATUS[f.level], f.value, f.fix) for f in findings]
        kept = [Promise(p.name, p.standing, p.shown, p.why) for p in promises]
        print_json(doctor_to_json(listed, shaped(found) if found else (), kept))
    else:
        for line in told(found, dry_run=dry_run) if found else ():
            out.print(clean(line, 1000), markup=False)
        out.print(_table(findings))
        if probe_ and promises:
            out.print(_table_of_promises(promises))
    if any(finding.level is Level.FAIL for finding in findings):
        raise typer.Exit(ExitCode.ENVIRONMENT)


def _repaired(wanted: bool, dry_run: bool) -> tuple[Repaired | None, list[Finding]]:
    """What was done, and why it could not be done; without an engine the other findings say more."""
    if not wanted:
        return None, []
    try:
        return repaired(dry_run=dry_run), []
    except EngineError as error:
        return None, [Finding("repair", Level.FAIL, f"nothing was repaired: {error}")]


def _table(findings: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        status = Text(_STATUS[finding.level], style=_STYLE[finding.level])
        table.add_row(status, finding.name, Text(clean_block(finding.value)))
        if finding.fix:
            table.add_row("", "", Text(f"fix: {clean(finding.fix)}", style="bold"))
    return table


def _table_of_promises(promises: Sequence[Guarantee]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("", "", "")
    for each in promises:
        style = _STYLE[_LEVEL[each.standing]]
        said = "" if each.shown else "the engine's word"
        why = "; ".join(part for part in (said, clean_block(each.why)) if part)
        table.add_row(Text(each.standing, style=style), each.name, Text(why))
    return table


def _engine_findings(shown: bool) -> tuple[list[Finding], Sequence[Guarantee]]:
    """What the engine says of itself and, with ``shown``, what containers show of it."""
    try:
        with connected() as client:
            found = [*probe(client)]
            if state().journal.exists():
                with Store.read(state().journal) as store, all_holdings(store) as holdings:
                    found.append(leftovers(store, holdings))
            if shown and find(client, AGENT) is None:
                found.append(Finding("probe", Level.FAIL, f"{AGENT} isn't there", _NO_AGENT))
                shown = False
            if shown:
                found += agent_findings(client)
            return found, guarantees_of(client, AGENT if shown else "")
    except EngineUnavailable as error:
        fix = "run `make setup`, or start the engine"
        return [Finding("engine", Level.FAIL, str(error), fix)], ()
    except EngineError as error:
        return [Finding("engine", Level.FAIL, str(error))], ()


def _without_engine() -> Finding:
    words = 'kind = "worktree" or "tempdir" works here. ' + " ".join(shortcomings())
    return Finding("without an engine", Level.OK, words)


def _existing_state() -> Path:
    folder = settings().state
    while not folder.exists():
        folder = folder.parent
    return folder

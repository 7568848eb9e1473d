"""`oppie gc`: what can go from this machine, and its removal."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from runner.cli.gc_plan import CONTAINER, IMAGE, Policy, chosen, over, plan
from runner.cli.holdings import Holdings, all_holdings
from runner.cli.home import JsonOption, aside, evidence, out, print_json, state
from runner.errors import EngineError, EngineUnavailable, ExitCode, TaskError
from runner.report.shape import Removal, gc_to_json
from runner.store import Store


def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    keep: Annotated[
        int,
        typer.Option("--keep-runs", "--keep", min=0, help="Keep the snapshots of this many latest runs."),
    ] = 1,
    keep_best: Annotated[
        bool, typer.Option("--keep-best", help="Keep each run's best node, and what it came from.")
    ] = False,
    keep_frontier: Annotated[
        bool,
        typer.Option("--keep-frontier", help="Keep the states that a search would go on from."),
    ] = False,
    evict: Annotated[
        bool,
        typer.Option(
            "--evict",
            help="Keep each root, from which the others can be rebuilt; also of runs that can be resumed.",
        ),
    ] = False,
    interrupted: Annotated[
        bool, typer.Option("--interrupted", help="Also of runs that could still be resumed.")
    ] = False,
    with_evidence: Annotated[
        bool, typer.Option("--evidence", help="Drop the runs' sources, logs and reports as well.")
    ] = False,
    run: Annotated[
        str, typer.Option("--run", "-r", help="Only this run, whatever is kept; or its id's beginning.")
    ] = "",
    json: JsonOption = False,
) -> None:
    """Remove containers and snapshots of runs that have ended.

    Only what carries this product's labels and the id of a run in this state folder is touched.
    Containers of runs that have ended go, whatever is kept: only a crash leaves any. Evidence stays
    unless it is asked for: nothing else can bring it back.

    Examples: oppie gc --dry-run; oppie gc --evict --keep-runs 0; oppie gc --keep 0 --evidence
    """
    policy = Policy(keep, keep_best, keep_frontier, evict, interrupted, with_evidence)
    _demand_sense(policy)
    with Store(state().journal) as store, all_holdings(store, for_good=True) as holdings:
        if run:
            policy = replace(policy, only=store.run(run, with_nodes=False).run_id)
        swept = _swept(store, holdings, policy)
        refused = [] if dry_run else _carried_out(store, holdings, swept.removals)
    done = [removal for removal in swept.removals if removal not in refused]
    if json:
        print_json(gc_to_json(done, dry_run=dry_run))
    else:
        verb = "would remove" if dry_run else "removed"
        for removal in done:
            out.print(f"{verb} {removal.kind} {removal.name}", markup=False)
        out.print(f"{verb} {len(done)} objects of {swept.runs} runs")
    if refused:
        raise typer.Exit(ExitCode.ENVIRONMENT)


@dataclass(frozen=True, slots=True)
class _Swept:
    """What goes, in its order, and how many runs' snapshots are dealt with."""

    removals: tuple[Removal, ...]
    runs: int


def _swept(store: Store, holdings: Holdings, policy: Policy) -> _Swept:
    views = store.runs()
    runs = {run_id: store.run(run_id) for run_id in chosen(views, policy)}
    known = {run_id: store.known(run_id) for run_id in over(views, policy)}
    return _Swept(plan(runs, known, holdings.leftovers(), policy), len(runs))


def _carried_out(
    store: Store, holdings: Holdings, removals: Sequence[Removal]
) -> list[Removal]:
    """Remove all, in this order; what the engine refused, of which each is told aside.

    Raises ``EngineUnavailable`` where there is no engine to ask.
    """
    refused: list[Removal] = []
    for removal in removals:
        try:
            if removal.kind == CONTAINER:
                holdings.remove(removal.name)
            elif removal.kind == IMAGE:
                holdings.discard(removal.name)
            elif any(each.run_id == removal.run_id for each in refused):
                raise EngineError("something of it is still there, which its rows explain")
            else:
                _drop_run(store, removal.run_id)
        except EngineUnavailable:
            raise
        except EngineError as error:
            refused.append(removal)
            aside.print(f"could not remove {removal.kind} {removal.name}: {error}", markup=False)
    return refused


def _drop_run(store: Store, run_id: str) -> None:
    """The journal's rows go last: while one is there, it explains what is left."""
    evidence().delete_run(run_id)
    shutil.rmtree(state().run(run_id), ignore_errors=True)
    store.delete_run(run_id)


def _demand_sense(policy: Policy) -> None:
    """Without a run's rows nobody would know what its snapshots are."""
    kept = {"--evict": policy.evict, "--keep-best": policy.keep_best}
    kept["--keep-frontier"] = policy.keep_frontier
    for name, given in kept.items():
        if policy.evidence and given:
            raise TaskError(f"--evidence drops whole runs, and {name} keeps snapshots of them: choose one")

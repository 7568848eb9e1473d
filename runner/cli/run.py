"""`oppie run` and `oppie resume`."""

from __future__ import annotations

import contextlib
import json as json_module
import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from runner.cli.agency import demand_agency, equipped
from runner.cli.beginning import demand_doors, demand_engine, ground_of, parts_for
from runner.cli.conduct import Finished, conduct
from runner.cli.home import (
    JsonOption,
    RunOption,
    evidence,
    out,
    settings,
    state,
)
from runner.cli.outcome import hand_over
from runner.cli.parts import Parts
from runner.cli.signals import interruptible
from runner.errors import JournalError, OppieError, RootFails, StateError, TaskError
from runner.keeping import keep_whole
from runner.model import Mode as SearchMode
from runner.model import RunView, Stopped, StopReason
from runner.planner.policy import POLICIES
from runner.report.eventlog import EventLog, open_event_stream
from runner.report.html import ALL_DIFFS_LIMIT, DIFF_LIMIT, render_html
from runner.report.live import JsonDisplay, Mode, is_ascii_only, make_display
from runner.report.shape import run_to_json
from runner.report.summary import Places, render_summary
from runner.report.text import clean
from runner.report.tree import render_tree
from runner.settings import LogFormat, secret
from runner.store import Store, new_run_id
from runner.task import Task, keep_task, kept_task, load_task, secrets_of

_SHOWN_EVALUATIONS = 5000  # a longer run goes on at once, and shows only what is new
_TREE_NODES = 60  # shown at the end; `oppie tree` shows more

TaskArgument = Annotated[
    Path, typer.Argument(help="oppie.toml, or the folder that holds it; this one if left out.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print only the result.")]
PlainOption = Annotated[bool, typer.Option("--plain", help="Print lines, never a live picture.")]
WorkersOption = Annotated[
    int, typer.Option("--workers", "-w", min=0, help="Nodes at a time; OPPIE_WORKERS if left out.")
]


def run(
    task: TaskArgument = Path(),
    mode: Annotated[str, typer.Option(help=f"One of {', '.join(SearchMode)}; the task's if left out.")] = "",
    policy: Annotated[str, typer.Option(help=f"One of {', '.join(POLICIES)}.")] = "",
    nodes: Annotated[int, typer.Option(min=0, help="Budget of nodes; the task's if left out.")] = 0,
    seed: Annotated[int | None, typer.Option(help="The task's if left out.")] = None,
    workers: WorkersOption = 0,
    quiet: QuietOption = False,
    plain: PlainOption = False,
    json: JsonOption = False,
) -> None:
    """Search for a better version of a task's target.

    Prints what happens, and in the end the best change that was verified. Ctrl-C stops;
    `oppie resume` goes on.

    Examples: oppie run examples/helios; oppie run --nodes 100 --workers 4 --seed 7
    """
    loaded = _overridden(load_task(task), policy, nodes, seed, mode)
    known = secrets_of(loaded, secret)
    demand_agency(loaded)
    with Store(state().journal) as store:
        image = ground_of(loaded)
        latest = max((view.run_id for view in store.runs()), default="")
        run_id = new_run_id(time.time(), secrets.token_hex(2), latest)
        view = RunView(
            run_id=run_id,
            task=loaded.name,
            target=str(loaded.target),
            status="running",
            policy=loaded.search.policy,
            seed=loaded.search.seed,
            workers=workers or settings().workers,
            objective=loaded.benchmark.objective,
            started_at=time.time(),
            budget=_budget_of(loaded),
        )
        keep_task(loaded, image, state().run(run_id))
        store.create_run(view)
        shown = display_mode(quiet, plain, json)
        with equipped(parts_for(store, view, loaded, image, known)) as parts:
            raise typer.Exit(_carry_out(store, view, parts, shown))


def resume(
    run: RunOption = "",
    workers: WorkersOption = 0,
    quiet: QuietOption = False,
    plain: PlainOption = False,
    json: JsonOption = False,
) -> None:
    """Go on with a run that was interrupted: by Ctrl-C, by a crash, by a reboot.

    What had been finished is not done again. The task is the one that the run began with.

    Example: oppie resume
    """
    with Store(state().journal) as store:
        view = store.run(run, with_nodes=False)
        if view.status == "stopped":
            raise TaskError(
                f"run {view.run_id} has ended ({view.stop}: {view.stop_detail}); "
                "there is nothing to resume. `oppie run` begins a new one"
            )
        if view.evaluations <= _SHOWN_EVALUATIONS:
            view = store.run(view.run_id)
        loaded, image = kept_task(state().run(view.run_id))
        known = secrets_of(loaded, secret)
        demand_agency(loaded)
        demand_engine(loaded)
        view = replace(view, workers=workers or view.workers, status="running")
        store.reopen(view.run_id)
        mode = display_mode(quiet, plain, json)
        with equipped(parts_for(store, view, loaded, image, known)) as parts:
            raise typer.Exit(_carry_out(store, view, parts, mode))




def _overridden(
    task: Task, policy: str, nodes: int, seed: int | None, mode: str = ""
) -> Task:
    search = task.search
    if mode:
        if mode not in set(SearchMode):
            raise TaskError(f"--mode {mode!r}: allowed: {', '.join(SearchMode)}")
        task = replace(task, mode=replace(task.mode, mode=SearchMode(mode)))
    if policy:
        if policy not in POLICIES:
            raise TaskError(f"--policy {policy!r}: allowed: {', '.join(POLICIES)}")
        search = replace(search, policy=policy)
    if seed is not None:
        search = replace(search, seed=seed)
    budget = replace(task.budget, nodes=nodes) if nodes else task.budget
    return replace(task, search=search, budget=budget)


def _budget_of(task: Task) -> dict[str, object]:
    budget = task.budget
    wishes = ", ".join(f"{t.metric} {t.operator} {t.value:g}" for t in budget.targets)
    return {
        "nodes": budget.nodes,
        "wall_time_s": budget.wall_time_s,
        "container_s": budget.container_s,
        "snapshot_bytes": budget.snapshot_bytes,
        "target": wishes,
    }


def display_mode(quiet: bool, plain: bool, json: bool) -> Mode:
    """How to show what happens."""
    if json:
        return Mode.JSON
    if quiet:
        return Mode.QUIET
    return Mode.PLAIN if plain else Mode.AUTO


def _carry_out(store: Store, view: RunView, parts: Parts, mode: Mode) -> int:
    """Run to the end, show what happens, and leave the results in their places."""
    folder = state().run(view.run_id)
    finished, error = None, None
    with open_event_stream(folder / "events.jsonl") as stream, interruptible(parts.cancelled):
        log = EventLog(stream, view, human=settings().log_format is LogFormat.PEOPLE)
        display = make_display(mode, out, view)
        try:
            demand_doors(parts)
            journey = conduct(parts)
            with contextlib.closing(journey):
                while True:
                    event = next(journey)
                    log.event(event)
                    display.event(event)
        except StopIteration as end:
            finished = end.value
        except OppieError as raised:
            error = raised
        finally:
            display.close()
        if error is not None:
            with contextlib.suppress(JournalError, StateError):  # the first one is the one to tell
                store.finish(view.run_id, _stop_of(error))
            raise error
        assert isinstance(finished, Finished)
        if finished.verified:
            log.verified(finished.verified)
            if isinstance(display, JsonDisplay):
                display.verified(finished.verified)
    leave_results(store, view.run_id, finished, mode)
    return int(finished.exit_code)



def _stop_of(error: OppieError) -> Stopped:
    if isinstance(error, RootFails):
        return Stopped(StopReason.ROOT_FAILS, str(error).splitlines()[0])
    return Stopped(StopReason.ENVIRONMENT, str(error))


def leave_results(store: Store, run_id: str, finished: Finished, mode: Mode) -> None:
    folder = state().run(run_id)
    repository, remark = evidence(), ""
    if finished.verified:
        made, remark = hand_over(repository, folder, store.run(run_id), finished.verified)
        store.set_verified(run_id, made)
    report = folder / "report.html"
    ended = store.ended(run_id, finished.stop)
    keep_whole(report, render_html(ended, diffs=_diffs(ended)).encode())
    # Not before: a run that has ended can't be resumed, and would never get its branch or report.
    store.finish(run_id, finished.stop)
    view = store.run(run_id)
    if mode is Mode.JSON:
        out.file.write(json_module.dumps(run_to_json(view), allow_nan=False) + "\n")
        return
    if mode is not Mode.QUIET:
        out.print(render_tree(view, ascii_only=is_ascii_only(out), max_nodes=_TREE_NODES))
        out.print()
    out.print(render_summary(view, Places(report=str(report), events=str(folder / "events.jsonl"))))
    if remark:
        out.print(clean(remark, 500), markup=False)


def _diffs(view: RunView) -> dict[str, str]:
    """What each node changed, for the report; the discarded ones are in the evidence as well."""
    repository = evidence()
    commits = {node.label: node.commit for node in view.nodes}
    diffs: dict[str, str] = {}
    left_bytes = ALL_DIFFS_LIMIT
    for node in view.nodes:
        if node.commit and commits.get(node.parent) and left_bytes > 0:
            patch = repository.excerpt(commits[node.parent], node.commit, DIFF_LIMIT + 1)
            diffs[node.label] = patch.decode("utf-8", "replace")
            left_bytes -= len(patch)
    return diffs

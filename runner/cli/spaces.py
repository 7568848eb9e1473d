"""Commands about recorded spaces: searching without containers."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from runner.cli.home import JsonOption, out, print_json, state
from runner.cli.read import load
from runner.errors import TaskError
from runner.planner.policy import POLICIES
from runner.planner.space import Space, load_space
from runner.report.figures import factor, number, percent
from runner.report.text import clean
from runner.simulate import SimulationResult
from runner.simulate import simulate as run_simulation
from runner.store.export import space_of
from runner.task import kept_task


def simulate(
    space: Annotated[Path, typer.Argument(help="A recorded space, such as space.json.")],
    policy: Annotated[str, typer.Option(help=f"One of {', '.join(POLICIES)}.")] = "frontier",
    nodes: Annotated[int, typer.Option(min=1, help="How many evaluations.")] = 40,
    parallel: Annotated[int, typer.Option(min=1, help="How many at a time.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the policy and of the noise.")] = 0,
    json: JsonOption = False,
) -> None:
    """Run the very same search over a recorded space, in seconds and without an engine.

    Example: oppie simulate examples/helios/space.json --policy ucb1 --nodes 60 --seed 3
    """
    result = run_simulation(_load(space), policy, nodes, parallel, seed)
    if json:
        print_json(simulation_to_json(result))
    else:
        _print_result(result)


def export_space(
    run: Annotated[str, typer.Argument(help="The run's id, or its beginning.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here, not to the terminal.")
    ] = None,
) -> None:
    """Write what a run has seen as a space that `simulate` can search.

    Example: oppie export-space -o space.json
    """
    view = load(run)
    task, _ = kept_task(state().run(view.run_id))
    text = json_module.dumps(space_of(view, task.actions), indent=1) + "\n"
    if output is None:
        out.file.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TaskError(f"{output}: can't be written: {error.strerror}") from error
    out.print(f"wrote {output}", markup=False)


def simulation_to_json(result: SimulationResult) -> dict[str, object]:
    """The stable shape of `simulate --json`."""
    return {
        "schema": "oppie.simulation/1",
        "policy": result.policy,
        "seed": result.seed,
        "parallel": result.workers,
        "stop": {"reason": str(result.stop.reason), "detail": result.stop.detail},
        "best_state": list(result.best_state),
        "best_gain": result.best_gain,
        "final_gain": result.final_gain,
        "regret": result.regret,
        "evaluations": [asdict(evaluation) for evaluation in result.evaluations],
    }


def _print_result(result: SimulationResult) -> None:
    """A line for each evaluation that changed the recommendation, then how it ended."""
    before: tuple[str, ...] = ()
    for each in result.evaluations:
        if each.recommended != before:
            before = each.recommended
            state = clean(" + ".join(before) or "the root", 200)
            out.print(f"{each.n:>6}  {number(each.recommended_true)}  {state}", markup=False)
    out.print(
        f"{result.policy}, seed {result.seed}: {len(result.evaluations)} evaluations, "
        f"{result.stop.reason}; found {percent(result.final_gain)} ({factor(result.final_gain)}) "
        f"of {percent(result.best_gain)} ({factor(result.best_gain)})",
        markup=False,
    )


def _load(path: Path) -> Space:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"space {path}: can't be read: {error}") from error
    try:
        return load_space(text)
    except TaskError as error:
        raise TaskError(f"{path}: {error}") from error

"""Commands about recorded spaces: searching without containers."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from runner.cli.home import JsonOption, RunOption, out, print_json
from runner.cli.read import load
from runner.errors import TaskError
from runner.planner.policy import POLICIES
from runner.planner.space import load_space
from runner.report.simulation import render_simulation
from runner.simulate import simulate as run_simulation
from runner.store.export import space_of


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
    result = run_simulation(load_space(_text(space)), policy, nodes, parallel, seed)
    if json:
        print_json(result.to_json())
    else:
        out.print(render_simulation(result))


def export_space(
    run: Annotated[str, typer.Argument(help="The run's id, or its beginning.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here, not to the terminal.")
    ] = None,
) -> None:
    """Write what a run has seen as a space that `simulate` can search.

    Example: oppie export-space -o space.json
    """
    text = json_module.dumps(space_of(load(run)), indent=1) + "\n"
    if output is None:
        out.file.write(text)
    else:
        output.write_text(text, encoding="utf-8")
        out.print(f"wrote {output}", markup=False)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"space {path}: can't be read: {error}") from error

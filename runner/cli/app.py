"""All commands, by name."""

from __future__ import annotations

from typing import Annotated

import typer

from runner import __version__
from runner.cli import (
    detect,
    gate,
    gc,
    guard,
    images,
    knowledge,
    machine,
    mcp,
    publishing,
    read,
    run,
    spaces,
    work,
)

app = typer.Typer(
    name="oppie",
    help="Search for a better version of a program: a tree of container snapshots, each one tried, "
    "measured, and kept or thrown away.",
    epilog="First steps: `oppie doctor`, then `oppie run FOLDER`, then `oppie tree`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"oppie {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version_: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """See ``app``'s help."""


app.command("init")(detect.init)
app.command("detect")(detect.detect)
app.command("run")(run.run)
app.command("resume")(run.resume)
app.command("runs")(read.runs)
app.command("tree")(read.tree)
app.command("show")(read.show)
app.command("diff")(read.diff)
app.command("logs")(read.logs)
app.command("shell")(work.shell)
app.command("checkout")(work.checkout)
app.command("apply")(work.apply)
app.command("verify")(gate.verify)
app.command("merge")(gate.merge)
app.command("merge-best")(gate.merge_best)
app.command("pr")(publishing.pr)
app.command("report")(publishing.report)
app.command("simulate")(spaces.simulate)
app.command("export-space")(spaces.export_space)
app.command("gc")(gc.gc)
app.command("mcp")(mcp.mcp)
app.command("doctor")(machine.doctor)
app.command("guard")(guard.guard)
app.add_typer(images.app, name="images")
app.add_typer(knowledge.app, name="knowledge")

"""Commands that take a node's state out of the tree: a shell, a folder, a branch."""

from __future__ import annotations

import secrets
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from runner.cli.engine import connected, opener
from runner.cli.home import RunOption, evidence, out, state
from runner.cli.outcome import branch_of, message_of
from runner.cli.read import load, node_of
from runner.cli.signals import interruptible
from runner.cli.standing import standing_image
from runner.errors import TaskError
from runner.evidence import apply as apply_node
from runner.model import Limits, NodeView, RunView, SandboxKind
from runner.sandbox.protocol import SHELL, Step
from runner.sandbox.terminal import interact
from runner.task import kept_task

# Slots of workers are small numbers; a shell must not take the place of one that is at work.
_FIRST_SLOT = 1 << 20

NodeArgument = Annotated[str, typer.Argument(help="The node's label, such as A.1.2, or `best`.")]


def shell(node: NodeArgument, run: RunOption = "") -> None:
    """Open a shell in a throw-away container of a node's state.

    Nothing that is done there is kept. A snapshot that was evicted is rebuilt first. Without a terminal, the script on stdin is run instead.

    Examples: oppie shell best; echo 'ls -la' | oppie shell A.1
    """
    view = load(run)
    found = _with_snapshot(view, node)
    slot = _FIRST_SLOT + secrets.randbelow(_FIRST_SLOT)
    image = standing_image(view, found, slot)
    task, _ = kept_task(state().run(view.run_id))
    limits = Limits(runtime=task.limits.runtime)  # its code is no more trusted here
    name = f"{SHELL}-{found.label}-{secrets.token_hex(3)}"
    if sys.stdin.isatty():
        if task.kind is not SandboxKind.CONTAINER:
            raise TaskError(
                f"run {view.run_id} has no containers to open a terminal in: give a script on stdin, "
                f"or write the state into a folder with `oppie checkout {found.label} FOLDER`"
            )
        with connected() as client:
            full_name, terminal = f"oppie-{view.run_id}-{name}", sys.stdin.fileno()
            raise typer.Exit(interact(client, view.run_id, full_name, image, limits, terminal))
    step = Step(name, SHELL, image, ("sh", "-s"), limits, stdin=sys.stdin.buffer.read())
    cancelled = threading.Event()
    with (
        interruptible(cancelled),
        closing(opener(task, view.run_id, image)(slot, cancelled.is_set)) as sandbox,
        tempfile.TemporaryDirectory() as folder,
    ):
        log = Path(folder) / "shell.log"
        result = sandbox.run(step, log)
        sandbox.remove(result.container)
        sys.stdout.buffer.write(log.read_bytes())
    raise typer.Exit(result.code)


def checkout(
    node: NodeArgument,
    folder: Annotated[Path, typer.Argument(help="An empty folder, or one to be made.")],
    run: RunOption = "",
) -> None:
    """Write a node's source tree into a folder. Discarded nodes too: nothing is lost.

    Example: oppie checkout A.2 /tmp/a2
    """
    view = load(run)
    label = node_of(view, node).label
    try:
        evidence().checkout(view.run_id, label, folder)
    except OSError as error:
        raise TaskError(f"{folder}: can't be written: {error.strerror}") from error
    out.print(f"{label} of run {view.run_id} is in {folder}", markup=False)


def apply(
    node: NodeArgument,
    run: RunOption = "",
    branch: Annotated[str, typer.Option(help="The branch to make; oppie/<run>-<node> if left out.")] = "",
) -> None:
    """Commit a node's change onto a new branch of your repository, and switch to it.

    A working tree with changes of its own is refused.

    Example: oppie apply best
    """
    view = load(run)
    label = node_of(view, node).label
    name = branch or branch_of(view, label)
    repository = evidence()
    apply_node(repository, Path(view.target), view.run_id, label, name, message_of(view, label))
    out.print(f"{label} of run {view.run_id} is on branch {name}", markup=False)


def _with_snapshot(view: RunView, label: str) -> NodeView:
    found = node_of(view, label)
    if found.snapshot is None:
        raise TaskError(
            f"node {found.label} has no snapshot ({found.outcome or found.status}); "
            f"its sources are still there: oppie checkout {found.label} FOLDER"
        )
    return found

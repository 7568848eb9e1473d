"""`oppie pr` and `oppie report`: what is said of a run to people and programs elsewhere."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from runner.cli.home import RunOption, evidence, out, state
from runner.cli.outcome import branch_of, message_of
from runner.cli.read import load, node_of
from runner.cli.work import NodeArgument
from runner.errors import TaskError
from runner.evidence import Refused, prefix_of, publish, push
from runner.keeping import keeping
from runner.measure.checks import CheckRun
from runner.model import ROOT, RunView, Verified
from runner.report.ci import Case, job_summary, junit, sarif
from runner.report.pull_request import PullRequest, Told, pull_request
from runner.report.shape import FileChange
from runner.report.text import clean
from runner.task import Task, kept_task
from runner.task.load import FILE_NAME

_GATE = "gate.jsonl"
_CHECK_RUN = TypeAdapter(CheckRun)
_CASE = TypeAdapter(Case)
_FileOption = Annotated[Path | None, typer.Option(help="A file to write.")]


def pr(
    node: NodeArgument,
    run: RunOption = "",
    branch: Annotated[str, typer.Option(help="The branch; oppie/<run>-<node> if left out.")] = "",
    push_to: Annotated[
        str, typer.Option("--push", help="Push the branch to this remote; nothing is, if left out.")
    ] = "",
    title_file: _FileOption = None,
    body_file: _FileOption = None,
) -> None:
    """Make a branch of a node's change, with title and body for a pull or merge request.

    What changed, why, the numbers with their intervals, the tests, and how to repeat it, in
    Markdown that any forge shows. Prints title and body; pushes only if asked to.

    Example: oppie pr best --body-file body.md --push origin
    """
    view = load(run)
    label = node_of(view, node).label
    name = branch or branch_of(view, label)
    target = Path(view.target)
    _publish(view, target, label, name)
    words = _words(view, label, name)
    for file, text in ((title_file, words.title + "\n"), (body_file, words.body)):
        if file is not None:
            write(file, text)
    out.file.write(f"{words.title}\n\n{words.body}")
    out.print(f"\nThe change is on branch {name}", markup=False)
    if push_to:
        said = push(target, name, push_to)
        out.print(clean(f"pushed to {push_to}: {said}", 500), markup=False)


def _publish(view: RunView, target: Path, label: str, name: str) -> None:
    """Make the branch, unless it is the one that the run has made of this very change: what it stands
    on may have gone on since."""
    try:
        publish(evidence(), target, view.run_id, label, name, message_of(view, label))
    except Refused:
        found = view.verified
        if found is None or found.label != label or found.branch != name:
            raise


def report(
    run: RunOption = "",
    junit_file: Annotated[Path | None, typer.Option("--junit", help="JUnit XML.")] = None,
    summary_file: Annotated[
        Path | None, typer.Option("--summary", help="A job summary in Markdown, under 900 KiB.")
    ] = None,
    sarif_file: Annotated[Path | None, typer.Option("--sarif", help="SARIF 2.1.0.")] = None,
) -> None:
    """Write a run's results for continuous integration. Without a file, prints the summary.

    Example: oppie report --junit oppie.xml --summary "$GITHUB_STEP_SUMMARY"
    """
    view = load(run)
    gate = tuple(cases(state().run(view.run_id)))
    if junit_file is not None:
        write(junit_file, junit(view, gate))
    if sarif_file is not None:
        prefix = prefix_of(Path(view.target))
        files = _changed_files(view, prefix)
        write(sarif_file, sarif(view, files, gate, f"{prefix}{FILE_NAME}"))
    if summary_file is not None:
        write(summary_file, job_summary(view, gate), append=True)
    if not (junit_file or sarif_file or summary_file):
        out.file.write(job_summary(view, gate))


def note_case(folder: Path, case: Case) -> None:
    """Keep what the gate decided, for ``oppie report``."""
    path = folder / _GATE
    with keeping("write", path), path.open("a", encoding="utf-8") as file:
        file.write("\n" + json.dumps(asdict(case)) + "\n")  # on a line of its own, whatever is there


def cases(folder: Path) -> Iterator[Case]:
    """What the gate has decided so far, in its order."""
    file = folder / _GATE
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValidationError):  # half written when its writer was killed
                yield _CASE.validate_json(line)


def write(file: Path, text: str, *, append: bool = False) -> None:
    """Write a file that the user named. Raises ``TaskError``."""
    try:
        with file.open("a" if append else "w", encoding="utf-8", errors="replace") as target:
            target.write(text)
    except OSError as error:
        raise TaskError(f"{file}: can't be written: {error.strerror}") from error


def _words(view: RunView, label: str, branch: str) -> PullRequest:
    repository, folder = evidence(), state().run(view.run_id)
    task, _ = kept_task(folder)
    stats = repository.numstat(view.run_id, ROOT, label)
    told = Told(
        files=tuple(FileChange(stat.path, stat.added, stat.removed) for stat in stats),
        descriptions={action.key: action.description for action in task.actions},
        tests=tuple(_tests(folder, label)),
        commands=_commands(view, label, branch, task),
        notes=view.remarks,
        agents={action.key: action.agent.adapter for action in task.actions if action.agent},
    )
    return pull_request(view, label, _verification(view, label), told)


def _commands(view: RunView, label: str, branch: str, task: Task) -> tuple[str, ...]:
    """For who has the run's records, and for who has nothing but the branch."""
    return (
        f"oppie verify {label} --run {view.run_id}",
        f"oppie diff A {label} --run {view.run_id}",
        "# without the records of the run, on the branch and on what it stands on:",
        f"git switch {shlex.quote(branch)}",
        *task.setup,
        *(check.command for check in task.checks),
        task.benchmark.command,
    )


def _verification(view: RunView, label: str) -> Verified | None:
    found = [each for each in view.verifications if each.label == label]
    return found[-1] if found else None


def _tests(folder: Path, label: str) -> Iterator[str]:
    """A line for each check of the node's last verification."""
    attempts = sorted(
        (folder / "attempts").glob(f"{label}-verify-*"), key=lambda path: path.stat().st_mtime
    )
    for file in sorted(attempts[-1].glob("run-check-*.json")) if attempts else ():
        run = _CHECK_RUN.validate_json(file.read_bytes())
        name = file.name.removeprefix("run-check-").removesuffix(".json")
        how = "passed" if run.ok else f"exited with {run.code}"
        count = "" if run.tests_run is None else f", {run.tests_run} tests run"
        yield f"{name}: {how}{count}"


def _changed_files(view: RunView, prefix: str) -> dict[str, list[str]]:
    """What each node changed since the root, as paths of the user's repository."""
    repository = evidence()
    root = next((node.commit for node in view.nodes if node.label == ROOT), "")
    return {
        node.label: [prefix + path for path in repository.changed(root, node.commit)]
        for node in view.nodes
        if root and node.commit and node.label != ROOT
    }

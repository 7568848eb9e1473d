"""`oppie verify`, `oppie merge` and `oppie merge-best`: the gate, and who asks it to open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from runner.cli.conduct import grown
from runner.cli.gatehouse import Gatehouse, gatehouse
from runner.cli.home import RunOption, evidence, out, state
from runner.cli.outcome import hand_over, message_of
from runner.cli.publishing import note_case
from runner.cli.run import PlainOption, QuietOption
from runner.cli.work import NodeArgument
from runner.errors import ExitCode, Rejected, TaskError
from runner.evidence import BranchMoved, Conflicting, Prepared, Refused, land, prepare
from runner.gate import (
    CleanRoom,
    Synthesis,
    examine_merge,
    job_of,
    parts_of,
    settle,
    synthesise,
    verified,
)
from runner.measure.protected import matches
from runner.model import Job, State, Verdict, Verified
from runner.planner.tree import Tree
from runner.report.ci import Case, CaseState
from runner.report.text import clean
from runner.report.verdicts import merge_message, verdict_line


def verify(
    node: NodeArgument, run: RunOption = "", quiet: QuietOption = False, plain: PlainOption = False
) -> None:
    """Measure a node against the root once more, in a clean room.

    It is built from the root's image and its recorded sources alone; the samples are new. Exit
    code 0 if it is better, 3 if not.

    Example: oppie verify A.1.2
    """
    with gatehouse(run, quiet, plain) as house:
        wanted = house.node(node)
        known = State(wanted.label, None, wanted.commit, wanted.tree_id)
        with house.room() as room:
            found = _verify(house, room, known)
    out.print(verdict_line(found, house.view.objective), markup=False)
    raise typer.Exit(_code(found))


def merge(
    node: NodeArgument,
    into: Annotated[str, typer.Option(help="The branch; the one checked out if left out.")] = "",
    run: RunOption = "",
    even_without_gain: Annotated[
        bool, typer.Option(help="Let in what passes, though no gain over the branch is shown.")
    ] = False,
    quiet: QuietOption = False,
    plain: PlainOption = False,
) -> None:
    """Merge a node's change into your branch, if what comes of it holds in the clean room.

    What is checked and measured is the merge with the branch as it is now. A conflict, a red check,
    a loss, or a branch that moves meanwhile is a rejection (exit code 3); the work is still there.

    Example: oppie merge best --into main
    """
    with gatehouse(run, quiet, plain) as house:
        label = house.node(node).label
        with house.room() as room:
            _merge(house, room, label, into, gain_needed=not even_without_gain)


def merge_best(
    into: Annotated[str, typer.Option(help="Then merge the result into this branch.")] = "",
    most: Annotated[int, typer.Option(min=2, max=100, help="Try at most this many parts.")] = 6,
    run: RunOption = "",
    quiet: QuietOption = False,
    plain: PlainOption = False,
) -> None:
    """Combine the best states of different branches of the tree, best first.

    Each is kept only if it gains over the others, measured in the clean room. What comes of it is a
    new node of the tree, verified against the root.

    Example: oppie merge-best --into main
    """
    with gatehouse(run, quiet, plain) as house:
        if house.view.status != "stopped":
            raise TaskError(
                f"run {house.view.run_id} has not ended, and a combination can't be searched on from; "
                "end it first: oppie resume"
            )
        with house.room() as room:
            label = _combine(house, room, most)
            if into:
                again = replace(house, view=house.store.run(house.view.run_id))
                _merge(again, room, label, into, gain_needed=True)


def _merge(
    house: Gatehouse, room: CleanRoom, label: str, into: str, *, gain_needed: bool
) -> None:
    view = house.view
    try:
        prepared = _prepared(house, room, label, into)
        walk = examine_merge(room, prepared, house.plan(room), gain_needed=gain_needed)
        examined = house.follow(walk)
        if examined.rejection:
            raise _rejected(label, examined.rejection, examined.log)
        title = f"Merge {label} of oppie run {view.run_id} into {prepared.branch}"
        message = merge_message(title, examined.verified, view.objective)
        commit = land(room.context.evidence, prepared, message, message_of(view, label))
    except (Conflicting, BranchMoved) as error:
        _note(house, label, into, str(error), failed=True)
        raise _rejected(label, str(error)) from error
    except (Refused, Rejected) as error:
        _note(house, label, into, str(error), failed=True)
        raise
    line = verdict_line(examined.verified, view.objective)
    seconds = examined.verified.container_s
    _note(house, label, prepared.branch, line, failed=False, seconds=seconds)
    for note in prepared.notes:
        out.print(clean(note, 500), markup=False)
    out.print(f"{label} is merged into {prepared.branch} as {commit}", markup=False)
    out.print(line, markup=False)


def _prepared(house: Gatehouse, room: CleanRoom, label: str, into: str) -> Prepared:
    excluded, target = house.task.exclude, Path(house.view.target)
    return prepare(
        room.context.evidence,
        target,
        house.view.run_id,
        label,
        into or None,
        lambda path: matches(excluded, path),
    )


def _note(
    house: Gatehouse,
    label: str,
    branch: str,
    message: str,
    *,
    failed: bool,
    seconds: float | None = None,
) -> None:
    """Keep the decision, for `oppie report`."""
    state_ = CaseState.FAILED if failed else CaseState.PASSED
    name = f"merge of {label} into {branch or 'the branch that is checked out'}"
    case = Case("gate", name, state_, message, seconds, label)
    note_case(state().run(house.view.run_id), case)


def _rejected(label: str, reason: str, log: str = "") -> Rejected:
    return Rejected(
        f"{label} is rejected: {clean(reason, 1000)}\n"
        f"Nothing of yours was changed, and the work is still there: oppie diff A {label}"
        + (f"\nThe full output is in {log}" if log else "")
    )


def _combine(house: Gatehouse, room: CleanRoom, most: int) -> str:
    """Make the best combination a node, and the run's result if it is better; its label."""
    synthesis, job, tree = _synthesis(house, room, most)
    made = _settled(house, room, synthesis, job, tree)
    again = replace(house, view=house.store.run(house.view.run_id))
    found = _verify(again, room, made)
    if found.verdict is Verdict.IMPROVED:
        _make_result(again, found)
    out.print(verdict_line(found, house.view.objective), markup=False)
    if found.verdict is not Verdict.IMPROVED:
        raise typer.Exit(_code(found))
    return made.label


def _synthesis(house: Gatehouse, room: CleanRoom, most: int) -> tuple[Synthesis, Job, Tree]:
    """Put the best parts together; the job that stands for it, and the tree that has it open."""
    tree = grown(house.parts, room.root)
    nodes = parts_of(tree, most)
    if len(nodes) < 2:
        raise Rejected("nothing to combine: there are no two branches of the tree with a gain")
    synthesis = house.follow(synthesise(room, tree, nodes))
    for part in synthesis.parts:
        sign = "kept" if part.kept else "left out"
        out.print(f"  {part.label}  {sign}: {clean(part.why, 300)}", markup=False)
    if len(synthesis.combination.labels) < 2:
        best = nodes[0].label
        raise Rejected(f"nothing to combine: {best} by itself is better than with any other part")
    job = job_of(tree, synthesis.combination)
    whole = grown(house.parts, room.root, [action.key for action in job.actions])
    try:
        whole.adopt(job)
    except ValueError as error:
        together = " + ".join(synthesis.combination.labels)
        raise Rejected(f"nothing to combine: {together} were tried together: {error}") from error
    return synthesis, job, whole


def _settled(
    house: Gatehouse, room: CleanRoom, synthesis: Synthesis, job: Job, tree: Tree
) -> State:
    """Measure the combination as a whole, and record it as the node of ``job``."""
    expansion = house.follow(settle(room, job, synthesis, house.plan(room)))
    journal = house.store.journal(house.view.run_id)
    closed = tree.close(expansion)
    with house.store.batch():  # a run that is over has no attempt that somebody could go on with
        journal.intend(job)
        journal.record(closed)
    house.log.event(closed)
    if expansion.snapshot is None:
        raise Rejected(f"nothing to combine: {job.label} is {expansion.outcome}: {expansion.reason}")
    return tree.state_of(tree.node(job.label))


def _verify(house: Gatehouse, room: CleanRoom, candidate: State) -> Verified:
    """Verify a state and write down what came of it."""
    claim = house.claim(candidate.label)
    found = house.follow(verified(room, candidate, house.plan(room), claim))
    house.store.add_verification(house.view.run_id, found)
    return found


def _make_result(house: Gatehouse, found: Verified) -> None:
    """Make a verified node the run's result, with a branch and a patch."""
    run_id = house.view.run_id
    handed, remark = hand_over(evidence(), state().run(run_id), house.store.run(run_id), found)
    house.store.set_verified(run_id, handed)
    if remark:
        out.print(clean(remark, 500), markup=False)


def _code(found: Verified) -> int:
    improved = found.verdict is Verdict.IMPROVED
    return int(ExitCode.IMPROVED if improved else ExitCode.NO_IMPROVEMENT)

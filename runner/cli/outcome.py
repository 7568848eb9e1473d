"""What a finished run leaves for its user: branch, patch, report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runner.evidence import Evidence, Refused, publish
from runner.model import ROOT, Outcome, RunView, Verified
from runner.report.estimate import path_to
from runner.report.figures import gain_with_interval


def branch_of(view: RunView, label: str) -> str:
    """The branch of a node's change: the run's own for what was verified, else one beside it."""
    verified = view.verified is not None and view.verified.label == label
    return f"oppie/{view.run_id}" if verified else f"oppie/{view.run_id}-{label}"


def message_of(view: RunView, label: str) -> str:
    """The commit message of a node's change: what was done, and what was measured."""
    nodes = {node.label: node for node in view.nodes}
    actions = [key for node in path_to(nodes, label) for key in node.actions]
    found = view.verified
    lines = [f"{view.task}: {' + '.join(actions) or 'no change'}", ""]
    if found and found.label == label and found.measurement:
        measured = found.measurement
        lines.append(
            f"Verified against the original: {view.objective.name} "
            f"{gain_with_interval(measured)}, {measured.pairs} pairs."
        )
    lines.append(f"Node {label} of oppie run {view.run_id}.")
    return "\n".join(lines) + "\n"


def hand_over(
    evidence: Evidence, folder: Path, view: RunView, found: Verified
) -> tuple[Verified, str]:
    """Make patch and branch of a verified improvement.

    Returns what was made, and why there is no branch ("" if there is one): the target may be in
    no repository, or have moved on.
    """
    if found.outcome is not Outcome.IMPROVED:
        return found, ""
    patch = folder / "best.patch"
    evidence.write_patch(view.run_id, ROOT, found.label, patch)
    found = replace(found, patch=str(patch))
    branch = branch_of(replace(view, verified=found), found.label)
    message = message_of(replace(view, verified=found), found.label)
    try:
        publish(evidence, Path(view.target), view.run_id, found.label, branch, message)
    except Refused as error:
        return found, str(error)
    return replace(found, branch=branch), ""

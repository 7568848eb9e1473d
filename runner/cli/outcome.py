"""What a finished run leaves for its user: branch, patch, report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runner.evidence import TARGET, Evidence, Refused, publish, uncommitted
from runner.model import ROOT, RunView, Verdict, Verified
from runner.report.estimate import path_to
from runner.report.figures import gain_with_interval
from runner.report.verification import is_improvement


def branch_of(view: RunView, label: str) -> str:
    """The branch of a node's change: the run's own for what was verified, else one beside it."""
    if view.verified is not None and view.verified.label == label:
        return view.verified.branch or f"oppie/{view.run_id}"
    return f"oppie/{view.run_id}-{label}"


def message_of(view: RunView, label: str) -> str:
    """The commit message of a node's change: what was done, and what was measured."""
    nodes = {node.label: node for node in view.nodes}
    actions = [key for node in path_to(nodes, label) for key in node.actions]
    found = view.verified
    lines = [f"{view.task}: {' + '.join(actions) or 'no change'}", ""]
    if found and found.label == label and found.measurement and is_improvement(found):
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

    Returns what was made, and what there is to say of the branch: why there is none (the target
    may be in no repository, or have moved on), or that it isn't quite what was measured.
    """
    if found.verdict is not Verdict.IMPROVED:
        return found, ""
    patch = folder / "best.patch"
    evidence.write_patch(view.run_id, ROOT, found.label, patch)
    found = replace(found, patch=str(patch))
    earlier = view.verified is not None and view.verified.branch and view.verified.label
    # The run's own branch may hold what was the best before.
    taken = bool(earlier) and earlier != found.label
    branch = branch_of(view if taken else replace(view, verified=found), found.label)
    message = message_of(replace(view, verified=found), found.label)
    try:
        publish(evidence, Path(view.target), view.run_id, found.label, branch, message)
    except Refused as error:
        return found, f"No branch was made: {error}. The patch holds the change."
    found = replace(found, branch=branch)
    measured = evidence.commit(view.run_id, TARGET)
    others = uncommitted(evidence, Path(view.target), measured)
    if not others:
        return found, ""
    names = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return found, f"What was measured had uncommitted changes that the branch lacks: {names}."

"""A run as a job summary in Markdown, as GitHub shows it at the top of a workflow's run.

GitHub takes at most 1 MiB of a step, and shows nothing of one that is larger. The most important
comes first, so what is cut is what matters least, and the summary says that it was cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from runner.model import ROOT, NodeView, RunView, Verdict
from runner.report.budget import limits_of
from runner.report.ci.cases import Case, CaseState
from runner.report.figures import (
    clock_time,
    count,
    factor,
    gain_with_interval,
    known,
    percent,
)
from runner.report.glyphs import sign_of
from runner.report.markdown import code, prose, table
from runner.report.measured import measured_table
from runner.report.summary import stop_words

SUMMARY_LIMIT_BYTES = 900 << 10
_NOTE = "_The summary is cut here: {} more. Everything is in the report of the run._"
_NOTE_BYTES = 200


def job_summary(view: RunView, gate: Sequence[Case] = ()) -> str:
    """The run in Markdown, of fewer than ``SUMMARY_LIMIT_BYTES`` in UTF-8; ``gate`` are the cases of
    checks and merges. A summary that would be longer is cut between two lines."""
    sections = (_result(view), _verifications(view), _gate(gate), _search(view), _nodes(view))
    lines = [line for section in sections for line in section]
    return bounded_lines(lines, SUMMARY_LIMIT_BYTES)


def bounded_lines(lines: Iterable[str], limit_bytes: int) -> str:
    """The lines, each with a line break, as long as they and a note stay under the limit."""
    kept: list[str] = []
    held: list[str] = []  # what would still fit if nothing had to be said after it
    size_bytes = left_out = 0
    for line in lines:
        size_bytes += len(line.encode("utf-8", "replace")) + 1
        if left_out or size_bytes >= limit_bytes:
            left_out += 1
        elif size_bytes >= limit_bytes - _NOTE_BYTES:
            held.append(line)
        else:
            kept.append(line)
    if not left_out:
        return "".join(f"{line}\n" for line in (*kept, *held))
    note = _NOTE.format(count(left_out + len(held), "line"))
    return "".join(f"{line}\n" for line in (*kept, "", note))


def _result(view: RunView) -> Iterator[str]:
    found = view.verified
    measured = found.measurement if found else None
    if found and measured and found.verdict is Verdict.IMPROVED:
        better = f"{percent(measured.gain)} better ({factor(measured.gain)})"
        yield f"### ✓ {code(view.task)}: {better}, verified"
    else:
        yield f"### ✗ {code(view.task)}: no improvement was verified"
    yield ""
    if found is None:
        candidate = "" if view.best == ROOT else f" The best candidate is {code(view.best)}."
        yield f"Nothing was measured in a clean room.{candidate}"
    else:
        reason = f": {code(found.reason)}" if found.reason else ""
        yield f"Node {code(found.label)} came out of the clean room as **{found.verdict}**{reason}."
    yield ""
    if measured:
        yield from measured_table(measured, view.objective)
        yield ""
    for remark in view.remarks:
        yield f"- Note: {prose(remark, 500)}"
    if view.remarks:
        yield ""


def _verifications(view: RunView) -> Iterator[str]:
    if not view.verifications:
        return
    yield "#### Verified in a clean room"
    yield ""
    rows = (
        (
            code(found.label),
            str(found.verdict),
            gain_with_interval(found.measurement) if found.measurement else "",
            f"{found.measurement.pairs:,}" if found.measurement else "",
            percent(found.claimed) if found.claimed is not None else "",
            code(found.reason),
        )
        for found in view.verifications
    )
    columns = ("node", "verdict", ">gain over the original", ">pairs", ">while searching", "why")
    yield from table(columns, rows)
    yield ""


def _gate(gate: Sequence[Case]) -> Iterator[str]:
    if not gate:
        return
    yield "#### The gate"
    yield ""
    rows = ((code(case.name), _state(case.state), code(case.message)) for case in gate)
    yield from table(("what", "result", "why"), rows)
    yield ""


def _state(state: CaseState) -> str:
    return str(state) if state in (CaseState.PASSED, CaseState.SKIPPED) else f"**{state}**"


def _search(view: RunView) -> Iterator[str]:
    yield "#### The search"
    yield ""
    stopped = stop_words(view.stop, view.stop_detail) if view.stop else view.status
    ended_at = known(view.ended_at)
    took = "" if ended_at is None else f" in {clock_time(ended_at - view.started_at)}"
    facts = {
        "stopped": prose(stopped),
        "searched": f"{count(view.evaluations, 'evaluation')}, {count(len(view.nodes), 'node')}{took}",
        "budget": code(limits_of(view.budget).words()),
        "policy": f"{code(view.policy)}, seed {view.seed}",
        "containers": f"{clock_time(view.container_s)} spent, {clock_time(view.saved_s)} saved by "
        "stopping comparisons early",
        "run": code(view.run_id),
    }
    for name, said in facts.items():
        yield f"- {name}: {said}"
    if view.verified and view.verified.branch:
        yield f"- branch: {code(view.verified.branch, 400)}"
    yield ""


def _nodes(view: RunView) -> Iterator[str]:
    nodes = [node for node in view.nodes if node.label != ROOT]
    if not nodes:
        return
    yield "#### Everything that was tried, the best first"
    yield ""
    columns = ("node", "outcome", ">from the original", ">step", "actions", "why")
    yield from table(columns, map(_node, sorted(nodes, key=_rank)))


def _rank(node: NodeView) -> tuple[bool, float]:
    gain = known(node.gain)
    return gain is None, -(gain or 0.0)


def _node(node: NodeView) -> tuple[str, ...]:
    sign = sign_of(node.label, node.outcome)
    return (
        code(node.label),
        f"{sign.glyph} {sign.word}",
        "" if node.gain is None else percent(node.gain),
        gain_with_interval(node.edge) if node.edge else "",
        " + ".join(map(code, node.actions)),
        code(node.reason),
    )
